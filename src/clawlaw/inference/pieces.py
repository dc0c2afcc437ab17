"""A stream of an engine, cut into pieces that keep their bytes.

Server-sent events (OpenAI) end with an empty line, NDJSON (Ollama) with a newline. A
piece has the bytes exactly as they came, so that what is passed on is what came.

Source: WHATWG HTML, 9.2.6 (event streams).
"""

from dataclasses import dataclass
from typing import Any, Final, Protocol

from clawlaw.inference import strict

DONE: Final = b"[DONE]"


class PieceError(ValueError):
    """The engine sent what is no stream of its kind; says why."""


@dataclass(slots=True)
class Piece:
    """One event or line.

    Attributes:
        raw: Its bytes, with what ends it.
        data: The JSON in it; `None`: a comment, an empty line, or the end mark.
        done: It is the end mark.
    """

    raw: bytes
    data: dict[str, Any] | None = None
    done: bool = False


class Cutter(Protocol):
    """Cuts bytes into pieces."""

    def feed(self, data: bytes) -> list[Piece]:
        """Pieces that are complete now.

        Raises:
            PieceError: One is not what it should be, or is too long.
        """

    def rest(self) -> list[Piece]:
        """What is left at the end of the stream.

        Raises:
            PieceError: It breaks off within a piece.
        """


class Lines:
    """NDJSON."""

    def __init__(self, limit: int) -> None:
        """Cut; a piece has at most `limit` bytes."""
        self._limit = limit
        self._left = bytearray()

    def feed(self, data: bytes) -> list[Piece]:
        """Pieces that are complete now."""
        self._left += data
        found = []
        while (end := self._left.find(b"\n")) >= 0:
            raw = bytes(self._left[: end + 1])
            del self._left[: end + 1]
            found.append(Piece(raw, _object(raw) if raw.strip() else None))
        _bounded(self._left, self._limit)
        return found

    def rest(self) -> list[Piece]:
        """What is left at the end of the stream."""
        raw = bytes(self._left)
        self._left.clear()
        return [Piece(raw, _object(raw))] if raw.strip() else []


class Events:
    """Server-sent events."""

    def __init__(self, limit: int) -> None:
        """Cut; a piece has at most `limit` bytes."""
        self._limit = limit
        self._left = bytearray()

    def feed(self, data: bytes) -> list[Piece]:
        """Pieces that are complete now."""
        self._left += data
        found = []
        while (end := self._end()) >= 0:
            raw = bytes(self._left[:end])
            del self._left[:end]
            found.append(_event(raw))
        _bounded(self._left, self._limit)
        return found

    def rest(self) -> list[Piece]:
        """What is left at the end of the stream."""
        raw = bytes(self._left)
        self._left.clear()
        if raw.strip():
            raise PieceError("the engine's stream breaks off within an event")
        return []

    def _end(self) -> int:
        """Where the first event ends, behind its empty line; -1: not yet."""
        ends = [
            at + len(mark)
            for mark in (b"\n\n", b"\r\n\r\n")
            if (at := self._left.find(mark)) >= 0
        ]
        return min(ends, default=-1)


def _event(raw: bytes) -> Piece:
    data: list[bytes] = []
    for line in raw.splitlines():
        name, _, value = line.partition(b":")
        if name == b"data":
            data.append(value.removeprefix(b" "))
        elif name not in {b"", b"event", b"id", b"retry"}:
            raise PieceError(f"an event has a field {name[:20]!r}")
    if not data:
        return Piece(raw)
    text = b"\n".join(data)
    if text.strip() == DONE:
        return Piece(raw, done=True)
    return Piece(raw, _object(text))


def _object(text: bytes) -> dict[str, Any]:
    try:
        return strict.loads_object(text)
    except strict.StrictError as error:
        raise PieceError(f"the engine sent what is {error}") from error


def _bounded(left: bytearray, limit: int) -> None:
    if len(left) > limit:
        raise PieceError(f"a piece of more than {limit} bytes")
