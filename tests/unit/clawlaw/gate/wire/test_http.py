"""What a connection takes, refuses, and in which order it answers."""

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clawlaw.gate import replies
from clawlaw.gate.http import MAX_HEAD, MAX_WAITING, Connection, Request, Slot
from clawlaw.gate.replies import Reply

POST = b"POST /v1/proposals HTTP/1.1\r\nHost: gate\r\n"
GET = b"GET /healthz HTTP/1.1\r\nHost: gate\r\n\r\n"


class Wire(asyncio.Transport):
    """A transport that keeps what was written."""

    def __init__(self) -> None:
        super().__init__()
        self.out = b""
        self.closed = False
        self.reading = True

    def write(self, data: Any) -> None:
        self.out += data

    def close(self) -> None:
        self.closed = True

    abort = close

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True


class Line:
    """One connection whose requests wait until the test answers them."""

    def __init__(self, max_body: int = 1000, *, at_once: bool = True) -> None:
        self.wire = Wire()
        self.requests: list[tuple[Request, Slot]] = []
        self.malformed = 0
        self.gone = 0
        self.at_once = at_once
        self.connection = Connection(
            self.serve, lambda *_: True, self.left, self.bad, max_body
        )
        self.connection.connection_made(self.wire)

    def serve(self, connection: Connection, request: Request, slot: Slot) -> None:
        self.requests.append((request, slot))
        if self.at_once:
            connection.answer(slot, replies.fields({"n": len(self.requests)}))

    def left(self, _: Connection) -> None:
        self.gone += 1

    def bad(self) -> None:
        self.malformed += 1

    def feed(self, data: bytes) -> bytes:
        self.connection.data_received(data)
        return self.wire.out


def run(data: bytes, *, max_body: int = 1000, step: int = 0) -> Line:
    """Feed bytes, whole or in steps, inside a loop."""

    async def feed() -> Line:
        line = Line(max_body)
        for i in range(0, len(data), step or len(data) or 1):
            line.feed(data[i : i + (step or len(data))])
        return line

    return asyncio.run(feed())


def test_a_request_is_served_with_its_body_and_headers() -> None:
    body = b'{"a":1}'
    data = POST + b"Traceparent: 00-1\r\nContent-Length: 7\r\n\r\n" + body
    for step in (0, 1, 5):
        line = run(data, step=step)
        ((request, _),) = line.requests
        assert (request.method, request.path) == ("POST", "/v1/proposals")
        assert request.body == body
        assert request.headers[b"traceparent"] == "00-1"
        assert line.wire.out.startswith(b"HTTP/1.1 200 OK\r\n")
        assert not line.wire.closed


def test_chunks_are_taken_up_to_the_limit() -> None:
    chunked = POST + b"Transfer-Encoding: chunked\r\n\r\n"
    line = run(chunked + b"3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n")
    assert line.requests[0][0].body == b"abcdefg"
    line = run(chunked + b"ff\r\n" + b"x" * 255 + b"\r\n", max_body=200)
    assert line.wire.out.startswith(b"HTTP/1.1 413")
    assert not line.requests


