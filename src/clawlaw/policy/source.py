"""YAML text to plain data with the line of every value.

A small part of YAML: mappings, sequences, strings, integers, true, false, null. What
readers of YAML disagree about is refused: anchors and aliases, tags, floats, the words
yes, no, on and off as values, a key given twice. The text is read as events, without
recursion, within the caps below.
"""

from dataclasses import dataclass, field

import yaml

from clawlaw.policy.errors import PolicyError

MAX_BYTES = 1 << 18  # of one document
MAX_DEPTH = 24
MAX_VALUES = 50_000
_AMBIGUOUS = frozenset({"yes", "no", "on", "off", "y", "n", "true", "false", "null"})

type Plain = str | int | bool | list["Plain"] | dict[str, "Plain"] | None
type Place = tuple[str | int, ...]


@dataclass(slots=True)
class Source:
    """One document as data.

    Attributes:
        file: Name for messages.
        data: The mapping that the document is.
        lines: Line from 1 by the path of keys and indexes that leads to a value.
    """

    file: str
    data: dict[str, Plain]
    lines: dict[Place, int] = field(default_factory=dict)

    def line(self, place: Place) -> int:
        """Line of a value, or of the nearest one around it."""
        while place and place not in self.lines:
            place = place[:-1]
        return self.lines.get(place, 1)

    def error(self, place: Place, problem: str, suggestion: str = "") -> PolicyError:
        """An error at a value, to be raised."""
        return PolicyError(self.file, self.line(place), problem, suggestion)


def read_source(file: str, raw: bytes) -> Source:
    """Read one YAML document.

    Args:
        file: Name for messages.
        raw: UTF-8.

    Raises:
        PolicyError: Not YAML, not of the small part above, over a cap, or not one
            mapping.
    """
    if len(raw) > MAX_BYTES:
        raise PolicyError(file, 0, f"{len(raw)} bytes, at most {MAX_BYTES}")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise PolicyError(file, 0, f"not UTF-8: byte {error.start}") from error
    builder = _Builder(file)
    try:
        for event in yaml.parse(text, Loader=yaml.CSafeLoader):
            builder.take(event)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        raise PolicyError(file, line, f"not YAML: {error.problem}") from error
    except yaml.YAMLError as error:
        raise PolicyError(file, 0, f"not YAML: {error}") from error
    if not isinstance(builder.root, dict):
        raise PolicyError(file, builder.lines.get((), 1), "a document is one mapping")
    return Source(file, builder.root, builder.lines)


@dataclass(slots=True)
class _Open:
    """A mapping or sequence whose end has not come."""

    value: dict[str, Plain] | list[Plain]
    place: Place
    key: str | None = None


class _Builder:
    """Builds data from parser events."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.root: Plain = None
        self.lines: dict[Place, int] = {}
        self._open: list[_Open] = []
        self._documents = 0

    def take(self, event: yaml.Event) -> None:
        line = event.start_mark.line + 1 if event.start_mark else 0
        if isinstance(event, yaml.DocumentStartEvent):
            self._documents += 1
            if self._documents > 1:
                raise PolicyError(self.file, line, "more than one document in a file")
        elif isinstance(event, yaml.CollectionEndEvent):
            self._open.pop()
        elif isinstance(event, yaml.NodeEvent):
            self._node(event, line)

    def _node(self, event: yaml.NodeEvent, line: int) -> None:
        if event.anchor is not None:
            problem = "anchors and aliases are not used; name a set instead"
            raise PolicyError(self.file, line, problem)
        if (tag := getattr(event, "tag", None)) not in {None, "!"}:
            raise PolicyError(self.file, line, f"tag {tag} is not used")
        if isinstance(event, yaml.MappingStartEvent):
            self._enter({}, line)
        elif isinstance(event, yaml.SequenceStartEvent):
            self._enter([], line)
        elif isinstance(event, yaml.ScalarEvent):
            self._scalar(event, line)

    def _enter(self, value: dict[str, Plain] | list[Plain], line: int) -> None:
        place = self._put(value, line)
        if len(self._open) >= MAX_DEPTH:
            raise PolicyError(self.file, line, f"nested deeper than {MAX_DEPTH}")
        self._open.append(_Open(value, place))

    def _scalar(self, event: yaml.ScalarEvent, line: int) -> None:
        top = self._open[-1] if self._open else None
        if top is not None and isinstance(top.value, dict) and top.key is None:
            if event.value in top.value:
                raise PolicyError(self.file, line, f"key {event.value!r} stands twice")
            top.key = event.value
            self.lines[(*top.place, event.value)] = line
            return
        plain = event.style in {None, ""}
        self._put(self._resolve(event.value, line) if plain else event.value, line)

    def _put(self, value: Plain, line: int) -> Place:
        if len(self.lines) > MAX_VALUES:
            raise PolicyError(self.file, line, f"more than {MAX_VALUES} values")
        if not self._open:
            self.root = value
            self.lines[()] = line
            return ()
        top = self._open[-1]
        if isinstance(top.value, list):
            place: Place = (*top.place, len(top.value))
            top.value.append(value)
            self.lines[place] = line
            return place
        if top.key is None:
            raise PolicyError(self.file, line, "a key must be a string")
        place = (*top.place, top.key)
        top.value[top.key] = value
        top.key = None
        return place

    def _resolve(self, text: str, line: int) -> Plain:
        """A plain scalar as YAML 1.2 reads it, less what 1.1 reads otherwise."""
        if text in {"true", "false"}:
            return text == "true"
        if text in {"", "~", "null"}:
            return None
        digits = text.removeprefix("-").replace("_", "")
        if digits.isascii() and digits.isdigit():
            if len(digits) > 18 or (len(digits) > 1 and digits[0] == "0"):  # noqa: PLR2004  # below 2^60
                problem = f"{text}: too large, or octal to some readers; quote text"
                raise PolicyError(self.file, line, problem)
            return int(text.replace("_", ""))
        if text.lower() in _AMBIGUOUS:
            problem = f"{text}: write true or false, or quote the word"
            raise PolicyError(self.file, line, problem)
        if _is_number(text):
            problem = f"{text}: only whole numbers; quote it where it is text"
            raise PolicyError(self.file, line, problem)
        return text


def _is_number(text: str) -> bool:
    """Whether a reader might take the text for a float."""
    if text[0] not in "+-.0123456789":
        return False
    try:
        float(text.replace("_", ""))
    except ValueError:
        return text.lower().lstrip("+-") in {".inf", ".nan"}
    return True
