"""node: `-p` and `-e` of small expressions; everything else is code.

Understood are numbers, texts, the version, and members of JSON files that are named.

Source: Node.js 22, "Command-line API" and "Modules".
"""

from typing import Final

import re2

from clawlaw.core.actions import ProcessExec
from clawlaw.core.shell.lang import emit
from clawlaw.core.shell.lang.options import Parsed, names, parse, spec
from clawlaw.core.shell.words import UNKNOWN, Context, Invocation, Word

FAMILY: Final = "javascript"
OPTIONS: Final = spec(
    "-v --version -h --help -c --check --no-warnings --trace-warnings --test --watch"
    " --test-only --enable-source-maps --experimental-strip-types --expose-gc"
    " --experimental-modules --experimental-vm-modules --throw-deprecation"
    " --trace-deprecation --no-deprecation --preserve-symlinks"
    " --experimental-test-coverage",
    "-e --eval -p --print -pe --test-name-pattern --max-old-space-size"
    " --stack-size --input-type --unhandled-rejections --conditions -C --watch-path"
    " --test-concurrency --env-file",
    permute=False,
)
TELLING: Final = ("-v", "--version", "-h", "--help")
EVALUATES: Final = ("-e", "--eval", "-p", "--print", "-pe")
_TOKEN: Final = re2.compile(
    r"\s*(?:(?P<word>[A-Za-z_][A-Za-z_0-9]*)|(?P<number>[0-9]+(?:\.[0-9]+)?)"
    r"|(?P<text>'[^'\\\n]*'|\"[^\"\\\n]*\")|(?P<mark>[-+*/%().,;\[\]]))"
)
VALUES: Final = frozenset(
    {
        "process.version",
        "process.versions",
        "process.platform",
        "process.arch",
        "Math.PI",
        "null",
        "true",
        "false",
        "undefined",
    }
)
CALLS: Final = frozenset(
    {
        "console.log",
        "console.error",
        "JSON.stringify",
        "Object.keys",
        "Object.values",
        "Object.entries",
        "Math.max",
        "Math.min",
        "Math.round",
        "Math.floor",
        "Math.sqrt",
        "Math.pow",
        "Number",
        "String",
        "parseInt",
        "parseFloat",
        "encodeURIComponent",
        "decodeURIComponent",
    }
)
METHODS: Final = names(
    "join split length toString toUpperCase toLowerCase trim slice includes sort"
    " reverse concat padStart padEnd toFixed repeat flat"
)
BLOCKED: Final = frozenset({"constructor", "prototype", "mainModule", "binding"})


class NodeError(ValueError):
    """The program holds something that is not listed."""


def judge(invocation: Invocation, context: Context) -> None:
    """Turn a node command into effects."""
    parsed = parse(invocation.arguments, OPTIONS, context)
    if parsed is None:
        emit.start(invocation, context, FAMILY, code="unknown")
        return
    program = parsed.last(*EVALUATES)
    if parsed.has(*TELLING):
        emit.start(invocation, context, FAMILY)
    elif program is not None:
        _evaluate(program, invocation, context)
    elif parsed.has("--test"):
        emit.project(invocation, context, FAMILY, invocation.cwd)
    elif parsed.operands and parsed.operands[0].text != "-":
        _file(parsed, invocation, context)
    else:
        fed = invocation.stdin.source != "none"
        emit.start(invocation, context, FAMILY, code="input" if fed else "none")
    for file in parsed.each("--env-file"):
        emit.read(context, file, invocation.cwd)


def _file(parsed: Parsed, invocation: Invocation, context: Context) -> None:
    word = parsed.operands[0]
    if parsed.has("-c", "--check"):
        emit.start(invocation, context, FAMILY)
        emit.read(context, word, invocation.cwd)
        return
    path = context.path(word, invocation.cwd)
    emit.start(invocation, context, FAMILY, code="file", script=path or "")