REFUSED = {
    "not http": (b"hello\r\n\r\n", 400),
    "bare line feeds": (b"GET / HTTP/1.1\nHost: g\n\n", 400),
    "http 1.0": (b"GET / HTTP/1.0\r\nHost: g\r\n\r\n", 505),
    "no host": (b"GET / HTTP/1.1\r\n\r\n", 400),
    "two hosts": (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
    "two lengths": (POST + b"Content-Length: 1\r\nContent-Length: 1\r\n\r\nx", 400),
    "lengths in a list": (POST + b"Content-Length: 1, 1\r\n\r\nx", 400),
    "a signed length": (POST + b"Content-Length: +1\r\n\r\nx", 400),
    "both framings": (
        POST + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        400,
    ),
    "other coding": (POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n", 400),
    "a coding that hides": (POST + b"Transfer-Encoding: xchunked\r\n\r\n", 400),
    "a folded header": (POST + b"X: a\r\n b\r\n\r\n", 400),
    "space before the colon": (POST + b"Content-Length : 1\r\n\r\nx", 400),
    "too large a body": (POST + b"Content-Length: 1001\r\n\r\n", 413),
    "a huge length": (POST + b"Content-Length: 99999999999999999999\r\n\r\n", 400),
    "an upgrade": (POST + b"Connection: upgrade\r\nUpgrade: h2c\r\n\r\n", 400),
    "expectation": (POST + b"Expect: 100-continue\r\nContent-Length: 1\r\n\r\n", 400),
    "a browser": (POST + b"Origin: http://evil.example\r\n\r\n", 400),
    "a proxy's target": (b"GET http://gate/ HTTP/1.1\r\nHost: g\r\n\r\n", 400),
    "a tunnel": (b"CONNECT gate:1 HTTP/1.1\r\nHost: g\r\n\r\n", 400),
    "a long line": (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: g\r\n\r\n", 431),
    "a long header": (POST + b"X: " + b"a" * 9000 + b"\r\n\r\n", 431),
    "many headers": (POST + b"X: a\r\n" * 70 + b"\r\n", 431),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_two_readers_could_read_differently_ends_the_connection(name: str) -> None:
    data, status = REFUSED[name]
    line = run(data)
    first = line.wire.out.split(b"\r\n", 1)[0]
    # The parser refuses some of these before the limits are looked at.
    assert first.split()[1] in {b"%d" % status, b"400"}
    assert b"Connection: close" in line.wire.out
    assert line.wire.closed
    assert not line.requests
    assert line.malformed == 1
    assert json.loads(line.wire.out.partition(b"\r\n\r\n")[2])["error"]["remedy"]


def test_headers_that_never_end_are_not_kept() -> None:
    data = POST + b"X: " + b"a" * (MAX_HEAD + 8000)
    assert run(data, step=4000).wire.out.startswith(b"HTTP/1.1 431")


def test_answers_leave_in_the_order_of_their_requests() -> None:
    async def check() -> None:
        line = Line(at_once=False)
        line.feed(GET * 3)
        slots = [slot for _, slot in line.requests]
        line.connection.answer(slots[2], replies.fields({"n": 3}))
        line.connection.answer(slots[1], replies.fields({"n": 2}))
        assert line.wire.out == b""
        line.connection.answer(slots[0], replies.fields({"n": 1}))
        found = [int(part[0:1]) for part in line.wire.out.split(b'{"n":')[1:]]
        assert found == [1, 2, 3]

    asyncio.run(check())


def test_an_answer_whose_record_is_not_durable_cannot_leave() -> None:
    async def check() -> None:
        line = Line(at_once=False)
        line.feed(GET)
        slot = line.requests[0][1]
        with pytest.raises(RuntimeError, match="before its record"):
            line.connection.answer(slot, Reply(200, b"{}", durable=False))
        assert line.wire.out == b""

    asyncio.run(check())


def test_too_many_requests_without_an_answer_end_the_connection() -> None:
    async def check() -> None:
        line = Line(at_once=False)
        line.feed(GET * (MAX_WAITING + 1))
        assert len(line.requests) == MAX_WAITING
        for _, slot in line.requests:
            line.connection.answer(slot, replies.fields({}))
        assert line.wire.out.count(b"200 OK") == MAX_WAITING
        assert line.wire.out.count(b"429") == 1
        assert line.wire.closed

    asyncio.run(check())


def test_a_slow_request_and_an_idle_connection_end() -> None:
    async def check() -> None:
        slow, idle, stuck = Line(), Line(), Line()
        now = asyncio.get_running_loop().time()
        slow.feed(POST)
        stuck.connection.pause_writing()
        assert not stuck.wire.reading
        for line in (slow, idle, stuck):
            line.connection.expire(now + 1, 5, 100)
            assert not line.wire.is_closing()
            line.connection.expire(now + 6, 5, 100)
        assert b"408" in slow.wire.out
        assert slow.wire.is_closing()
        assert stuck.wire.is_closing()
        assert not idle.wire.is_closing()
        idle.connection.expire(now + 101, 5, 100)
        assert idle.wire.is_closing()
        assert idle.wire.out == b""

    asyncio.run(check())


def test_a_client_that_closes_gets_its_answer_first() -> None:
    async def check() -> None:
        line = Line(at_once=False)
        line.feed(GET)
        assert line.connection.eof_received()
        line.connection.answer(line.requests[0][1], replies.fields({}))
        assert line.wire.out
        assert line.wire.closed
        line.connection.connection_lost(None)
        assert line.gone == 1

    asyncio.run(check())


PIECES = st.sampled_from(
    [
        POST,
        GET,
        b"Content-Length: 3\r\n",
        b"Content-Length: 4\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: \x0bchunked\r\n",
        b"Connection: close\r\n",
        b"\r\n",
        b"\n",
        b"\r",
        b"abc",
        b"3\r\nabc\r\n",
        b"0\r\n\r\n",
        b"{}",
        b" HTTP/1.1\r\n",
        b"Host: x\r\n",
        b"\x00",
    ]
)


@settings(max_examples=300, deadline=None)
@given(st.lists(PIECES | st.binary(max_size=12), max_size=14))
def test_no_bytes_raise_or_are_served_half(parts: list[bytes]) -> None:
    data = b"".join(parts)
    whole, split = run(data), run(data, step=1)
    # However the bytes arrive, the same requests are served.
    seen = [(r.method, r.path, r.body) for r, _ in whole.requests]
    assert seen == [(r.method, r.path, r.body) for r, _ in split.requests]
    for line in (whole, split):
        assert len(line.requests) <= line.wire.out.count(b"HTTP/1.1 200")
        assert line.malformed <= 1
