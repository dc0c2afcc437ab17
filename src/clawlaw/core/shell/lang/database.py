"""sqlite3, psql and mysql: what statements read and change, which commands leave them.

Source: SQLite 3.50, "Command Line Shell"; PostgreSQL 18, psql; MySQL 8.4, mysql.
"""

from typing import Final

from clawlaw.core.actions import NetRequest
from clawlaw.core.shell.lang import emit
from clawlaw.core.shell.lang.options import names, parse, spec
from clawlaw.core.shell.lang.sql import ORDER, Kind, judge_sql
from clawlaw.core.shell.lang.urls import read_url
from clawlaw.core.shell.words import UNKNOWN, Context, Invocation, Word

FAMILY: Final = "database"
# Options of sqlite3 have one dash; a second one is taken as well.
SQLITE_FLAGS: Final = names(
    "-ascii -batch -bail -box -column -csv -echo -header -noheader -html -json -line"
    " -list -markdown -memtrace -quote -readonly -safe -stats -table -tabs -version"
    " -help -nofollow"
)
SQLITE_VALUES: Final = names("-separator -newline -nullvalue -maxsize -mmap")
DOTS_LOOK: Final = names(
    ".tables .table .schema .fullschema .indexes .indices .headers .header .mode .dump"
    " .databases .dbinfo .help .quit .exit .width .nullvalue .separator .timer .stats"
    " .show .echo .changes .eqp .explain .print .version .bail .lint .limit"
)
PSQL: Final = spec(
    "-a -A -b -e -E -l -L -n -q -s -S -t -x -X -w -W -1 -V -z -0 --csv --no-psqlrc"
    " --tuples-only --no-align --quiet --list --expanded --html -H --version --help"
    " --no-password --echo-all --echo-queries --single-transaction --no-readline",
    "-c --command -d --dbname -h --host -p --port -U --username -F --field-separator -R"
    " --record-separator -P --pset -T --table-attr -v --set --variable",
)
MYSQL: Final = spec(
    "-t --table -B --batch -N --skip-column-names -s --silent -r --raw -E --vertical -v"
    " --verbose -V --version --help -X --xml -f --force -C --compress -q --quick",
    "-e --execute -h --host -P --port -u --user -D --database --default-character-set"
    " --protocol",
    "-p --password",
)


def sqlite(invocation: Invocation, context: Context) -> None:
    """Turn a sqlite3 command into effects."""
    words = list(invocation.arguments)
    operands: list[Word] = []
    statements: list[Word] = []
    index = 0
    while index < len(words):
        text = words[index].text
        option = "-" + text.lstrip("-")
        index += 1
        if text[:1] != "-":
            operands.append(words[index - 1])
        elif option in SQLITE_VALUES:
            index += 1
        elif option == "-cmd" and index < len(words):
            statements.append(words[index])
            index += 1
        elif option not in SQLITE_FLAGS:
            emit.start(invocation, context, FAMILY, code="unknown")
            emit.give_up(context, "sqlite3: option is not understood", text)
            return
    statements += operands[1:]
    _sqlite(operands[:1], statements, invocation, context)


def _sqlite(
    file: list[Word],
    statements: list[Word],
    invocation: Invocation,
    context: Context,
) -> None:
    given = invocation.stdin
    texts = [word.text if word.known else UNKNOWN for word in statements]
    fed = not any(text[:1] != "." for text in texts) and given.source != "none"
    if fed:
        texts.append(UNKNOWN if given.text is None else given.text)
    kind = _worst([_shell_text(text) for text in texts])
    emit.start(
        invocation, context, FAMILY, code="inline" if kind == "unknown" else "none"
    )
    for word in file:
        if word.text == ":memory:":
            continue
        if word.text.startswith("file:"):
            emit.give_up(context, "sqlite3: file is named by an address", word.text)
        emit.read(context, word, invocation.cwd)
        if kind != "looks":
            emit.write(context, word, invocation.cwd, how="modify", source="agent")
    if kind == "destroys":
        emit.give_up(context, "sqlite3: removes tables or all rows", "; ".join(texts))


