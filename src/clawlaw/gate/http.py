"""Strict HTTP/1.1 on one connection: httptools parses, this adds limits.

Only what a client of the gate needs is taken; what two readers could read differently
is refused and ends the connection: other versions, repeated headers that frame or name
anything, both kinds of framing, upgrades, a browser's Origin. Answers leave in the
order of their requests.

Source: RFC 9112, sections 2.2, 5, 6.3, 11.2.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, Final, cast

import httptools

from clawlaw.gate.replies import Reply, problem

MAX_HEADERS: Final = 64
MAX_LINE: Final = 8 << 10  # bytes of the request line, and of a header
MAX_HEAD: Final = 32 << 10  # bytes of all of them
MAX_WAITING: Final = 16  # requests of one connection without an answer

_ONCE: Final = frozenset(
    {b"authorization", b"content-length", b"content-type", b"host", b"traceparent"}
    | {b"transfer-encoding"}
)
_NEVER: Final = frozenset({b"expect", b"origin", b"upgrade", b"proxy-connection"})
_KEPT: Final = frozenset({b"authorization", b"host", b"traceparent"})
_REASONS: Final = {
    200: b"OK",
    400: b"Bad Request",
    401: b"Unauthorized",
    403: b"Forbidden",
    404: b"Not Found",
    405: b"Method Not Allowed",
    408: b"Request Timeout",
    409: b"Conflict",
    413: b"Content Too Large",
    429: b"Too Many Requests",
    431: b"Request Header Fields Too Large",
    503: b"Service Unavailable",
    505: b"HTTP Version Not Supported",
}
REMEDY: Final = "send HTTP/1.1 as docs/gate.md says"


class RefusedError(Exception):
    """A request that is not read to its end.

    Attributes:
        status: Of the answer.
    """

    def __init__(self, status: int, what: str) -> None:
        """Answer `status` and close."""
        super().__init__(what)
        self.status = status


@dataclass(slots=True)
class Request:
    """One request, whole.

    Attributes:
        path: Without the query.
        query: As written, "" where there is none.
        headers: Those that the gate looks at, by lower-case name.
        body: At most the listener's limit.
    """

    method: str
    path: str
    query: str
    headers: dict[bytes, str]
    body: bytes


@dataclass(slots=True)
class Slot:
    """The place of one answer in the order of a connection's answers."""

    data: bytes = b""


@dataclass(slots=True)
class _Incoming:
    """A request of which not everything has come."""

    since: float
    url: bytes = b""
    names: list[bytes] = field(default_factory=list)
    headers: dict[bytes, str] = field(default_factory=dict)
    body: bytearray = field(default_factory=bytearray)
    head: int = 0
    complete: bool = False  # the headers are


type Serve = Callable[["Connection", Request, Slot], None]


