"""Real file systems that can be made to fail."""

import contextlib
import ctypes
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

SERVER = Path(__file__).with_name("fuse_server.py")
MNT_DETACH = 2


def _unmount(folder: Path) -> None:
    ctypes.CDLL(None).umount2(str(folder).encode(), MNT_DETACH)


def _mount(kind: str, folder: Path, options: str, what: str = "") -> None:
    done = subprocess.run(
        ["mount", "-t", kind, "-o", options, what or kind, str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        pytest.skip(f"cannot mount {kind}: {done.stderr.strip()}")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of one megabyte."""
    if os.geteuid():
        pytest.skip("a disk of its own needs root")
    folder = tmp_path / "disk"
    folder.mkdir()
    _mount("tmpfs", folder, "size=1m,mode=0700")
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


class Ext4:
    """A file system of its own in a file, as a disk would hold it.

    Attributes:
        folder: Where it is mounted.
    """

    def __init__(self, folder: Path, image: Path) -> None:
        self.folder = folder
        self._image = image

    def mount(self) -> None:
        """Mount it, mended."""
        subprocess.run(
            ["e2fsck", "-fy", str(self._image)], check=False, capture_output=True
        )
        _mount("ext4", self.folder, "loop,errors=remount-ro", str(self._image))
        self.folder.chmod(0o700)

    def unmount(self) -> None:
        """Take it away; whoever has a file open keeps that."""
        _unmount(self.folder)

    def fail(self) -> None:
        """Let the kernel find an error: it makes the file system read-only at once."""
        mounts = [
            line.split() for line in Path("/proc/mounts").read_text().splitlines()
        ]
        (device,) = [each[0] for each in mounts if each[1] == str(self.folder)]
        trigger = Path("/sys/fs/ext4", Path(device).name, "trigger_fs_error")
        trigger.write_text("a test")


@pytest.fixture
def ext4(tmp_path: Path) -> Iterator[Ext4]:
    """A mounted ext4 of 32 MiB."""
    if os.geteuid() or not shutil.which("mkfs.ext4") or not Path("/dev/loop0").exists():
        pytest.skip("an ext4 of its own needs root, mkfs.ext4 and a loop device")
    folder, image = tmp_path / "ext4", tmp_path / "image"
    folder.mkdir()
    with image.open("wb") as file:
        file.truncate(32 << 20)
    subprocess.run(["mkfs.ext4", "-q", "-F", str(image)], check=True)
    made = Ext4(folder, image)
    made.mount()
    yield made
    made.unmount()
