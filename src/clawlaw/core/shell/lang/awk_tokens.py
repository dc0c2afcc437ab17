"""Tokens of awk programs.

Where a slash may be a division or begin a pattern, and the awks disagree, the text is
refused.

Source: POSIX.1-2024, awk, "Lexical Conventions"; gawk 5.3 manual.
"""

import string
from collections.abc import Callable
from typing import Final, NamedTuple

import re2

MAX_PROGRAM: Final = 20_000  # characters


class AwkError(ValueError):
    """The program holds something that is not understood; says what."""


class Token(NamedTuple):
    """One token.

    Attributes:
        kind: name, number, string, regex, newline or the operator itself.
        text: Of a string: its value.
    """

    kind: str
    text: str


_LETTERS: Final = frozenset(string.ascii_letters + "_")
_WORD: Final = frozenset(string.ascii_letters + string.digits + "_")
_NUMBER: Final = frozenset(string.digits + ".")
_SINGLE: Final = frozenset("{}()[],;+-*%^!<>|?:~$=@")
_DOUBLE: Final = frozenset(
    {"|&", "**", "||", "&&", ">>", "==", "<=", ">=", "!=", "!~", "++", "--", "+=", "-="}
    | {"*=", "%=", "^="}
)
_PATTERN: Final = re2.compile(
    r"/((?:[^/\\\[\n]|\\[^\n]|\[\^?\]?(?:[^\]\[/\\\n]|\\[^\n]|\[:[a-z]+:\])*\])*)/"
)
_ESCAPES: Final = {
    '"': '"',
    "\\": "\\",
    "/": "/",
    "n": "\n",
    "t": "\t",
    "r": "\r",
    "a": "\a",
    "b": "\b",
    "f": "\f",
    "v": "\v",
}
UNSURE: Final = "\ufffd"  # stands for an escape that the awks read differently
# After these a slash divides; after the others it begins a pattern.
_OPERANDS: Final = frozenset({"number", "string", ")", "]"})
_BEFORE_PATTERN: Final = frozenset(
    {"print", "printf", "return", "in", "if", "while", "else", "do", "case", "exit"}
)


def tokens(program: str) -> list[Token]:
    """Split a program.

    Raises:
        AwkError: A part of it is not understood.
    """
    if len(program) > MAX_PROGRAM:
        raise AwkError("program is too long")
    if UNSURE in program or "\0" in program or "\r" in program:
        raise AwkError("program is not known exactly")
    found: list[Token] = []
    place, end = 0, len(program)
    while place < end:
        place = _READERS.get(program[place], _slash)(program, place, found)
    return found


_NEWLINE: Final = Token("newline", "\n")


def _word(program: str, place: int, found: list[Token]) -> int:
    """Read a name or a number; returns the place after it."""
    end, last = place + 1, len(program)
    name = program[place] in _LETTERS
    allowed = _WORD if name else _NUMBER
    while end < last and program[end] in allowed:
        end += 1
    if not name and program[end : end + 1] in ("e", "E", "x", "X"):
        raise AwkError("number")  # not all awks read 0x10 and 1e3 as one
    found.append(Token("name" if name else "number", program[place:end]))
    return end


def _operator(program: str, place: int, found: list[Token]) -> int:
    text = program[place : place + 2]
    if text not in _DOUBLE:
        text = program[place]
        if text == "&":
            raise AwkError("character '&'")
    found.append(Token(text, text))
    return place + len(text)


def _text(program: str, place: int, found: list[Token]) -> int:
    """Read a text in quotes; returns the place after it."""
    end = program.find('"', place + 1)
    while end > 0 and _escaped(program, end):
        end = program.find('"', end + 1)
    raw = program[place + 1 : end]
    if end < 0 or "\n" in raw:
        raise AwkError("text without an end")
    found.append(Token("string", _string(raw)))
    return end + 1


def _space(program: str, place: int, _: list[Token]) -> int:
    while program[place : place + 1] in (" ", "\t"):
        place += 1
    return place


def _newline(_: str, place: int, found: list[Token]) -> int:
    found.append(_NEWLINE)
    return place + 1


def _comment(program: str, place: int, _: list[Token]) -> int:
    after = program.find("\n", place)
    return len(program) if after < 0 else after


def _continued(program: str, place: int, _: list[Token]) -> int:
    if program[place + 1 : place + 2] != "\n":
        raise AwkError("backslash")
    return place + 2


def _escaped(program: str, place: int) -> bool:
    """Whether an odd number of backslashes stands before a place."""
    before = place
    while program[before - 1] == "\\":
        before -= 1
    return (place - before) % 2 == 1


def _slash(program: str, place: int, found: list[Token]) -> int:
    """Read a pattern or a division; returns the place after it."""
    if program[place] != "/":
        raise AwkError(f"character {program[place]!r}")
    last = found[-1] if found else Token("newline", "\n")
    divides = last.kind in _OPERANDS
    if last.kind == "name":
        if last.text in ("getline", "length", "next", "nextfile"):
            raise AwkError("slash after " + last.text)
        divides = last.text not in _BEFORE_PATTERN
    if last.kind in ("++", "--", "$", "regex"):
        raise AwkError("slash after " + last.kind)
    if divides:
        size = 2 if program[place + 1 : place + 2] == "=" else 1
        found.append(Token("/", program[place : place + size]))
        return place + size
    hit = _PATTERN.match(program, place)
    if hit is None:
        raise AwkError("pattern")
    found.append(Token("regex", hit.group(1)))
    return int(hit.end())


def _string(raw: str) -> str:
    if "\\" not in raw:
        return raw
    parts: list[str] = []
    characters = iter(raw)
    for character in characters:
        if character == "\\":
            parts.append(_ESCAPES.get(next(characters), UNSURE))
        else:
            parts.append(character)
    return "".join(parts)


_READERS: Final[dict[str, Callable[[str, int, list[Token]], int]]] = {
    **dict.fromkeys(_WORD | {"."}, _word),
    **dict.fromkeys(_SINGLE | {"&"}, _operator),
    **dict.fromkeys(" \t", _space),
    '"': _text,
    "\n": _newline,
    "#": _comment,
    "\\": _continued,
}
