"""Performs permits for a client that is confined and could not do so itself.

The client's `clawlaw run` sends a permit and its own standard output and error over a
Unix socket that is shown inside; outside, the executor redeems the permit and performs
the action in a sandbox of its own. A permit is all that the client can send: without
one that the gate gave for this account, nothing is done.
"""

import contextlib
import json
import os
import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

from clawlaw.core.errors import ClawLawError
from clawlaw.executor import report
from clawlaw.executor.process import Sink

VARIABLE: Final = "CLAWLAW_EXECUTOR"
_MAX_REQUEST: Final = 1 << 20  # bytes
_MAX_WAITING: Final = 32  # actions of one client at once
_SECONDS: Final = 10.0  # for a request to be there in full

type Perform = Callable[[str, list[str] | None, Sink], tuple[int, str]]


def ask(path: str, permit: str, words: list[str]) -> int:
    """Let the broker perform a permit, its output on this process's own streams.

    Returns:
        The exit status.
    """
    with socket.socket(socket.AF_UNIX) as broker:
        try:
            broker.connect(path)
            request = json.dumps({"permit": permit, "words": words}).encode()
            streams = [sys.stdout.fileno(), sys.stderr.fileno()]
            socket.send_fds(broker, [len(request).to_bytes(4, "big")], streams)
            broker.sendall(request)
            answer = json.loads(_all(broker, _MAX_REQUEST))
        except (OSError, ValueError) as error:
            sys.stderr.write(f"clawlaw run: {path}: no answer ({error})\n")
            return report.UNAVAILABLE
    if answer["problem"]:
        sys.stderr.write(f"clawlaw run: {answer['problem']}\n")
    return int(answer["code"])


def _all(stream: socket.socket, limit: int) -> bytes:
    parts = bytearray()
    while len(parts) < limit and (data := stream.recv(limit - len(parts))):
        parts += data
    return bytes(parts)


class Broker:
    """Listens at one socket until it is closed."""

    def __init__(self, path: Path, perform: Perform) -> None:
        """Begin to listen.

        Args:
            path: Of the socket, in a directory that only this account can enter.
            perform: Given the permit, the words and where output goes; returns the
                exit status and a remark. May raise `ClawLawError`.
        """
        self._perform = perform
        self._room = threading.BoundedSemaphore(_MAX_WAITING)
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(str(path))
        self._server.listen(_MAX_WAITING)
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Take no more."""
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            if not self._room.acquire(blocking=False):
                client.close()
                continue
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        streams: list[int] = []
        try:
            with client, contextlib.suppress(OSError, ValueError, KeyError):
                client.settimeout(_SECONDS)
                head, streams, _, _ = socket.recv_fds(client, 4, 2)
                size = int.from_bytes(head, "big")
                if len(head) != 4 or len(streams) != 2 or size > _MAX_REQUEST:  # noqa: PLR2004  # as `ask` sends
                    return
                request = json.loads(_all(client, size))
                code, problem = self._answer(request, streams)
                said = json.dumps({"code": code, "problem": problem})
                client.sendall(said.encode())
        finally:
            for fd in streams:
                os.close(fd)
            self._room.release()

    def _answer(
        self, request: dict[str, object], streams: list[int]
    ) -> tuple[int, str]:
        permit, words = request["permit"], request["words"]
        if not isinstance(permit, str) or not isinstance(words, list):
            return report.DENIED, "not a request"

        def sink(number: int, data: bytes) -> None:
            view = memoryview(data)
            with contextlib.suppress(OSError):  # nobody reads any more
                while view:
                    view = view[os.write(streams[number - 1], view) :]

        try:
            return self._perform(permit, [str(word) for word in words] or None, sink)
        except ClawLawError as error:
            return report.code_of(error), str(error)
