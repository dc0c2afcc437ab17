"""The real file system as a tree to walk: one open descriptor a directory."""

import os
import stat
import sys
from typing import Literal

from clawlaw.gate.mounts import MountTable
from clawlaw.gate.resolve import Directory, Entry, UnresolvedError

# Linux opens a place without the right to read it; macOS calls that searching.
_SEARCH = getattr(os, "O_PATH", 0) or (0x40000000 if sys.platform == "darwin" else 0)
_PLACE = _SEARCH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class DiskDirectory:
    """A directory held by a descriptor, so that a rename cannot turn the walk."""

    def __init__(
        self, fd: int, path: str, entry: Entry, mounts: MountTable, *, magic: bool
    ) -> None:
        """Take over `fd`."""
        self._fd = fd
        self.path = path
        self._mounts = mounts
        # Links of procfs are not text: the kernel jumps, whatever they say.
        self._magic = magic
        self.entry = entry

    @classmethod
    def root(cls, mounts: MountTable) -> "DiskDirectory":
        """Open `/`."""
        fd = os.open("/", _PLACE)
        return cls(fd, "", _entry(os.fstat(fd)), mounts, magic=False)

    def look(self, name: str) -> Entry | None:
        """What a name is, links not followed."""
        if self._mounts.is_local(f"{self.path}/{name}") is False:
            raise UnresolvedError("remote")  # and never touched: it may hang
        try:
            found = os.stat(name, dir_fd=self._fd, follow_symlinks=False)
            if not stat.S_ISLNK(found.st_mode):
                return _entry(found)
            return self._link(name, found)
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise UnresolvedError(str(error)) from error

    def _link(self, name: str, before: os.stat_result) -> Entry:
        if self._magic:
            raise UnresolvedError("link of procfs")
        target = os.readlink(name, dir_fd=self._fd)
        after = os.stat(name, dir_fd=self._fd, follow_symlinks=False)
        if _identity(before) != _identity(after) or not target:
            raise UnresolvedError("changed while it was looked at")
        return Entry("link", before.st_dev, before.st_ino, before.st_nlink, target)

    def enter(self, name: str, entry: Entry) -> Directory:
        """Open the directory that `look` has found."""
        path = f"{self.path}/{name}"
        if entry.device != self.entry.device and self._mounts.is_local(path) is None:
            self._mounts.refresh()
            if self._mounts.is_local(path) is False:
                raise UnresolvedError("remote")
        try:
            fd = os.open(name, _PLACE, dir_fd=self._fd)
        except OSError as error:
            raise UnresolvedError(str(error)) from error
        opened = _entry(os.fstat(fd))
        if (opened.device, opened.inode) != (entry.device, entry.inode):
            os.close(fd)
            raise UnresolvedError("changed while it was looked at")
        magic = self._magic or path == "/proc"
        return DiskDirectory(fd, path, opened, self._mounts, magic=magic)

    def names(self, limit: int) -> list[str]:
        """Every name in it, sorted."""
        try:
            fd = os.open(".", _READ, dir_fd=self._fd)
        except OSError as error:
            raise UnresolvedError(str(error)) from error
        try:
            return _listed(fd, limit)
        finally:
            os.close(fd)

    def close(self) -> None:
        """Close the descriptor."""
        os.close(self._fd)


def _listed(fd: int, limit: int) -> list[str]:
    found: list[str] = []
    try:
        with os.scandir(fd) as entries:
            for entry in entries:
                found.append(entry.name)
                if len(found) > limit:
                    raise UnresolvedError("too many names")
    except OSError as error:
        raise UnresolvedError(str(error)) from error
    return sorted(found)


def _entry(found: os.stat_result) -> Entry:
    kind: Literal["file", "directory", "other"] = "other"
    if stat.S_ISREG(found.st_mode):
        kind = "file"
    elif stat.S_ISDIR(found.st_mode):
        kind = "directory"
    return Entry(kind, found.st_dev, found.st_ino, found.st_nlink)


def _identity(found: os.stat_result) -> tuple[int, int, int]:
    return found.st_dev, found.st_ino, found.st_mode
