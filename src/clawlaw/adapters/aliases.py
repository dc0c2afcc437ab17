"""Tools of common clients as the tools that the gate knows.

The names of arguments are the gate's own business (:mod:`clawlaw.core.tools` takes
those that clients use); here are the names of tools, and the few tools that say what
they do in a form of their own. A name that is not listed stays as it is: it is a tool
that the gate knows, one that a tool map teaches, or unknown. Nothing is guessed from a
name that only looks like another.
"""

import posixpath
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from msgspec import structs

from clawlaw.adapters.patch import Change, read_patch
from clawlaw.core.actions import (
    MAX_EFFECTS,
    AnyEffect,
    FileDelete,
    FileMove,
    FileRead,
    FileWrite,
    Proposal,
)


@dataclass(frozen=True, slots=True)
class Known:
    """A call in the gate's words.

    Attributes:
        effects: What the call does besides what its arguments say.
    """

    tool: str
    arguments: dict[str, Any]
    effects: tuple[AnyEffect, ...] = ()


@dataclass(frozen=True, slots=True)
class Alias:
    """How one client's tool reads.

    Attributes:
        tool: The gate's name.
        names: The gate's argument by the client's, where the gate does not know it.
        ignored: Arguments that change what is shown or noted, not what is done.
    """

    tool: str
    names: Mapping[str, str] = field(default_factory=dict)
    ignored: frozenset[str] = frozenset()


_SHELL = frozenset(
    {
        "Blocking",
        "SafeToAutoRun",
        "WaitMsBeforeAsync",
        "dangerouslyDisableSandbox",
        "is_input",
        "requires_approval",
        "restart",
        "security_risk",
    }
)
_READ = frozenset(
    {
        "cell_id",
        "end_line_one_indexed",
        "end_line_one_indexed_inclusive",
        "explanation",
        "ignore",
        "line_range",
        "pages",
        "recursive",
        "respect_git_ignore",
        "should_read_entire_file",
        "start_line_one_indexed",
    }
)
_EDIT = frozenset({"cell_id", "cell_type", "edit_mode", "blocking", "instruction"})
_SHELL_NAMES = {"CommandLine": "command", "Cwd": "cwd"}
_READ_NAMES = {
    "absolute_path": "path",
    "dir_path": "path",
    "filePath": "path",
    "notebook_path": "path",
    "relative_workspace_path": "path",
}
_EDIT_NAMES = {
    "code_edit": "new",
    "diff": "new",
    "filePath": "path",
    "new_source": "new",
    "newString": "new",
    "notebook_path": "path",
    "oldString": "old",
}
_SEARCH_NAMES = {"dir_path": "path", "include": "glob"}

SHELL = Alias("exec", _SHELL_NAMES, _SHELL)
READ = Alias("read", _READ_NAMES, _READ)
WRITE = Alias("write", {"filePath": "path"}, frozenset({"line_count", "explanation"}))
EDIT = Alias("edit", _EDIT_NAMES, _EDIT)
DELETE = Alias("delete")
SEARCH = Alias("search", _SEARCH_NAMES)
FETCH = Alias("fetch")

ALIASES: Mapping[str, Alias] = {
    **dict.fromkeys(
        (
            "Bash", "Shell", "bash", "exec_command", "execute_bash", "execute_command",
            "local_shell", "run_bash", "run_command", "run_in_terminal",
            "run_shell_command", "run_terminal_cmd", "shell", "shell_command",
            "terminal",
        ),
        SHELL,
    ),
    **dict.fromkeys(
        (
            "LS", "NotebookRead", "Read", "cat_file", "list_dir", "list_directory",
            "list_files", "open_file", "readFile", "read_file", "view", "view_file",
        ),
        READ,
    ),
    **dict.fromkeys(
        ("Write", "create_file", "writeFile", "write_file", "write_to_file"), WRITE
    ),
    **dict.fromkeys(
        (
            "Edit", "MultiEdit", "NotebookEdit", "Update", "edit_file", "multi_edit",
            "replace", "replace_in_file", "replace_string_in_file", "search_replace",
            "str_replace",
        ),
        EDIT,
    ),
    **dict.fromkeys(("delete_file", "remove_file"), DELETE),
    **dict.fromkeys(
        (
            "Grep", "codebase_search", "grep", "grep_search", "ripgrep",
            "search_file_content", "search_files", "semantic_search",
        ),
        SEARCH,
    ),
    **dict.fromkeys(("WebFetch", "fetch_url", "read_url", "web_fetch"), FETCH),
}  # fmt: skip


def in_known_words(proposal: Proposal) -> Proposal:
    """The same call in the gate's words; one that is not listed as it came.

    Args:
        proposal: With the tool and the arguments of a client.

    Returns:
        A proposal that says no less: every file that the client's call names is in the
        arguments or among the declared effects.
    """
    call = known(proposal.tool, proposal.arguments, proposal.cwd)
    if call is None or len(proposal.effects) + len(call.effects) > MAX_EFFECTS:
        return proposal
    return structs.replace(
        proposal,
        tool=call.tool,
        arguments=call.arguments,
        effects=proposal.effects + call.effects,
    )


