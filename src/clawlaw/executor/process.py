"""One sandboxed process: started, streamed, held to its limits, and ended for sure."""

import contextlib
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from msgspec import Struct, structs

from clawlaw.executor import landlock, sandbox, seccomp
from clawlaw.executor.bounds import Bounds
from clawlaw.executor.host import SandboxError, bubblewrap, look

RUNAWAY: Final = 256  # times the output that is shown, after which it is ended
_CHUNK = 1 << 16
_TICK = 0.2  # seconds between looks at the clock and the disk
_START = 60  # seconds until everything is mounted
_GONE = 5.0  # seconds for the kernel to end a namespace
_UNEXPLAINED = 4  # times the limit
_COARSE = 20_000_000  # nanoseconds by which a file's clock may be behind
DEADLINE_EXIT: Final = 124  # as timeout(1)


class Account(Struct, frozen=True):
    """Whom a process runs as, where the executor may choose."""

    uid: int
    gid: int
    groups: tuple[int, ...] = ()


class Job(Struct, frozen=True):
    """What to run.

    Attributes:
        command: Program, absolute or on the search path, and its arguments.
        places: Held descriptors by path, from which the sandbox is bound.
        account: `None`: the executor's own.
        python: Interpreter for the last steps; "": the executor's.
        channel: Socket that the last steps hand listeners out by; -1: none.
        signal: Socket by which they say that they run, and wait for a word; -1: none.
    """

    bounds: Bounds
    command: tuple[str, ...]
    places: dict[str, int] = {}
    account: Account | None = None
    python: str = ""
    channel: int = -1
    signal: int = -1


class Ended(Struct, frozen=True):
    """How it ended.

    Attributes:
        exit: Exit status; 128 + N where signal N ended it.
        duration: Microseconds.
        bytes_out: Shown, at most the limit.
        head: What was shown, output and error as they came.
        truncated: More was said than was shown.
        reason: "", or which limit ended it: "deadline", "output", "disk".
    """

    exit: int
    duration: int
    bytes_out: int
    head: bytes
    reason: str = ""
    truncated: bool = False


type Sink = Callable[[int, bytes], None]  # 1 or 2, and what was said there


@contextmanager
def command_line(job: Job) -> Iterator[tuple[list[str], list[int]]]:
    """The whole command line and the descriptors that it must inherit.

    Raises:
        SandboxError: bubblewrap is missing, or no filter fits this processor.
    """
    program = bubblewrap()
    try:
        calls = seccomp.program(os.uname().machine)
    except seccomp.UnknownMachineError as error:
        raise SandboxError(
            str(error), "run the executor on x86_64 or aarch64"
        ) from error
    host = look(job.bounds, job.python)
    with ExitStack() as stack:
        filter_fd = _memory(stack, "filter", calls)
        steps = _memory(stack, "steps", Path(landlock.__file__).read_bytes())
        fds = sandbox.Descriptors(filter_fd, steps, job.places)
        words = sandbox.options(job.bounds, host, fds)
        text = b"".join(os.fsencode(word) + b"\0" for word in words)
        options_fd = _memory(stack, "options", text)
        inner = sandbox.inside(
            job.bounds, host, list(job.command), job.channel, job.signal
        )
        inherited = [filter_fd, steps, options_fd, *job.places.values()]
        inherited += [fd for fd in (job.channel, job.signal) if fd >= 0]
        yield [program, "--args", str(options_fd), "--", *inner], inherited


def _memory(stack: ExitStack, name: str, content: bytes) -> int:
    """A file in memory that holds `content` and is read from its start."""
    fd = os.memfd_create(f"clawlaw-{name}", os.MFD_CLOEXEC)
    stack.callback(os.close, fd)
    os.write(fd, content)
    os.lseek(fd, 0, os.SEEK_SET)
    return fd


def perform(
    job: Job,
    sink: Sink | None = None,
    ready: Callable[[], bool] | None = None,
    *,
    until: float = 0,
) -> Ended:
    """Run a job to its end.

    Args:
        job: What to run.
        sink: Takes the output as it comes.
        ready: Asked when everything is mounted and nothing of the command has run;
            where it says no, nothing does.
        until: Monotonic time of its end, seconds; 0: only the limit of the bounds.

    Raises:
        SandboxError: Nothing confines here, or `ready` said no.
        OSError: bubblewrap could not be started.
    """
    start = time.monotonic()
    end = start + job.bounds.limits.seconds
    ours, theirs = socket.socketpair()
    with ours, theirs:
        child = _started(structs.replace(job, signal=theirs.fileno()))
        theirs.close()
        try:
            _wait(ours, ready)
        except BaseException:
            _end(child)
            raise
    watch = _Watch(child, job.bounds, sink, min(end, until) if until else end)
    try:
        watch.follow()
    finally:
        _end(child)
    status = child.returncode
    if watch.reason == "deadline":
        status = DEADLINE_EXIT
    return Ended(
        status if status >= 0 else 128 - status,
        int((time.monotonic() - start) * 1e6),
        len(watch.head),
        bytes(watch.head),
        watch.reason,
        watch.said > len(watch.head),
    )


