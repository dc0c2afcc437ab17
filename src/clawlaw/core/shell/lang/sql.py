"""Statements of SQL: which only look, which change, which reach outside the database.

Source: SQLite 3.50 and PostgreSQL 18 documentation, "SQL commands"; MySQL 8.4 manual.
"""

from typing import Final, Literal

import re2

type Kind = Literal["looks", "changes", "destroys", "unknown"]

ORDER: Final[tuple[Kind, ...]] = ("looks", "changes", "destroys", "unknown")
LOOKS: Final = frozenset(
    {"select", "explain", "show", "describe", "desc", "values", "table"}
)
CHANGES: Final = frozenset(
    {
        "insert",
        "update",
        "create",
        "alter",
        "replace",
        "begin",
        "commit",
        "rollback",
        "end",
        "savepoint",
        "release",
        "vacuum",
        "analyze",
        "reindex",
        "comment",
        "start",
    }
)
DESTROYS: Final = frozenset({"drop", "truncate", "delete"})
# Names by which a statement leaves the database: files, programs, other servers.
_OUTSIDE: Final = re2.compile(
    r"(?i)\b(?:load_extension|readfile|writefile|edit|fts3_tokenizer|attach|detach|zipfile"
    r"|fsdir|lsmode|program|copy|dblink\w*|pg_read_\w+|pg_ls_\w+|pg_write_\w+|pg_file_\w+"
    r"|pg_stat_file|pg_execute_\w+|lo_import|lo_export|query_to_xml\w*|outfile|dumpfile"
    r"|infile|load_file|sys_exec|sys_eval|function|procedure|language|extension|trigger"
    r"|do|call|execute|prepare|listen|notify|grant|revoke|role|user|password|server"
    r"|foreign|tablespace|database_to_xml|set_config|event|plugin|handler|into\s+@|vacuum\s+(?:\w+\s+)?into)\b"
)
_SKIPPED: Final = re2.compile(
    r"(?s)'(?:[^'\\]|'')*'|--[^\n]*|/\*[^!*](?:[^*]|\*[^/])*\*/"
)
# Conditions that hold for every row.
_EVERY: Final = re2.compile(
    r"(?i)\bwhere\s+(?:not\s+false|true|\d+(?:\s*=\s*\d+)?)\s*$"
)
_WORD: Final = re2.compile(r"[A-Za-z]+")


def judge_sql(text: str) -> Kind:
    """The most worrying kind among the statements of a text."""
    if "\\" in text or "\0" in text or "`" in text or "$" in text:
        return "unknown"
    bare = _SKIPPED.sub(" ", text)
    if "'" in bare or "/*" in bare or _OUTSIDE.search(bare):
        return "unknown"
    worst: Kind = "looks"
    for statement in bare.split(";"):
        kind = _statement(statement)
        if ORDER.index(kind) > ORDER.index(worst):
            worst = kind
    return worst


def _statement(text: str) -> Kind:
    words = [word.lower() for word in _WORD.findall(text)]
    if not words:
        return "unknown" if text.strip() else "looks"
    first = words[0]
    if first == "with":
        first = next((w for w in words if w in CHANGES | DESTROYS), "select")
    if first == "pragma":
        return "changes" if "=" in text else "looks"
    if first in DESTROYS or (first == "update" and "set" in words):
        some = "where" in words and not _EVERY.search(text)
        return "changes" if first in ("delete", "update") and some else "destroys"
    if first in LOOKS:
        return "changes" if "into" in words else "looks"
    return "changes" if first in CHANGES else "unknown"