def known(tool: str, arguments: Mapping[str, Any], cwd: str) -> Known | None:
    """A client's call in the gate's words; `None`: it stays as it is."""
    if tool in READINGS:
        return READINGS[tool](arguments, cwd)
    alias = ALIASES.get(tool)
    if alias is None:
        return None
    said: dict[str, Any] = {}
    for name, value in arguments.items():
        if name in alias.ignored and not isinstance(value, dict):
            continue
        target = alias.names.get(name, name)
        if target in said:  # two names for one thing: which one counts is not known
            return None
        said[target] = value
    return Known(alias.tool, said)


def joined(cwd: str, path: str) -> str:
    """An absolute path: as it is, or below `cwd`; `..` is kept."""
    return path if path.startswith("/") else posixpath.join(cwd, path)


def _is_plain(path: str) -> bool:
    """Whether every client takes the text for the same path."""
    return not path.startswith("~") and "://" not in path and "\0" not in path


type Reading = Callable[[Mapping[str, Any], str], Known | None]
# The commands of the editor tool that models were trained on, as tools of the gate.
_EDITOR = {
    "view": ("read", frozenset({"path", "view_range"})),
    "create": ("write", frozenset({"path", "file_text"})),
    "str_replace": ("edit", frozenset({"path", "old_str", "new_str"})),
    "insert": ("edit", frozenset({"path", "insert_line", "insert_text", "new_str"})),
}


def _editor(arguments: Mapping[str, Any], cwd: str) -> Known | None:
    del cwd
    said = {k: v for k, v in arguments.items() if k not in {"command", "security_risk"}}
    command = arguments.get("command")
    tool, names = _EDITOR.get(str(command), ("", frozenset[str]()))
    if not tool or not said.keys() <= names:
        return None
    if "insert_text" in said:
        said["new"] = said.pop("insert_text")
        if "new_str" in said:
            return None
    return Known(tool, said)


def _many(arguments: Mapping[str, Any], cwd: str) -> Known | None:
    """Files by paths and patterns in one call."""
    names = next((arguments[n] for n in ("paths", "include") if n in arguments), None)
    if not isinstance(names, list) or not names:
        return None
    if not all(isinstance(name, str) and _is_plain(name) for name in names):
        return None
    plain = [name for name in names if not _is_pattern(name)]
    effects = tuple(
        FileRead(joined(cwd, name), glob=True) for name in names if _is_pattern(name)
    )
    return Known("read", {"paths": plain or [cwd]}, effects)


def _is_pattern(name: str) -> bool:
    return any(mark in name for mark in "*?[")


def _names(arguments: Mapping[str, Any], cwd: str) -> Known | None:
    """Names of files by a pattern: everything beneath one directory is looked at."""
    said = [arguments.get(n) for n in ("pattern", "query", "glob_pattern")]
    pattern = next((text for text in said if text is not None), None)
    places = [arguments.get(n) for n in ("path", "dir_path", "target_directory")]
    place = next((text for text in places if text is not None), cwd)
    if not isinstance(pattern, str) or not isinstance(place, str):
        return None
    fixed = pattern.split("/")
    head = next((i for i, part in enumerate(fixed) if _is_pattern(part)), len(fixed))
    if ".." in fixed[head:] or not _is_plain(pattern) or not _is_plain(place):
        return None
    start = "/".join(fixed[:head]) or ("/" if pattern.startswith("/") else "")
    return Known(
        "search", {"path": joined(joined(cwd, place), start).rstrip("/") or "/"}
    )


def _patch(arguments: Mapping[str, Any], cwd: str) -> Known | None:
    texts = [arguments.get(n) for n in ("input", "patch", "patchText")]
    text = next((t for t in texts if t is not None), None)
    changes = read_patch(text) if isinstance(text, str) else None
    if not changes or not all(_is_plain(c.path) and _is_plain(c.to) for c in changes):
        return None
    effects: list[AnyEffect] = []
    for change in changes[1:]:
        effects += _effects(change, cwd)
    first = changes[0]
    if first.to:
        effects += [FileMove(joined(cwd, first.path), joined(cwd, first.to))]
    if first.action == "delete":
        return Known("delete", {"path": first.path}, tuple(effects))
    tool, name = ("write", "content") if first.action == "add" else ("edit", "new")
    return Known(tool, {"path": first.path, name: first.added}, tuple(effects))


def _effects(change: Change, cwd: str) -> list[AnyEffect]:
    path = joined(cwd, change.path)
    if change.action == "delete":
        return [FileDelete(path)]
    how = FileWrite(path, how="create" if change.action == "add" else "modify")
    return [how, FileMove(path, joined(cwd, change.to))] if change.to else [how]


READINGS: Mapping[str, Reading] = {
    "str_replace_editor": _editor,
    "str_replace_based_edit_tool": _editor,
    "read_many_files": _many,
    "Glob": _names,
    "glob": _names,
    "file_search": _names,
    "apply_patch": _patch,
}
