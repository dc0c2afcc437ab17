"""An answer on its way to the client: passed on, or held until it is judged.

Pieces pass with the bytes they came with while nothing in them can be a tool call.
From the first that may be one, and from the one that ends the answer, they are held.
At the end the calls are judged by whoever called `held_calls`, and written anew.
"""

import hashlib
from dataclasses import dataclass, field
from typing import Any, Final

from clawlaw.inference import strict
from clawlaw.inference.calls import MAX_CALLS, Call, CallError, arguments_of, named
from clawlaw.inference.dialect import Data, Dialect, ShapeError, Usage
from clawlaw.inference.pieces import Piece, PieceError
from clawlaw.inference.scan import Scanner

_HEAD: Final = b"data: "


class RelayError(Exception):
    """The answer cannot be passed on; says why."""


class EngineError(RelayError):
    """The engine says that it failed."""


@dataclass(slots=True)
class Assembled:
    """A call of OpenAI's stream, put together of its parts."""

    id: str = ""
    name: str = ""
    arguments: str = ""


@dataclass(slots=True)
class Relay:
    """One answer.

    Attributes:
        dialect: Of the protocol.
        limit: Bytes of the answer.
        events: The answer is one of server-sent events.
        drop_usage: The client did not ask for the piece of the usage.
        usage: As reported, once it is.
        ended: The piece that ends the answer came.
        began: A text or call came.
        size: Bytes that came.
    """

    dialect: Dialect
    limit: int
    events: bool = False
    drop_usage: bool = False
    usage: Usage | None = None
    ended: bool = False
    began: bool = False
    size: int = 0
    _digest: Any = field(default_factory=hashlib.sha256)
    _held: list[Piece] = field(default_factory=list)
    _scanners: dict[str, Scanner] = field(default_factory=dict)
    _parts: dict[int, Assembled] = field(default_factory=dict)
    _whole: list[tuple[str, Call]] = field(default_factory=list)
    _called: bool = False

    def taken(self, data: bytes) -> None:
        """Count bytes as they came from the engine.

        Raises:
            RelayError: There are too many.
        """
        self.size += len(data)
        self._digest.update(data)
        if self.size > self.limit:
            raise RelayError(f"the answer has more than {self.limit} bytes")

    @property
    def digest(self) -> str:
        """Of every byte that came; "" where none did."""
        return "sha256:" + self._digest.hexdigest() if self.size else ""

    def feed(self, piece: Piece) -> bytes:
        """Take one piece; returns what may be sent now.

        Raises:
            RelayError: It cannot be passed on.
        """
        try:
            return self._take(piece)
        except (CallError, ShapeError, PieceError) as error:
            raise RelayError(str(error)) from error

    def _take(self, piece: Piece) -> bytes:
        data = piece.data
        if data is None:
            self._held.append(piece)
            return b"" if self._holds() else self._release()
        if data.get("error"):
            raise EngineError(_said(data["error"]))
        if self.drop_usage and self._only_usage(data):
            return b""
        clear = self._look(data)
        self._held.append(piece)
        return self._release() if clear and not self._holds() else b""

    def _only_usage(self, data: Data) -> bool:
        self.usage = self.dialect.usage(data) or self.usage
        return not data.get("choices") and data.get("usage") is not None

    def _look(self, data: Data) -> bool:
        """Read a piece; whether it is free of calls."""
        dialect = self.dialect
        clear = True
        for channel, text in dialect.texts(data).items():
            self.began = True
            scanner = self._scanners.setdefault(channel, Scanner())
            clear = scanner.feed(text) and clear
        for call in dialect.calls(data):
            self.began = self._called = True
            self._add(call)
        self.usage = dialect.usage(data) or self.usage
        self.ended = dialect.is_last(data) or self.ended
        # Another channel may be open still.
        return clear and all(not scanner.text for scanner in self._scanners.values())

    def _holds(self) -> bool:
        return (
            self.ended or self._called or any(s.text for s in self._scanners.values())
        )

    def _release(self) -> bytes:
        out = b"".join([piece.raw for piece in self._held])
        self._held.clear()
        return out

    def _add(self, call: object) -> None:
        if not isinstance(call, dict) or not isinstance(call.get("function"), dict):
            raise CallError("a tool call without a function")
        function = call["function"]
        if self.dialect.ollama:
            name = named(function.get("name"))
            given = arguments_of(function.get("arguments"), name)
            self._whole.append((str(call.get("id") or ""), Call(name, given)))
        else:
            self._add_part(call, function)
        if max(len(self._whole), len(self._parts)) > MAX_CALLS:
            raise CallError(f"more than {MAX_CALLS} tool calls")

    def _add_part(self, call: Data, function: Data) -> None:
        if (call.get("type") or "function") != "function":
            raise CallError(f"a tool call of type {str(call['type'])[:40]!r}")
        index = call.get("index", len(self._parts))
        if type(index) is not int or index < 0:
            raise CallError("a tool call without an index")
        part = self._parts.setdefault(index, Assembled())
        for name, value in (("id", call.get("id")), *function.items()):
            if value is None:
                continue
            if name not in {"id", "name", "arguments"} or not isinstance(value, str):
                raise CallError(f"a tool call whose {name[:40]!r} is not understood")
            setattr(part, name, getattr(part, name) + value)

    def held_calls(self) -> list[Call]:
        """Every call of the answer, once it ended.

        Raises:
            RelayError: The answer did not end, or a call cannot be judged.
        """
        if not self.ended:
            raise EngineError("the engine's answer breaks off")
        try:
            for scanner in self._scanners.values():
                scanner.finish()
            told = [call for s in self._scanners.values() for call in s.calls]
            parts = [
                Call(named(p.name), arguments_of(p.arguments, p.name))
                for _, p in sorted(self._parts.items())
            ]
        except CallError as error:
            raise RelayError(str(error)) from error
        return [*told, *(call for _, call in self._whole), *parts]

    def rest(self) -> bytes:
        """What is held, for the client; calls are written anew."""
        if not self._called and not any(s.regions for s in self._scanners.values()):
            return self._release()
        texts = {name: s.written() for name, s in self._scanners.items() if s.text}
        calls: list[Any] | None = self._written_calls()
        out = []
        for piece in self._held:
            data = piece.data
            if data is None:
                out.append(piece.raw)
                continue
            mine = {name: texts.pop(name, "") for name in self.dialect.texts(data)}
            has = bool(self.dialect.calls(data))
            if not any(mine.values()) and not (has and calls) and self._is_empty(data):
                continue
            out.append(self._encoded(data, mine, calls if has else None))
            calls = None if has else calls
        self._held.clear()
        return b"".join(out)

    def _is_empty(self, data: Data) -> bool:
        """Whether a piece says nothing beside its texts and calls."""
        dialect = self.dialect
        return not dialect.is_last(data) and dialect.usage(data) is None

    def _written_calls(self) -> list[Any]:
        if self.dialect.ollama:
            return [
                ({"id": name} if name else {})
                | {"function": {"index": n, "name": c.name, "arguments": c.arguments}}
                for n, (name, c) in enumerate(self._whole)
            ]
        found = []
        for number, (index, part) in enumerate(sorted(self._parts.items())):
            arguments = strict.dumps(arguments_of(part.arguments, part.name))
            function = {"name": part.name, "arguments": arguments}
            said = {"index": index} if self.events else {}
            name = part.id or f"call_{number}"
            found.append({**said, "id": name, "type": "function", "function": function})
        return found

    def _encoded(
        self, data: Data, texts: dict[str, str], calls: list[Any] | None
    ) -> bytes:
        text = strict.dumps(self.dialect.rewritten(data, texts, calls)).encode()
        if self.events:
            return _HEAD + text + b"\n\n"
        return text + b"\n"


def _said(error: object) -> str:
    if isinstance(error, dict):
        error = error.get("message", "")
    return str(error)[:400]