class Connection(asyncio.Protocol):
    """One connection of a listener.

    Attributes:
        peer: What the transport says of the caller; set by the listener.
        since: When the request that is being read began; 0: none is.
        used: When something came or went last.
        begun: When what is read now came, by `perf_counter`.
        stuck: Since when the caller reads no answers; 0: it does.
    """

    def __init__(
        self,
        serve: Serve,
        opened: Callable[["Connection", asyncio.Transport], bool],
        closed: Callable[["Connection"], None],
        malformed: Callable[[], None],
        max_body: int,
    ) -> None:
        """Serve requests by `serve`, which fills the slot that it is given.

        Args:
            serve: Called with every whole request.
            opened: Whether the connection may stay.
            closed: Called once when it ends.
            malformed: Called for each request that is refused.
            max_body: Bytes.
        """
        self.peer: Any = None
        self.used = 0.0
        self.begun = 0.0
        self.stuck = 0.0
        self._serve = serve
        self._opened = opened
        self._closed = closed
        self._malformed = malformed
        self._max_body = max_body
        self._transport: asyncio.Transport | None = None
        self._loop = asyncio.get_running_loop()
        self._parser = httptools.HttpRequestParser(self)
        self._incoming: _Incoming | None = None
        self._slots: deque[Slot] = deque()
        self._ending = False

    @property
    def since(self) -> float:
        """When the request that is being read began; 0: none is."""
        return self._incoming.since if self._incoming else 0.0

    # Of asyncio.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask the listener whether the caller may stay."""
        stream = cast("asyncio.Transport", transport)  # uvloop's is no subclass
        self._transport = stream
        self.used = self._loop.time()
        if not self._opened(self, stream):
            self._ending = True
            stream.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it; answers that still come go nowhere."""
        del exc
        self._transport = None
        self._closed(self)

    def data_received(self, data: bytes) -> None:
        """Read on."""
        if self._ending:
            return
        self.used = self._loop.time()
        self.begun = perf_counter()
        try:
            self._count_head(len(data))
            self._parser.feed_data(data)
        except RefusedError as refused:
            self._refuse(refused.status, str(refused))
        except httptools.HttpParserUpgrade:
            self._refuse(400, "no upgrades")
        except httptools.HttpParserError as error:
            # What a callback raises arrives wrapped.
            cause = error.__context__
            if isinstance(cause, RefusedError):
                self._refuse(cause.status, str(cause))
            else:
                self._refuse(400, "not HTTP/1.1")

    def _count_head(self, size: int) -> None:
        incoming = self._incoming
        if incoming is not None and not incoming.complete:
            incoming.head += size
            if incoming.head > MAX_HEAD:
                raise RefusedError(431, f"more than {MAX_HEAD} bytes of headers")

    def eof_received(self) -> bool:
        """End when everything is answered."""
        self._ending = True
        return bool(self._slots)

    def pause_writing(self) -> None:
        """The caller reads no answers: read no more requests."""
        self.stuck = self._loop.time()
        if self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        """It reads again."""
        self.stuck = 0.0
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    # Of httptools.

    def on_message_begin(self) -> None:
        """Begin a request, unless too many wait."""
        if len(self._slots) >= MAX_WAITING:
            raise RefusedError(429, f"more than {MAX_WAITING} requests at once")
        self._incoming = _Incoming(self._loop.time())

    def on_url(self, url: bytes) -> None:
        """Take the target of the request line."""
        incoming = self._now()
        incoming.url += url
        if len(incoming.url) > MAX_LINE:
            raise RefusedError(431, "the request line is too long")

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header."""
        incoming = self._now()
        name = name.lower()
        if len(incoming.names) >= MAX_HEADERS or len(name) + len(value) > MAX_LINE:
            raise RefusedError(431, "too many headers, or one is too long")
        if name in _NEVER:
            raise RefusedError(400, f"header {name.decode('latin-1')} is not taken")
        if name in _ONCE and name in incoming.names:
            raise RefusedError(400, f"header {name.decode('latin-1')} is there twice")
        incoming.names.append(name)
        if name in _KEPT:
            incoming.headers[name] = value.decode("latin-1")
        elif name == b"transfer-encoding" and value.strip().lower() != b"chunked":
            raise RefusedError(400, "no transfer coding but chunked")
        elif name == b"content-length" and not 0 < len(value) < 10:  # noqa: PLR2004  # 1 GB
            raise RefusedError(413, "the body is too large")
        elif name == b"content-length" and int(value) > self._max_body:
            raise RefusedError(413, f"the body is larger than {self._max_body} bytes")

    def on_headers_complete(self) -> None:
        """Check what the headers say together."""
        incoming = self._now()
        incoming.complete = True
        if self._parser.get_http_version() != "1.1":
            raise RefusedError(505, "only HTTP/1.1")
        if b"host" not in incoming.names:
            raise RefusedError(400, "no Host header")
        if {b"content-length", b"transfer-encoding"} <= set(incoming.names):
            raise RefusedError(400, "two kinds of framing")

    def on_body(self, body: bytes) -> None:
        """Take a part of the body."""
        incoming = self._now()
        incoming.body += body
        if len(incoming.body) > self._max_body:
            raise RefusedError(413, f"the body is larger than {self._max_body} bytes")

    def on_message_complete(self) -> None:
        """Serve the request."""
        incoming = self._now()
        self._incoming = None
        target = incoming.url.decode("latin-1")
        if not target.startswith("/") or not target.isprintable():
            raise RefusedError(400, "the target is a path of this gate")
        path, _, query = target.partition("?")
        method = self._parser.get_method().decode("latin-1")
        slot = Slot()
        self._slots.append(slot)
        if not self._parser.should_keep_alive():
            self._ending = True
        request = Request(method, path, query, incoming.headers, bytes(incoming.body))
        self._serve(self, request, slot)

    def _now(self) -> _Incoming:
        if self._incoming is None:
            raise RefusedError(400, "not HTTP/1.1")
        return self._incoming

    # Answers.

    def answer(self, slot: Slot, reply: Reply) -> None:
        """Fill a slot; answers before it leave first.

        Raises:
            RuntimeError: What the answer rests on is not durable.
        """
        if not reply.durable:
            raise RuntimeError("an answer was about to leave before its record")
        slot.data = encode(reply)
        self._drain()

    def _drain(self) -> None:
        ready = []
        while self._slots and self._slots[0].data:
            ready.append(self._slots.popleft().data)
        if ready and self._transport is not None:
            self.used = self._loop.time()
            self._transport.write(b"".join(ready))
            if self._ending and not self._slots:
                self._transport.close()

    def _refuse(self, status: int, what: str) -> None:
        """Answer once more, after what came before, and end."""
        self._malformed()
        self._ending = True
        self._incoming = None
        reply = problem(status, what, "request", REMEDY)
        self._slots.append(Slot(encode(reply, close=True)))
        self._drain()

    def expire(self, now: float, read: float, idle: float) -> None:
        """End it where a deadline passed.

        Args:
            now: Of the loop.
            read: Seconds that a request may take to arrive, or an answer to leave.
            idle: Seconds without anything.
        """
        if self._transport is None:
            return
        if self.stuck and now - self.stuck > read:
            self._transport.abort()
        elif self.since and now - self.since > read:
            self._refuse(408, f"the request did not come within {read:g} seconds")
        elif not self._slots and now - self.used > (read if self._ending else idle):
            self._transport.close()

    def end(self) -> None:
        """Read no more; close when everything is answered."""
        self._ending = True
        if not self._slots and self._transport is not None:
            self._transport.close()


def encode(reply: Reply, *, close: bool = False) -> bytes:
    """An answer as it goes over the wire."""
    return b"HTTP/1.1 %d %s\r\nContent-Type: %s\r\n%sContent-Length: %d\r\n\r\n%s" % (
        reply.status,
        _REASONS.get(reply.status, b"Error"),
        reply.kind,
        b"Connection: close\r\n" if close else b"",
        len(reply.body),
        reply.body,
    )
