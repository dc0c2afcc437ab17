"""Scripts of sed, read command by command.

The accepted language is what GNU and BSD sed agree on, and GNU's `e`, `r`, `R`, `w`,
`W`, `F`, `z`, `Q`. Where the two read a text differently it is not understood.

Source: GNU sed 4.9 manual, "sed scripts"; POSIX.1-2024, sed.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

SPACE = " \t"
PLAIN = "dDgGhHnNpPxFz="  # commands without an argument
NUMBERED = "qQlL"  # commands with an optional number
LABELLED = "btT:"
FLAGS = "gpiImM0123456789"  # of s, without w and e
MAX_SCRIPT = 20_000  # characters


class SedError(ValueError):
    """The script holds something that is not understood; says what."""


@dataclass(slots=True)
class Script:
    """What a script reaches.

    Attributes:
        reads: Files named by r and R.
        writes: Files named by w, W and the flag of s.
        text: As it was given.
        runs: Text of e; "" for one that runs the pattern space.
    """

    reads: list[str] = field(default_factory=list)
    writes: list[str] = field(default_factory=list)
    runs: list[str] = field(default_factory=list)
    text: str = ""


def read_script(text: str) -> Script:
    """Read a script.

    Raises:
        SedError: Something in it is not understood.
    """
    if len(text) > MAX_SCRIPT:
        raise SedError("script is too long")
    if "\ufffd" in text or "\0" in text or "\r" in text:
        raise SedError("script is not known exactly")
    script = _Reader(text).run()
    script.text = text
    return script


class _Reader:
    __slots__ = ("depth", "place", "script", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.place = 0
        self.depth = 0
        self.script = Script()

    def run(self) -> Script:
        while True:
            self._skip(" \t\n;")
            if self.place >= len(self.text):
                break
            self._command()
        if self.depth:
            raise SedError("unmatched {")
        return self.script

    def _peek(self) -> str:
        return self.text[self.place : self.place + 1]

    def _skip(self, characters: str) -> None:
        text, place = self.text, self.place
        while place < len(text) and text[place] in characters:
            place += 1
        self.place = place

    def _take_line(self) -> str:
        end = self.text.find("\n", self.place)
        end = len(self.text) if end < 0 else end
        line = self.text[self.place : end]
        self.place = end
        return line

    def _digits(self) -> bool:
        before = self.place
        self._skip("0123456789")
        return self.place > before

    def _command(self) -> None:
        if self._address():
            self._skip(SPACE)
            if self._peek() == ",":
                self.place += 1
                self._skip(SPACE)
                if not self._address(second=True):
                    raise SedError("address after the comma")
        self._skip(SPACE)
        while self._peek() == "!":
            self.place += 1
            self._skip(SPACE)
        name = self._peek()
        self.place += 1
        if not name:
            raise SedError("address without a command")
        self._dispatch(name)

    def _dispatch(self, name: str) -> None:
        act = COMMANDS.get(name)
        if act is None:
            raise SedError(f"command {name!r}")
        act(self, name)

    def plain(self, _: str) -> None:
        self._end()

    def block(self, _: str) -> None:
        self.depth += 1

    def block_end(self, _: str) -> None:
        self.depth -= 1
        if self.depth < 0:
            raise SedError("unmatched }")
        self._end()

    def comment(self, _: str) -> None:
        self._take_line()

    def number(self, _: str) -> None:
        self._skip(SPACE)
        self._digits()
        self._end()

    def letters(self, _: str) -> None:
        delimiter = self._delimiter()
        self._until(delimiter)
        self._until(delimiter)
        self._end()

    def reads(self, _: str) -> None:
        self._file(self.script.reads)

    def writes(self, _: str) -> None:
        self._file(self.script.writes)

    def runs(self, _: str) -> None:
        self._skip(SPACE)
        self.script.runs.append(self._take_line())

    def _address(self, *, second: bool = False) -> bool:
        character = self._peek()
        if second and character in ("+", "~"):
            self.place += 1
            if not self._digits():
                raise SedError("address")
            return True
        if character == "$":
            self.place += 1
            return True
        if self._digits():
            if self._peek() == "~":
                self.place += 1
                if not self._digits():
                    raise SedError("address")
            return True
        if character == "\\":
            self.place += 1
            self._pattern(self._delimiter())
        elif character == "/":
            self.place += 1
            self._pattern("/")
        else:
            return False
        while self._peek() in ("I", "M"):
            self.place += 1
        return True

    def _delimiter(self) -> str:
        character = self._peek()
        if not character or character in "\\\n" or not character.isascii():
            raise SedError("delimiter")
        self.place += 1
        return character

    def _until(self, delimiter: str) -> int:
        """Go past the next unescaped delimiter; returns where it stood."""
        text, place = self.text, self.place
        while place < len(text):
            character = text[place]
            if character == delimiter:
                self.place = place + 1
                return place
            if character == "\n":
                break
            place += 2 if character == "\\" else 1
        raise SedError("unterminated pattern")

    def _pattern(self, delimiter: str) -> None:
        begin = self.place
        end = self._until(delimiter)
        # Some read a delimiter in brackets as part of the pattern, others as its end.
        if _open_bracket(self.text[begin:end]):
            raise SedError("delimiter within brackets")

    def substitute(self, _: str) -> None:
        delimiter = self._delimiter()
        self._pattern(delimiter)
        self._until(delimiter)
        while True:
            flag = self._peek()
            if flag and flag in FLAGS:
                self.place += 1
            elif flag == "e":
                self.place += 1
                self.script.runs.append("")
            elif flag == "w":
                self.place += 1
                self._file(self.script.writes)
                return
            else:
                break
        self._end()

    def _file(self, names: list[str]) -> None:
        self._skip(SPACE)
        name = self._take_line()
        if not name or name != name.strip():
            raise SedError("file name")
        names.append(name)

    def label(self, name: str) -> None:
        self._skip(SPACE)
        while self._peek().isalnum() or self._peek() == "_":
            self.place += 1
        if name == ":" and self.text[self.place - 1] in ": \t":
            raise SedError("label")
        self._end()

    def _end(self) -> None:
        self._skip(SPACE)
        character = self._peek()
        if character and character not in ";\n}#":
            raise SedError(f"text after a command: {character!r}")

    def insert(self, _: str) -> None:
        self._skip(SPACE)
        if self._peek() == "\\":
            self.place += 1
            if self._peek() == "\n":
                self.place += 1
            elif "\n" in self.text[self.place :] or self._peek() == "\\":
                raise SedError("text of a, i or c")
        if not self._peek():
            raise SedError("text of a, i or c")
        while True:
            line = self._take_line()
            if line.endswith("\\\\"):
                raise SedError("text of a, i or c")
            if not line.endswith("\\"):
                return
            self.place += 1


COMMANDS: Final[dict[str, Callable[[_Reader, str], None]]] = {
    **dict.fromkeys(PLAIN, _Reader.plain),
    **dict.fromkeys(NUMBERED, _Reader.number),
    **dict.fromkeys(LABELLED, _Reader.label),
    **dict.fromkeys("aic", _Reader.insert),
    **dict.fromkeys("rR", _Reader.reads),
    **dict.fromkeys("wW", _Reader.writes),
    "s": _Reader.substitute,
    "y": _Reader.letters,
    "{": _Reader.block,
    "}": _Reader.block_end,
    "#": _Reader.comment,
    "e": _Reader.runs,
}


def _open_bracket(pattern: str) -> bool:
    """Whether a pattern ends within a bracket expression, read in either way."""
    place = 0
    while place < len(pattern):
        character = pattern[place]
        if character == "\\":
            place += 2
            continue
        if character != "[":
            place += 1
            continue
        begin = place + 1
        if pattern[begin : begin + 1] == "^":
            begin += 1
        end = pattern.find("]", begin + 1)
        if end < 0:
            return True
        if "[." in pattern[begin:] or "[=" in pattern[begin:]:
            return True
        place = _past_class(pattern, begin, end)
        if place < 0:
            return True
    return False


def _past_class(pattern: str, begin: int, end: int) -> int:
    """Place after the bracket expression; -1 where it does not end."""
    place = pattern.find("[:", begin)
    while 0 <= place < end:
        close = pattern.find(":]", place + 2)
        if close < 0:
            return -1
        end = pattern.find("]", close + 2)
        if end < 0:
            return -1
        place = pattern.find("[:", close + 2)
    return end + 1
