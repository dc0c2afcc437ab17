"""The least that a durable answer costs: a socket, a decode, a write, a sync.

The same Unix socket, event loop and HTTP parser as the gate, the request decoded as
JSON, as many bytes as the gate records written into a preallocated file and synced
before the answer, what waits written together. No identity, law, state or limit.

    python benchmarks/gate_floor.py SOCKET FILE BYTES ANSWER_BYTES
"""

import asyncio
import os
import sys
from collections import deque
from typing import Any, cast

import httptools
import msgspec
import uvloop

SIZE = 256 << 20  # preallocated; the position begins again at its end


class Floor:
    """A file that takes batches."""

    def __init__(self, path: str, record: int, answer: int) -> None:
        """Preallocate."""
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        zeros = bytes(1 << 20)
        for at in range(0, SIZE, len(zeros)):
            os.pwrite(self._fd, zeros, at)
        os.fsync(self._fd)
        self._record = bytes(record)
        self._at = 0
        body = b'{"verdict":"' + b"x" * (answer - 14) + b'"}'
        head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body)
        self.answer = head + body
        self.waiting: deque[asyncio.Transport] = deque()

    def flush(self) -> None:
        """One write, one sync, then the answers."""
        data = self._record * len(self.waiting)
        if self._at + len(data) > SIZE:
            self._at = 0
        os.pwrite(self._fd, data, self._at)
        os.fdatasync(self._fd)
        self._at += len(data)
        waiting, self.waiting = self.waiting, deque()
        for transport in waiting:
            transport.write(self.answer)


class Connection(asyncio.Protocol):
    """Takes requests."""

    def __init__(self, floor: Floor) -> None:
        """Serve one connection."""
        self._floor = floor
        self._parser = httptools.HttpRequestParser(self)
        self._body = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Parse."""
        self._parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        """Collect."""
        self._body += body

    def on_message_complete(self) -> None:
        """Decode, and let the answer wait for the sync."""
        decoded: Any = msgspec.json.decode(self._body)
        assert decoded  # noqa: S101  # a proposal
        self._body = b""
        floor = self._floor
        floor.waiting.append(self._transport)
        if len(floor.waiting) == 1:
            asyncio.get_running_loop().call_soon(floor.flush)


async def serve(path: str, floor: Floor) -> None:
    """Serve until the process is ended."""
    loop = asyncio.get_running_loop()
    server = await loop.create_unix_server(lambda: Connection(floor), path, backlog=128)
    os.chmod(path, 0o666)  # noqa: PTH101, S103  # a benchmark's own
    print("ready", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    place, file, record, answer = sys.argv[1:]
    uvloop.run(serve(place, Floor(file, int(record), int(answer))))