def _worst(kinds: list[Kind]) -> Kind:
    return max(kinds, key=ORDER.index, default="looks")


def _shell_text(text: str) -> Kind:
    """Statements and dot-commands, which stand on lines of their own."""
    if UNKNOWN in text:
        return "unknown"
    kinds: list[Kind] = []
    plain: list[str] = []
    for line in text.split("\n"):
        if line.lstrip()[:1] != ".":
            plain.append(line)
        elif line.split()[0] in DOTS_LOOK and "|" not in line:
            kinds.append("looks")
        else:
            return "unknown"
    return _worst([*kinds, judge_sql("\n".join(plain))])


def psql(invocation: Invocation, context: Context) -> None:
    """Turn a psql command into effects."""
    parsed = parse(invocation.arguments, PSQL, context)
    if parsed is None:
        emit.start(invocation, context, FAMILY, code="unknown")
        return
    commands = parsed.each("-c", "--command")
    address = parsed.last("-d", "--dbname") or (parsed.operands or [Word("")])[0]
    host = parsed.last("-h", "--host")
    port = parsed.last("-p", "--port")
    lists = parsed.has("-l", "--list", "-V", "--version", "--help")
    _server(
        commands,
        address if "://" in address.text else host,
        port or Word("5432"),
        invocation,
        context,
        scheme="postgres",
        idle=lists,
    )


def mysql(invocation: Invocation, context: Context) -> None:
    """Turn a mysql command into effects."""
    parsed = parse(invocation.arguments, MYSQL, context)
    if parsed is None:
        emit.start(invocation, context, FAMILY, code="unknown")
        return
    commands = parsed.each("-e", "--execute")
    idle = parsed.has("-V", "--version", "--help")
    port = parsed.last("-P", "--port") or Word("3306")
    _server(
        commands,
        parsed.last("-h", "--host"),
        port,
        invocation,
        context,
        scheme="mysql",
        idle=idle,
    )


def _server(
    commands: list[Word],
    host: Word | None,
    port: Word,
    invocation: Invocation,
    context: Context,
    *,
    scheme: str,
    idle: bool,
) -> None:
    """A client of a server: statements go out, rows come back."""
    texts = [word.text if word.known else UNKNOWN for word in commands]
    if not texts and not idle:
        given = invocation.stdin
        texts = [UNKNOWN if given.text is None else given.text]
    kind = _worst(["looks" if _tells(text) else judge_sql(text) for text in texts])
    emit.start(
        invocation, context, FAMILY, code="inline" if kind == "unknown" else "none"
    )
    if idle and not texts:
        return
    name, number = _address(host, port)
    if not name:
        emit.give_up(context, "server is not known", host.text if host else "")
    context.emit(
        NetRequest(
            host=name,
            port=number,
            scheme=scheme,
            method="GET" if kind == "looks" else "POST",
            carries="nothing" if kind == "looks" else "text",
        )
    )
    if kind == "destroys":
        emit.give_up(context, "removes tables or all rows", "; ".join(texts))


def _tells(text: str) -> bool:
    """Whether a command of psql is one of those that describe."""
    word = text.strip()
    return word[:2] in ("\\d", "\\l") and all(
        c.isalnum() or c in "\\+ ._*" for c in word
    )


def _address(host: Word | None, port: Word) -> tuple[str, int]:
    number = int(port.text) if port.text.isascii() and port.text.isdigit() else 0
    if host is None:
        return "localhost", number
    if not host.known:
        return "", number
    text = (
        host.text.partition("://")[2].rpartition("@")[2]
        if "://" in host.text
        else host.text
    )
    if text[:1] == "/":
        return "localhost", number
    url = read_url("http://" + text)
    return (url.host, url.port or number) if url is not None else ("", number)
