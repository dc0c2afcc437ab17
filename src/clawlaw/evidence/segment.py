"""Segment files: their names, how frames are read from them, and how they are synced.

A folder holds `00000000.seg`, `00000001.seg` and so on, without a gap. Only the last
one is written to; it is preallocated, so the bytes after its last frame are zero. What
an interrupted write left behind lies beside its segment as `00000001.torn`.
"""

import fcntl
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from clawlaw.evidence.errors import EvidenceError, LogDamaged
from clawlaw.evidence.frame import MAX_PAYLOAD, Frame, FrameError, decode_frame
from clawlaw.evidence.schema import Durability

SUFFIX: Final = ".seg"
TORN_SUFFIX: Final = ".torn"
DIGITS: Final = 8
_CHUNK: Final = 1 << 20  # bytes read at once
_F_FULLFSYNC: Final = 51  # of <fcntl.h> on macOS: flush the drive's own cache too
_F_BARRIERFSYNC: Final = 85  # nothing after it is written before what was before it


def segment_path(folder: Path, number: int) -> Path:
    """File of a segment."""
    return folder / f"{number:0{DIGITS}d}{SUFFIX}"


def segment_paths(folder: Path) -> list[Path]:
    """Files of all segments, in order.

    Raises:
        LogDamaged: One is missing between others, or has a name of another form.
    """
    found = sorted(folder.glob(f"*{SUFFIX}"))
    for number, path in enumerate(found):
        if path != segment_path(folder, number):
            raise LogDamaged(
                f"{path}: expected {segment_path(folder, number).name} here; "
                "restore the missing segment from its anchor"
            )
    return found


def read_frames(path: Path, start: int = 0) -> Iterator[Frame]:
    """Frames of a segment file from an offset, as far as whole ones follow.

    Ends without an error where the file ends at a frame's end or all that follows is
    zero. One chunk and one frame are held in memory.

    Raises:
        FrameError: Something else follows; its offset is the end of the last frame.
        OSError: The file cannot be read.
    """
    with path.open("rb", buffering=0) as file:
        file.seek(start)
        data, base, at = file.read(_CHUNK), start, 0
        while True:
            try:
                frame = decode_frame(data, at, base + at)
            except FrameError as error:
                more = file.read(_CHUNK)
                if more and error.reason == "end" and len(data) - at <= 2 * MAX_PAYLOAD:
                    data, base, at = data[at:] + more, base + at, 0
                    continue
                if _blank(data[at:] + more) and _rest_is_blank(path, base + len(data)):
                    return
                raise
            yield frame
            at = frame.end - base


def _rest_is_blank(path: Path, offset: int) -> bool:
    with path.open("rb", buffering=0) as file:
        file.seek(offset)
        while chunk := file.read(_CHUNK):
            if not _blank(chunk):
                return False
    return True


def _blank(data: bytes) -> bool:
    return data.count(0) == len(data)


def read_tail(path: Path, offset: int) -> bytes:
    """Bytes of a segment from an offset, without the zeros at its end."""
    with path.open("rb") as file:
        file.seek(offset)
        return file.read().rstrip(b"\0")


def sync_file(fd: int, durability: Durability) -> None:
    """Wait until what was written to a file is durable to the level asked for.

    Raises:
        OSError: The sync failed; the file's state is unknown, do not try again.
    """
    if durability == "fdatasync":
        os.fdatasync(fd)
    elif durability == "fullfsync":
        fcntl.fcntl(fd, _F_FULLFSYNC)
    else:
        fcntl.fcntl(fd, _F_BARRIERFSYNC)


def check_durability(durability: Durability) -> None:
    """Refuse a level that this system does not have.

    Raises:
        EvidenceError: With the level to name instead.
    """
    on_mac = sys.platform == "darwin"
    if on_mac == (durability == "fdatasync"):
        instead = "fullfsync" if on_mac else "fdatasync"
        raise EvidenceError(
            f"durability {durability} does not exist on {sys.platform}; use {instead}"
        )


def flush(fd: int) -> None:
    """Wait until a file or folder is durable with its size and names, at any cost."""
    if sys.platform == "darwin":
        fcntl.fcntl(fd, _F_FULLFSYNC)
    else:
        os.fsync(fd)


def sync_folder(folder: Path) -> None:
    """Wait until the names in a folder are durable."""
    on_mac = sys.platform == "darwin"
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        flush(fd)
    except OSError:
        if not on_mac:
            raise
        os.fsync(fd)  # not every file system of macOS flushes through a folder
    finally:
        os.close(fd)


def write_zeros(path: Path, size: int) -> int:
    """Make a file of zeros, on the disk, and return its descriptor.

    Blocks that were written once are written again without a change to the file
    system's own tables, which halves the time of a sync.
    """
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        zeros = bytes(min(size, _CHUNK))
        for offset in range(0, size, _CHUNK):
            write_all(fd, zeros[: size - offset], offset)
        flush(fd)
    except BaseException:
        os.close(fd)
        raise
    return fd


def write_all(fd: int, data: bytes, offset: int) -> None:
    """Write all bytes at an offset, in as many calls as it takes.

    Raises:
        OSError: Any of them failed.
    """
    done = os.pwrite(fd, data, offset)
    while done < len(data):
        done += os.pwrite(fd, data[done:], offset + done)