def _evaluate(word: Word, invocation: Invocation, context: Context) -> None:
    try:
        files = read_program(word.text if word.known else UNKNOWN)
    except NodeError:
        emit.start(invocation, context, FAMILY, code="inline")
        return
    emit.start(invocation, context, FAMILY)
    for file in files:
        path = emit.read(context, Word(file), invocation.cwd)
        if path is not None:
            # Where the file is missing, node runs one of this name.
            argv = tuple(w.text for w in invocation.arguments)
            context.emit(ProcessExec("node", argv, script=path + ".js", family=FAMILY))


def read_program(text: str) -> list[str]:
    """JSON files that a program reads.

    Raises:
        NodeError: Something in it is not listed.
    """
    tokens: list[tuple[str, str]] = []
    place = 0
    text = text.strip()
    while place < len(text):
        hit = _TOKEN.match(text, place)
        if hit is None:
            raise NodeError
        tokens.append((hit.lastgroup, hit.group(hit.lastgroup)))
        place = hit.end()
    reader = _Reader(tokens)
    reader.statements()
    return reader.files


class _Reader:
    __slots__ = ("depth", "files", "place", "tokens")

    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self.tokens = tokens
        self.place = 0
        self.depth = 0
        self.files: list[str] = []

    def peek(self) -> str:
        if self.place < len(self.tokens):
            kind, text = self.tokens[self.place]
            return text if kind in ("mark", "word") else kind
        return ""

    def next(self) -> tuple[str, str]:
        return self.tokens[self.place] if self.place < len(self.tokens) else ("", "")

    def take(self, wanted: str) -> None:
        if self.peek() != wanted:
            raise NodeError
        self.place += 1

    def statements(self) -> None:
        while self.place < len(self.tokens):
            self.expression()
            if self.place < len(self.tokens):
                self.take(";")

    def expression(self) -> None:
        self.depth += 1
        if self.depth > 50:  # noqa: PLR2004  # far beyond what people write
            raise NodeError
        self.operand()
        while self.peek() in ("+", "-", "*", "/", "%"):
            self.place += 1
            self.operand()
        self.depth -= 1

    def operand(self) -> None:
        kind, text = (
            self.tokens[self.place] if self.place < len(self.tokens) else ("", "")
        )
        self.place += 1
        if kind in ("number", "text"):
            pass
        elif text == "-":
            self.operand()
            return
        elif text == "(":
            self.expression()
            self.take(")")
        elif kind == "word" and text == "require":
            self.json()
        elif kind == "word":
            self.named(text)
        else:
            raise NodeError
        self.members()

    def json(self) -> None:
        self.take("(")
        kind, text = (
            self.tokens[self.place] if self.place < len(self.tokens) else ("", "")
        )
        path = text[1:-1]
        if kind != "text" or not path.startswith(("./", "../", "/")):
            raise NodeError
        if not path.endswith(".json"):
            raise NodeError
        self.files.append(path)
        self.place += 1
        self.take(")")

    def named(self, name: str) -> None:
        if name not in VALUES and name not in CALLS:
            self.take(".")
            name = f"{name}.{self.peek()}"
            self.place += 1
        if name in CALLS:
            self.arguments()
        elif name not in VALUES:
            raise NodeError

    def arguments(self) -> None:
        self.take("(")
        while self.peek() != ")":
            self.expression()
            if self.peek() != ")":
                self.take(",")
        self.take(")")

    def members(self) -> None:
        while self.peek() in (".", "["):
            mark = self.peek()
            self.place += 1
            kind, text = (
                self.tokens[self.place] if self.place < len(self.tokens) else ("", "")
            )
            name = text.strip("'\"")
            if name in BLOCKED or name.startswith("__"):
                raise NodeError
            self.place += 1
            if mark == "[":
                if kind not in ("number", "text"):
                    raise NodeError
                self.take("]")
            elif kind != "word":
                raise NodeError
            elif self.peek() == "(":
                if name not in METHODS:
                    raise NodeError
                self.arguments()
