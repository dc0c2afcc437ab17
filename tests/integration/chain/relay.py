"""A way between two processes that can be cut, slowed and made to refuse."""

import contextlib
import socket
import threading
import time
from typing import Literal

type Mode = Literal["open", "slow", "refusing", "down"]

PAUSE = 0.15  # seconds before each piece that is passed on slowly


class Relay:
    """Passes what comes at one port on to another.

    Attributes:
        mode: `slow` passes on after a pause, `refusing` ends connections that it took,
            `down`: nobody listens.
        port: Of its own.
    """

    def __init__(self, to: int) -> None:
        self.mode: Mode = "open"
        self.port = 0
        self._to = to
        self._listening: socket.socket | None = None
        self._open: list[socket.socket] = []
        self.become("open")

    def become(self, mode: Mode) -> None:
        """Change what it does; connections that are open end."""
        self.mode = mode
        if mode == "down" and self._listening is not None:
            _end(self._listening)
            self._listening = None
        for each in self._open:
            _end(each)
        self._open.clear()
        if mode != "down" and self._listening is None:
            self._listening = socket.create_server(("127.0.0.1", self.port))
            self.port = self._listening.getsockname()[1]
            threading.Thread(
                target=self._accept, args=(self._listening,), daemon=True
            ).start()

    def _accept(self, listening: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = listening.accept()
                if self.mode == "refusing":
                    near.close()
                    continue
                far = socket.create_connection(("127.0.0.1", self._to))
                self._open += [near, far]
                for one, other in ((near, far), (far, near)):
                    threading.Thread(
                        target=self._pass, args=(one, other), daemon=True
                    ).start()

    def _pass(self, one: socket.socket, other: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := one.recv(65_536):
                if self.mode == "slow":
                    time.sleep(PAUSE)
                other.sendall(data)
        _end(one)
        _end(other)


def _end(own: socket.socket) -> None:
    with contextlib.suppress(OSError):
        own.shutdown(socket.SHUT_RDWR)
    own.close()