def _started(job: Job) -> "subprocess.Popen[bytes]":
    with command_line(job) as (argv, inherited):
        return subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=inherited,
            env={},
            cwd="/",
            start_new_session=True,
            user=job.account.uid if job.account else None,
            group=job.account.gid if job.account else None,
            extra_groups=job.account.groups if job.account else None,
        )


def _wait(ours: socket.socket, ready: Callable[[], bool] | None) -> None:
    """Let the last steps go on once everything is mounted.

    Raises:
        SandboxError: What is mounted is not what was looked at any more.
    """
    ours.settimeout(_START)
    try:
        if not ours.recv(1):
            return  # it ended before that; its output says why
        if ready is not None and not ready():
            raise SandboxError(
                "the workspace changed while the sandbox was made",
                "propose the action again",
            )
        ours.sendall(b"g")
    except OSError as error:
        raise SandboxError(
            f"the sandbox was not made in {_START} seconds ({error})", "try again"
        ) from error


def _end(child: subprocess.Popen[bytes]) -> None:
    """Kill what is left, and return when nothing of it runs any more.

    The first process of the namespace is killed, not bubblewrap above it: its end is
    told only when the kernel has ended every other one.
    """
    if child.poll() is None:
        first = Path(f"/proc/{child.pid}/task/{child.pid}/children")
        with contextlib.suppress(OSError, ValueError):
            for pid in first.read_text("ascii").split():
                os.kill(int(pid), signal.SIGKILL)
        try:
            child.wait(_GONE)
        except subprocess.TimeoutExpired:
            child.kill()
    child.wait()
    for stream in (child.stdout, child.stderr):
        if stream is not None:
            stream.close()


class _Watch:
    """Follows one child until it ends or a limit is reached."""

    def __init__(
        self,
        child: subprocess.Popen[bytes],
        bounds: Bounds,
        sink: Sink | None,
        end: float,
    ) -> None:
        self._child = child
        self._sink = sink or _nowhere
        self._end = end
        self._limits = bounds.limits
        self._roots = bounds.write
        self._free = _free(self._roots)
        self._began = time.time_ns()
        self._looked = self._limits.disk_bytes
        self.said = 0
        self.head = bytearray()
        self.reason = ""

    def follow(self) -> None:
        """Pass output on until both streams end, the child ends, or a limit."""
        with selectors.DefaultSelector() as selector:
            for number, stream in ((1, self._child.stdout), (2, self._child.stderr)):
                if stream is None:
                    raise AssertionError("both streams are pipes")
                selector.register(stream, selectors.EVENT_READ, number)
            while selector.get_map() and not self.reason:
                for key, _ in selector.select(_TICK):
                    data = os.read(key.fd, _CHUNK)
                    if data:
                        self._take(key.data, data)
                    else:
                        selector.unregister(key.fileobj)
                self._check()
        while not self.reason and self._child.poll() is None:
            time.sleep(_TICK / 20)
            self._check()

    def _take(self, number: int, data: bytes) -> None:
        limit = self._limits.output_bytes
        self.said += len(data)
        data = data[: limit - len(self.head)]
        if data:
            self.head += data
            self._sink(number, data)
        if self.said > RUNAWAY * limit:
            self.reason = "output"

    def _check(self) -> None:
        if time.monotonic() >= self._end:
            self.reason = self.reason or "deadline"
        limit = self._limits.disk_bytes
        now = _free(self._roots)
        lost = max((b - n for b, n in zip(self._free, now, strict=True)), default=0)
        # Others write to the same disk: what is lost must be found in the roots, or
        # be so much that it may as well be in files without a name.
        if lost <= self._looked:
            return
        if lost > _UNEXPLAINED * limit or _written(self._roots, self._began) > limit:
            self.reason = self.reason or "disk"
        self._looked = lost + limit // 8  # not to walk at every tick


def _written(roots: tuple[str, ...], since: int) -> int:
    """Bytes on disk of the files that changed since, in nanoseconds of the epoch."""
    found = 0
    for root in roots:
        for folder, _, names in os.walk(root):
            for name in names:
                try:
                    seen = os.lstat(f"{folder}/{name}")
                except OSError:
                    continue
                if seen.st_ctime_ns >= since - _COARSE:
                    found += seen.st_blocks * 512
    return found


def _free(roots: tuple[str, ...]) -> list[int]:
    """Free bytes of the file system of each root; 0 where it went away."""
    found = []
    for root in roots:
        try:
            seen = os.statvfs(root)
        except OSError:
            found.append(0)
            continue
        found.append(seen.f_bavail * seen.f_frsize)
    return found


def _nowhere(number: int, data: bytes) -> None:
    """Show output to nobody."""


def to_streams(number: int, data: bytes) -> None:
    """Show output where this process's own goes."""
    stream = sys.stdout if number == 1 else sys.stderr
    stream.buffer.write(data)
    stream.buffer.flush()
