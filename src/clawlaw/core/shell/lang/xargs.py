"""xargs: the command it builds is analysed with the words it would be given.

Known text on the input gives known words. Names that were found in a directory stay
in it. Everything else is a word of which nothing is known.

Source: GNU findutils 4.10 manual, "Invoking xargs"; POSIX.1-2024, xargs.
"""

from typing import Final

from clawlaw.core.shell.lang import emit
from clawlaw.core.shell.lang.options import Parsed, parse, spec
from clawlaw.core.shell.words import UNKNOWN, Context, Input, Invocation, Word

FAMILY: Final = "search"
OPTIONS: Final = spec(
    "-0 --null -o --open-tty -p --interactive -r --no-run-if-empty -t --verbose -x"
    " --exit --show-limits --help --version",
    "-a --arg-file -d --delimiter -E -I -L --max-lines -n --max-args -P --max-procs"
    " -s --max-chars",
    "-i --replace -e --eof -l",
    permute=False,
)
MAX_RUNS: Final = 16  # commands that known input is analysed for


def judge(invocation: Invocation, context: Context) -> None:
    """Turn an xargs command into effects."""
    emit.start(invocation, context, FAMILY)
    parsed = parse(invocation.arguments, OPTIONS, context)
    if parsed is None:
        return
    command = parsed.operands or [Word("echo")]
    given = invocation.stdin
    file = parsed.last("-a", "--arg-file")
    if file is not None:
        emit.read(context, file, invocation.cwd)
        given = Input("file")
    replaced = _placeholder(parsed)
    below = given.names_below(invocation.cwd)
    for words in _runs(parsed, given, below, replaced):
        inner = (
            [*command, *words]
            if replaced is None
            else [_put(word, replaced, words) for word in command]
        )
        context.run(
            Invocation(
                program=inner[0],
                arguments=inner[1:],
                stdin=Input() if file is None else invocation.stdin,
                piped=invocation.piped,
                environment=invocation.environment,
                cwd=invocation.cwd,
            )
        )


def _placeholder(parsed: Parsed) -> str | None:
    found = None
    for name, value in parsed.options:
        if name == "-I" and value is not None:
            found = value.text
        elif name in ("-i", "--replace"):
            found = value.text if value is not None and value.text else "{}"
    return found


def _put(word: Word, placeholder: str, values: list[Word]) -> Word:
    """Put the value of one run where the placeholder stands in a word."""
    if not placeholder or placeholder not in word.text:
        return word
    value = values[0]
    text = word.text.replace(placeholder, value.text)
    rest = word.text.removeprefix(placeholder)
    inside = rest != word.text and ".." not in rest and placeholder not in rest
    return Word(text, word.glob, word.many, value.within if inside else "")


def _runs(
    parsed: Parsed, given: Input, below: str, replaced: str | None
) -> list[list[Word]]:
    """Words of each command that will run; names on the input are `below` there."""
    unknown = [[_unknown(below, many=replaced is None)]]
    if given.source == "none" and given.text is None:
        return [] if parsed.has("-r", "--no-run-if-empty") or replaced else [[]]
    if given.text is None or parsed.has("-E", "-e", "--eof", "-l", "-L", "--max-lines"):
        return unknown
    items = _items(parsed, given.text, lines=replaced is not None)
    if items is None:
        return unknown
    words = [Word(item) for item in items]
    size = len(words) or 1
    most = parsed.last("-n", "--max-args")
    if replaced is not None:
        size = 1
    elif most is not None:
        if not (most.text.isascii() and most.text.isdigit() and int(most.text[:9])):
            return unknown
        size = int(most.text[:9])
    runs = [words[i : i + size] for i in range(0, len(words), size)]
    return runs if len(runs) <= MAX_RUNS else unknown


def _unknown(below: str, *, many: bool) -> Word:
    if below:
        text = below.rstrip("/") + "/" + UNKNOWN
        return Word(text, many=many, within=below)
    return Word(UNKNOWN, many=many)


def _items(parsed: Parsed, text: str, *, lines: bool) -> list[str] | None:
    """Split known input; `None` where its quoting would have to be understood."""
    delimiter = parsed.last("-d", "--delimiter")
    if parsed.has("-0", "--null"):
        return text.removesuffix("\0").split("\0") if text else []
    if delimiter is not None:
        mark = {"\\n": "\n", "\\t": "\t", "\\0": "\0"}.get(
            delimiter.text, delimiter.text
        )
        if len(mark) != 1 or mark == UNKNOWN:
            return None
        return text.removesuffix(mark).split(mark) if text else []
    if any(character in text for character in "'\"\\"):
        return None
    if lines:
        return [line.strip(" \t") for line in text.split("\n") if line.strip(" \t")]
    return text.split()
