"""Finds tool calls that a model writes as text, while the text streams by.

Text passes at once where nothing in it can be the beginning of a call. What may be one
is held until it is known: an object of JSON until its last brace, a tag until its end.
Objects are read by :mod:`clawlaw.inference.calls`; a tag of a published format whose
content is no JSON is refused.
"""

import re
from dataclasses import dataclass, field
from typing import Final

from clawlaw.inference.calls import Call, CallError, looks_like_call, read_text

# What opens a call in formats of model makers, and what ends it ("": the text does).
TAGS: Final[dict[str, str]] = {
    "<tool_call>": "</tool_call>",
    "<tool_calls>": "</tool_calls>",
    "<tool_use>": "</tool_use>",
    "<toolcall>": "</toolcall>",
    "<function_call>": "</function_call>",
    "<function_calls>": "</function_calls>",
    "<function=": "</function>",
    "<invoke ": "</invoke>",
    "<|tool_call|>": "",
    "<|tool_call>": "",
    "<|tool_call_begin|>": "",
    "<|tool_calls_section_begin|>": "",
    "<｜tool▁calls▁begin｜>": "",  # noqa: RUF001  # DeepSeek's own characters
    "<|python_tag|>": "",
    "<start_function_call>": "<end_function_call>",
    "[TOOL_CALLS]": "",
    "```tool_code": "```",
    "```tool_call": "```",
    "to=functions.": "",
}
_LONGEST: Final = max(map(len, TAGS))
_BEGINNINGS: Final = frozenset(tag[:n] for tag in TAGS for n in range(1, len(tag)))
_OPEN: Final = re.compile(r"""\{\s*["']""")
_MAYBE: Final = re.compile(r"\{\s*$")


@dataclass(slots=True)
class Region:
    """A part of the text that holds calls, and how it is written anew."""

    start: int
    end: int
    text: str
    calls: list[Call]


@dataclass(slots=True)
class Scanner:
    """One text, as it comes.

    Attributes:
        text: All of it since it was last known to be free of calls.
        regions: That hold calls, in order.
    """

    text: str = ""
    regions: list[Region] = field(default_factory=list)
    _at: int = 0  # where what is open begins; all before is settled
    _from: int = 0  # where to look next
    _tag: str = ""
    _value: "_Value | None" = None

    def feed(self, more: str) -> bool:
        """Take more of the text.

        Returns:
            Whether all of it is known to be free of calls.

        Raises:
            CallError: It holds a call that cannot be judged.
        """
        self.text += more
        while self._step():
            pass
        if self.regions or self._tag or self._value or self._may_open():
            return False
        self.text, self._at, self._from = "", 0, 0
        return True

    def finish(self) -> None:
        """Settle what was open at the end.

        Raises:
            CallError: It holds a call that cannot be judged.
        """
        if self._tag:
            self._close(len(self.text), len(self.text))
        elif self._value and looks_like_call(self.text[self._value.start :]):
            raise CallError("a tool call that breaks off")
        self._tag, self._value = "", None

    @property
    def calls(self) -> list[Call]:
        """Every call that was found."""
        return [call for region in self.regions for call in region.calls]

    def written(self) -> str:
        """The text since it was last free of calls, with its calls written anew."""
        parts, at = [], 0
        for region in self.regions:
            parts += [self.text[at : region.start], region.text]
            at = region.end
        return "".join((*parts, self.text[at:]))

    def _step(self) -> bool:
        """Settle one more part; false where there is none."""
        if self._tag:
            return self._in_tag()
        if self._value:
            return self._in_value()
        return self._outside()

    def _outside(self) -> bool:
        at, tag = self._first_tag()
        found = _OPEN.search(self.text, self._from)
        if found is not None and (at < 0 or found.start() < at):
            self._value = _Value(found.start(), found.start())
            return True
        if at >= 0:
            self._tag, self._at, self._from = tag, at, at + len(tag)
            return True
        brace = _MAYBE.search(self.text, self._from)
        self._from = max(self._from, len(self.text) - _LONGEST)
        if brace is not None:
            self._from = min(self._from, brace.start())
        return False

    def _first_tag(self) -> tuple[int, str]:
        found = [(at, t) for t in TAGS if (at := self.text.find(t, self._from)) >= 0]
        return min(found, key=lambda f: (f[0], -len(f[1])), default=(-1, ""))

    def _in_tag(self) -> bool:
        end = TAGS[self._tag]
        at = self.text.find(end, self._from) if end else -1
        if at < 0:
            inner = self._at + len(self._tag)
            self._from = max(inner, len(self.text) - len(end))
            return False
        self._close(at, at + len(end))
        return True

    def _close(self, inner_end: int, end: int) -> None:
        """A tag's content is complete: it is calls in JSON, or refused."""
        tag = self._tag
        inner = self.text[self._at + len(tag) : inner_end]
        calls, text = read_text(inner.strip())
        if not calls:
            raise CallError(f"{tag.strip()} and no call in strict JSON behind it")
        written = f"{tag}\n{text}\n{self.text[inner_end:end]}"
        self.regions.append(Region(self._at, end, written, calls))
        self._at = self._from = end
        self._tag = ""

    def _in_value(self) -> bool:
        value = self._value
        assert value is not None  # noqa: S101  # asked by who calls
        if not value.advance(self.text):
            return False
        calls, text = read_text(self.text[value.start : value.at])
        if calls:
            self.regions.append(Region(value.start, value.at, text, calls))
        self._at = self._from = value.at
        self._value = None
        return True

    def _may_open(self) -> bool:
        """Whether the end of the text could be the beginning of a call."""
        tail = self.text[self._from :]
        ends = (tail[-size:] for size in range(1, min(len(tail), _LONGEST) + 1))
        return not _BEGINNINGS.isdisjoint(ends) or _MAYBE.search(tail) is not None


@dataclass(slots=True)
class _Value:
    """An object, from its first brace to its last.

    Attributes:
        start: Of it, in the text.
        at: Read up to here; behind the last brace once it is complete.
    """

    start: int
    at: int
    depth: int = 0
    quote: str = ""
    escaped: bool = False

    def advance(self, text: str) -> bool:
        """Read on; whether it is complete."""
        while self.at < len(text):
            character = text[self.at]
            self.at += 1
            if self.quote:
                self._quoted(character)
            elif character in {'"', "'"}:
                self.quote = character
            elif character in "{[":
                self.depth += 1
            elif character in "}]":
                self.depth -= 1
                if self.depth <= 0:
                    return True
        return False

    def _quoted(self, character: str) -> None:
        if self.escaped:
            self.escaped = False
        elif character == "\\":
            self.escaped = True
        elif character == self.quote:
            self.quote = ""
