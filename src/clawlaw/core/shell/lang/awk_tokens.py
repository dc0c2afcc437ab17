"""Tokens of awk programs.

Where a slash may be a division or begin a pattern, and the awks disagree, the text is
refused.

Source: POSIX.1-2024, awk, "Lexical Conventions"; gawk 5.3 manual.
"""

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


_TOKEN: Final = re2.compile(
    r"(?P<space>(?:[ \t]|\\\n)+)"
    r"|(?P<comment>#[^\n]*)"
    r"|(?P<name>[A-Za-z_][A-Za-z_0-9]*)"
    r"|(?P<number>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)"
    r'|(?P<string>"(?:[^"\\\n]|\\[^\n])*")'
    r"|(?P<newline>\n)"
    r"|(?P<operator>\|&|\*\*=|\*\*|\|\||&&|>>|==|<=|>=|!=|!~|\+\+|--|\+=|-=|\*=|%=|\^="
    r"|[{}()\[\];,+\-*%^!<>|?:~$=@])"
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
    match = _TOKEN.match
    while place < end:
        hit = match(program, place)
        if hit is None:
            place = _slash(program, place, found)
            continue
        place = hit.end()
        kind = hit.lastgroup
        if kind in ("space", "comment"):
            continue
        text = hit.group()
        if kind == "operator":
            found.append(Token(text, text))
        elif kind == "string":
            found.append(Token("string", _string(text[1:-1])))
        else:
            found.append(Token(kind, text))
    return found


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
