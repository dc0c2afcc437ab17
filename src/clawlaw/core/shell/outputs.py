"""What is known of a command's output without running it."""

from collections.abc import Sequence
from typing import Literal

from clawlaw.core.actions import FileRead, NetRequest, Opaque, ServiceRead
from clawlaw.core.shell.words import UNKNOWN, Input, Word
from clawlaw.core.shell.world import ANY_NAME, ANY_NUMBER, Number

_NUMBERS = frozenset({"nproc", "arch"})
_NAMES = frozenset({"whoami", "hostname", "arch", "uname"})
_LETTERS = frozenset("+%_.-FTsYymdHMSjNabBGuVT:0123456789")
NUMBERS = Number(UNKNOWN, many=True)  # one a line
_SOURCES: tuple[Literal["none", "agent", "program", "file", "network", "unknown"], ...]
_SOURCES = ("none", "agent", "program", "file", "network", "unknown")
_RANK = {source: rank for rank, source in enumerate(_SOURCES)}
# What an effect means for the output of the command that has it.
RANKS: dict[type, int] = {
    FileRead: _RANK["file"],
    NetRequest: _RANK["network"],
    ServiceRead: _RANK["network"],
    Opaque: _RANK["unknown"],
}
# Programs that print some of their input's lines, with the options under which each
# line stays as it was.
_SELECTS = {
    "sort": frozenset("rnufVhbdgiR"),
    "uniq": frozenset("iu"),
    "head": frozenset("nq0123456789"),
    "tail": frozenset("nq0123456789"),
    "grep": frozenset("viEFePwxm0123456789z"),
    "egrep": frozenset("vi"),
    "fgrep": frozenset("vi"),
    "tac": frozenset(),
    "shuf": frozenset("n0123456789"),
}
_TAKES_PATTERN = frozenset({"grep", "egrep", "fgrep"})


def shape(name: str, arguments: Sequence[Word]) -> Word | None:
    """The kind of word that a program prints, where it is told by its words."""
    texts = [word.text for word in arguments if word.known]
    if len(texts) != len(arguments):
        return None
    if (name == "nproc" and not texts) or (
        name == "wc" and texts in (["-l"], ["-c"], ["-w"], ["-m"])
    ):
        return ANY_NUMBER
    if name == "date" and texts and texts[-1].startswith("+"):
        plain = set(texts[-1]) <= _LETTERS and _is_dated(texts[:-1])
        number = texts[-1] in {"+%s", "+%Y", "+%Y%m%d", "+%Y%m%d%H%M%S", "+%F%T"}
        return (
            (ANY_NUMBER if number and "F" not in texts[-1] else ANY_NAME)
            if plain
            else None
        )
    if name == "seq" and texts and all(map(_counts, texts)):
        return NUMBERS
    if name == "whoami" and not texts:
        return ANY_NAME
    return None


def _is_dated(texts: Sequence[str]) -> bool:
    """Whether options of date choose a time and nothing else."""
    rest = [text for text in texts if text not in {"-u", "--utc"}]
    return not rest or (len(rest) == 2 and rest[0] in {"-d", "--date", "-r"})  # noqa: PLR2004


def _counts(text: str) -> bool:
    """Whether seq prints plain numbers for an argument: no format, no sign."""
    return text == "-w" or (text.isascii() and text.isdigit())


def selects(name: str, arguments: Sequence[Word]) -> bool:
    """Whether every line that a program prints is a line of its input."""
    letters = _SELECTS.get(name)
    if letters is None:
        return False
    operands = 0
    takes = False
    for word in arguments:
        text = word.text
        if takes:
            takes = False
        elif text[:2] == "--" or (text[:1] == "-" and not set(text[1:]) <= letters):
            return False
        elif text[:1] == "-":
            takes = text in {"-n", "-e", "-m"} and name != "sort"
        elif not word.known or word.many:
            return False
        else:
            operands += 1
    return operands == (1 if name in _TAKES_PATTERN else 0)


def rank_of(output: Input) -> int:
    """Place of an output's source in the order of trust, the least trusted last."""
    return _RANK[output.source]


def as_input(output: Input) -> Input:
    """What a program reads, when this was printed or given.

    A text without words is not known words: `xargs` starts its command for it all the
    same, where the options say so.
    """
    if output.text is None or output.text.strip():
        return output
    return Input("agent") if output.text else Input()


def derived(rank: int, stdin: Input) -> Input:
    """Where a command's output comes from, by its effects and its input.

    Args:
        rank: The highest of `RANKS` among its effects.
        stdin: What it read.
    """
    rank = max(rank, _RANK[stdin.source], _RANK["program"])
    return Input(_SOURCES[rank])
