"""Real file systems that can be made to fail, and a writer that can be killed."""

import contextlib
import ctypes
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
WRITER = Path(__file__).with_name("writer.py")
SERVER = Path(__file__).parents[1] / "fuse_server.py"
MNT_DETACH = 2


def environment() -> dict[str, str]:
    """That of a child that imports this checkout."""
    return {**os.environ, "PYTHONPATH": str(ROOT / "src"), "PYTHONUNBUFFERED": "1"}


def start_writer(
    folder: Path, *arguments: object, before: tuple[str, ...] = ()
) -> "subprocess.Popen[bytes]":
    """A writer of the log in another process; its output is what it promised."""
    command = [*before, sys.executable, str(WRITER), str(folder)]
    return subprocess.Popen(
        [*command, *map(str, arguments)], stdout=subprocess.PIPE, env=environment()
    )


def _unmount(folder: Path) -> None:
    ctypes.CDLL(None).umount2(str(folder).encode(), MNT_DETACH)


def _mount(kind: str, folder: Path, options: str) -> None:
    done = subprocess.run(
        ["mount", "-t", kind, "-o", options, kind, str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        pytest.skip(f"cannot mount {kind}: {done.stderr.strip()}")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 512 KiB of its own."""
    if os.geteuid():
        pytest.skip("a disk of its own needs root")
    folder = tmp_path / "disk"
    folder.mkdir()
    _mount("tmpfs", folder, "size=512k,mode=0700")
    yield folder
    _unmount(folder)


@pytest.fixture
def failing_disk(tmp_path: Path) -> Iterator[tuple[Path, Callable[[str], None]]]:
    """A file system that fails on command, and how to command it."""
    if os.geteuid():
        pytest.skip("mounting FUSE needs root")
    if not os.access("/dev/fuse", os.R_OK | os.W_OK):
        pytest.skip("there is no /dev/fuse")
    folder = tmp_path / "fuse"
    folder.mkdir()
    server = subprocess.Popen(
        [sys.executable, str(SERVER), str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert server.stdin is not None
    assert server.stdout is not None
    assert server.stderr is not None
    if server.stdout.readline() != "ready\n":
        why = server.stderr.read().strip().splitlines()[-1:]
        server.wait()
        pytest.skip(f"cannot mount FUSE: {why}")

    def command(line: str) -> None:
        assert server.stdin is not None
        assert server.stdout is not None
        server.stdin.write(line + "\n")
        server.stdin.flush()
        assert server.stdout.readline() == "ok\n"

    yield folder, command
    _unmount(folder)
    with contextlib.suppress(BrokenPipeError):
        server.stdin.close()
    server.kill()
    server.wait()
    server.stdout.close()
    server.stderr.close()
