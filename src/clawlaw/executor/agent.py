"""`clawlaw agent run`: a whole client in a sandbox, powerless but for its permits.

Inside, the workspace can be read and not written, no network is there but the gate's
port, and no other program can be made to act. What the client wants done goes to the
gate; what the gate permits, the executor does outside of the client's sandbox, in one
of its own. A client whose hook was removed has nothing to send, and nothing happens.
"""

import argparse
import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from clawlaw.core.errors import ClawLawError
from clawlaw.executor import broker, report, tree
from clawlaw.executor.account import Identity, become
from clawlaw.executor.bounds import Bounds, Limits
from clawlaw.executor.gateway import Gateway
from clawlaw.executor.host import SandboxError, available, system_secrets
from clawlaw.executor.performing import Executor
from clawlaw.executor.process import Job, Sink, command_line
from clawlaw.executor.run import SOCKET, redeemed
from clawlaw.executor.sandbox import EXECUTOR_SOCKET

CLIENT_LIMITS: Final = Limits(processes=2048, file_bytes=4 << 30, scratch_bytes=1 << 30)
_PASSED: Final = ("TERM", "COLORTERM", "COLUMNS", "LINES", "TZ")
_CHUNK: Final = 1 << 16


def parser() -> argparse.ArgumentParser:
    """The options."""
    made = argparse.ArgumentParser(
        prog="clawlaw agent run",
        description="Run a whole client so that only its permits give it power.",
    )
    made.add_argument(
        "--workspace",
        action="append",
        default=[],
        metavar="DIR",
        help="what it may read (default: this directory)",
    )
    made.add_argument(
        "--state",
        action="append",
        default=[],
        metavar="DIR",
        help="the client's own files, which it may write",
    )
    made.add_argument(
        "--read",
        action="append",
        default=[],
        metavar="DIR",
        help="where the client is installed, if not in /usr or /opt",
    )
    made.add_argument(
        "--forward",
        action="append",
        default=[],
        metavar="PORT=SOCKET",
        help="a port of its loopback that leads to a socket of the gate",
    )
    made.add_argument(
        "--socket",
        default=os.environ.get("CLAWLAW_SOCKET", SOCKET),
        metavar="PATH",
        help="of the gate, where permits are redeemed",
    )
    made.add_argument(
        "--account",
        default="",
        metavar="NAME",
        help="become this account first; only root can",
    )
    made.add_argument("client", nargs=argparse.REMAINDER, metavar="-- CLIENT")
    return made  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a client to its end.

    Returns:
        Its exit status, or one of `clawlaw run`.
    """
    asked = parser().parse_args(arguments)
    words = asked.client[1:] if asked.client[:1] == ["--"] else asked.client
    try:
        forwards = dict(_forward(text) for text in asked.forward)
        who = become(asked.account)
        return _run(asked, who, forwards, tuple(words))
    except ClawLawError as error:
        sys.stderr.write(f"clawlaw agent run: {error}\n")
        return report.code_of(error)


def _forward(text: str) -> tuple[int, str]:
    port, _, path = text.partition("=")
    if not port.isdecimal() or not 0 < int(port) < 1 << 16 or not path.startswith("/"):
        raise ClawLawError(f"--forward {text}: not PORT=/PATH/OF/SOCKET")
    return int(port), path


def _run(
    asked: argparse.Namespace,
    who: Identity,
    forwards: dict[int, str],
    client: tuple[str, ...],
) -> int:
    if not client:
        raise ClawLawError("give the client's command after --")
    found = available()
    if not found.ok:
        raise SandboxError(found.problem, found.remedy)
    executor = Executor(home=who.home, user=who.name)
    gateway = Gateway(asked.socket)

    def perform(permit: str, words: list[str] | None, sink: Sink) -> tuple[int, str]:
        done = redeemed(gateway, executor, permit, words, sink)
        return done.code, done.problem

    with tempfile.TemporaryDirectory(prefix="clawlaw-agent-") as folder:
        path = Path(folder, "executor.sock")
        served = broker.Broker(path, perform)
        try:
            return _confined(
                bounds_of(asked, who, forwards, str(path)), forwards, client
            )
        finally:
            served.close()


def bounds_of(
    asked: argparse.Namespace, who: Identity, forwards: dict[int, str], path: str
) -> Bounds:
    """What a client may touch.

    Raises:
        SandboxError: A directory is not there.
    """
    workspace = [_directory(name) for name in asked.workspace or [os.curdir]]
    state = tuple(_directory(name) for name in asked.state)
    seen = tree.scan(tuple(workspace))
    return Bounds(
        cwd=workspace[0],
        home=who.home,
        write=state,
        read=(*workspace, *(_directory(name) for name in asked.read)),
        hide=(*system_secrets(), *seen.secrets),
        listen=tuple(forwards),
        limits=CLIENT_LIMITS,
        user=who.name,
        broker=path,
        terminal=True,
        variables={broker.VARIABLE: EXECUTOR_SOCKET}
        | {name: os.environ[name] for name in _PASSED if name in os.environ},
    )


def _directory(name: str) -> str:
    path = os.path.realpath(name)
    if not Path(path).is_dir():
        raise SandboxError(f"{name}: no such directory", "make it, or name another")
    return path


def _confined(bounds: Bounds, forwards: dict[int, str], client: tuple[str, ...]) -> int:
    ours, theirs = socket.socketpair()
    with ours:
        channel = theirs.fileno() if forwards else -1
        with theirs, command_line(Job(bounds, client, channel=channel)) as (argv, fds):
            child = subprocess.Popen(argv, pass_fds=fds, env={}, cwd="/")
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # it is the client's
        try:
            if forwards:
                _serve(ours, list(forwards.values()))
            status = child.wait()
        finally:
            signal.signal(signal.SIGINT, before)
            if child.poll() is None:
                child.kill()
                child.wait()
    return status if status >= 0 else 128 - status


def _serve(ours: socket.socket, paths: list[str]) -> None:
    """Answer on the client's loopback with what the gate's sockets say."""
    _, listeners, _, _ = socket.recv_fds(ours, 64, len(paths))
    for fd, path in zip(listeners, paths, strict=False):
        server = socket.socket(fileno=fd)
        threading.Thread(target=_accept, args=(server, path), daemon=True).start()


def _accept(server: socket.socket, path: str) -> None:
    while True:
        try:
            client, _ = server.accept()
        except OSError:
            return
        gate = socket.socket(socket.AF_UNIX)
        try:
            gate.connect(path)
        except OSError:
            client.close()
            gate.close()
            continue
        for one, other in ((client, gate), (gate, client)):
            threading.Thread(target=_pump, args=(one, other), daemon=True).start()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    """Carry bytes one way until either end is closed."""
    with contextlib.suppress(OSError):
        while data := source.recv(_CHUNK):
            sink.sendall(data)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


if __name__ == "__main__":
    sys.exit(main())
