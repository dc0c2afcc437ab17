"""Where a path leads in one system call, where no link is on its way.

Linux resolves a whole path and refuses every link (openat2, RESOLVE_NO_SYMLINKS), and
says on which mount the walk ended (statx, STATX_MNT_ID). A path without `..` and
without links that ends on the mount the table expects there came through the mounts
that the table knows, all of them local. Whatever else there is, a link, another mount,
an error, is left to the walk of :mod:`clawlaw.gate.resolve`, name by name.

Source: openat2(2), statx(2), path_resolution(7).
"""

import ctypes
import errno
import os
import stat
import struct
import sys
from typing import Final, Literal

from clawlaw.core.facts import PathFact
from clawlaw.gate.mounts import UNKNOWN, MountTable

_OPENAT2: Final = 437  # of every architecture of Linux
_CWD: Final = -100  # every path is absolute
_NO_LINKS: Final = 0x02 | 0x04  # RESOLVE_NO_MAGICLINKS, RESOLVE_NO_SYMLINKS
_EMPTY_PATH: Final = 0x1000
_BASIC: Final = 0x7FF
_MNT_ID: Final = 0x1000
# struct statx: mask, nlink, mode, ino, device's major and minor number, mount id.
_STATX: Final = struct.Struct("=I12xI8xH2xQ96xIIQ")
_PATH: Final = getattr(os, "O_PATH", 0) | os.O_CLOEXEC
_ANY: Final = struct.pack("=3Q", _PATH, 0, _NO_LINKS)  # struct open_how
_DIRECTORY: Final = struct.pack("=3Q", _PATH | os.O_DIRECTORY, 0, _NO_LINKS)
_MAX: Final = 1000  # characters; longer ones are walked
_MAX_ABSENT: Final = 255  # so that no name of it is too long

_Buffer = ctypes.c_char * 256

type Found = tuple[int, int, int, int]  # mode, device, inode, links
type Call = ctypes._NamedFuncPointer  # noqa: SLF001  # what an imported function is


class Straight:
    """Looks at paths without links."""

    def __init__(self, mounts: MountTable) -> None:
        """Look by `mounts`; where the system has no such calls, at nothing."""
        self._mounts = mounts
        self._calls = _calls()

    def fact(self, path: str) -> PathFact | None:
        """Where an absolute path leads; `None`: it must be walked."""
        expected = self._expected(path)
        if expected == UNKNOWN or self._calls is None:
            return None
        found = self._look(path, expected)
        if isinstance(found, int):
            return self._absent(path) if found == errno.ENOENT else None
        mode, device, inode, links = found
        kind: Literal["file", "directory", "other"] = "other"
        if stat.S_ISREG(mode):
            kind = "file"
        elif stat.S_ISDIR(mode):
            kind, links = "directory", 1
        return PathFact(path, kind, device, inode, links)

    def _expected(self, path: str) -> int:
        """Id of the mount that a path must end on; `UNKNOWN`: walk it."""
        if (
            len(path) > _MAX
            or path[:1] != "/"
            or path[-1] in "/."
            or "//" in path
            or "/./" in path
            or "/../" in path
            or "\0" in path
        ):
            return UNKNOWN
        return self._mounts.mount_of(path)

    def _absent(self, path: str) -> PathFact | None:
        """What does not exist, by the nearest directory above it that does."""
        if len(path.encode()) > _MAX_ABSENT:
            return None
        above, _, name = path.rpartition("/")
        while above:
            expected = self._mounts.mount_of(above)
            found = self._look(above, expected, name)
            if not isinstance(found, int):
                return PathFact(path, "absent", found[1], found[2])
            if found != errno.ENOENT:
                return None
            above, _, name = above.rpartition("/")
        return None

    def _look(self, path: str, expected: int, absent: str = "") -> Found | int:
        """What a path without links is, on the mount that is expected.

        Args:
            path: Absolute.
            expected: Mount that it must end on.
            absent: A name that must not be in the directory that it is.

        Returns:
            What was found, or the number of an error.
        """
        assert self._calls is not None  # noqa: S101  # of `fact`
        syscall, statx = self._calls
        how = _DIRECTORY if absent else _ANY
        try:
            fd = syscall(_OPENAT2, _CWD, path.encode(), how, len(how))
        except UnicodeEncodeError:
            return errno.EILSEQ
        if fd < 0:
            return ctypes.get_errno()
        buffer = _Buffer()
        try:
            if absent and _is_there(absent, fd):
                return errno.EEXIST
            if statx(fd, b"", _EMPTY_PATH, _BASIC | _MNT_ID, buffer):
                return ctypes.get_errno()
        except OSError as error:
            return error.errno or errno.EIO
        finally:
            os.close(fd)
        return _read(buffer, expected)


def _read(buffer: ctypes.Array[ctypes.c_char], expected: int) -> Found | int:
    mask, links, mode, inode, major, minor, mount = _STATX.unpack_from(buffer)
    if mount != expected or not mask & _MNT_ID:
        return errno.EXDEV
    return mode, os.makedev(major, minor), inode, links


def _is_there(name: str, fd: int) -> bool:
    try:
        os.stat(name, dir_fd=fd, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def _calls() -> tuple[Call, Call] | None:
    """The two calls of this system; `None`: it has not both."""
    if sys.platform != "linux" or sys.getfilesystemencoding() != "utf-8":
        return None
    libc = ctypes.CDLL(None, use_errno=True)
    try:
        syscall, statx = libc.syscall, libc.statx
    except AttributeError:
        return None
    # A descriptor is an int; the name lives as long as the call.
    pointer, size = ctypes.c_void_p, ctypes.c_size_t
    syscall.argtypes = [ctypes.c_long, ctypes.c_int, ctypes.c_char_p, pointer, size]
    syscall.restype = ctypes.c_long
    statx.argtypes = [
        ctypes.c_int,
        ctypes.c_char_p,
        ctypes.c_int,
        ctypes.c_uint,
        pointer,
    ]
    statx.restype = ctypes.c_int
    return syscall, statx
