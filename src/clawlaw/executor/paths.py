"""Targets checked again at use: the same file as was judged, or nothing is done.

A name can be given to another file between a decision and its use. Each target is
walked again from the root, one directory descriptor after the other and no link
followed, and must be the device, inode and kind that the permit names. What is found
is held open, so that what is used is what was checked.

Source: openat(2), O_NOFOLLOW; CWE-367.
"""

import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from types import TracebackType
from typing import Final, Self

from msgspec import Struct

from clawlaw.core.errors import ClawLawError
from clawlaw.executor.grant import Target
from clawlaw.gate.disk import DiskDirectory
from clawlaw.gate.mounts import MountTable
from clawlaw.gate.resolve import resolve

_PLACE: Final = getattr(os, "O_PATH", 0) | os.O_NOFOLLOW | os.O_CLOEXEC
_FOLDER: Final = _PLACE | os.O_DIRECTORY


class ChangedError(ClawLawError):
    """A target is not what was judged any more; the message names it."""


class Held(Struct, frozen=True):
    """A target that is held open.

    Attributes:
        parent: Descriptor of the directory that it is in, or would be in.
        name: In that directory, without a slash; "" for the root itself.
        fd: Descriptor of it, by which it can be named and not read; -1 where absent.
        missing: Directories between `parent` and `name` that do not exist either.
    """

    target: Target
    parent: int
    name: str
    fd: int
    missing: tuple[str, ...] = ()


class HeldTargets:
    """All targets of one permit; a context manager that lets go of them."""

    def __init__(self, targets: Iterable[Target]) -> None:
        """Walk to each of them.

        Raises:
            ChangedError: One is another file, of another kind, or cannot be reached.
        """
        self._stack = ExitStack()
        self._mounts = MountTable()
        self._held: dict[str, Held] = {}
        try:
            for target in targets:
                self._held[target.path] = self._hold(target)
        except BaseException:
            self._stack.close()
            raise

    def __enter__(self) -> Self:
        """Return the targets."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close every descriptor."""
        self._stack.close()

    def get(self, path: str) -> Held:
        """The target of a path as in the effects.

        Raises:
            ChangedError: The permit has no such target.
        """
        if path not in self._held:
            raise ChangedError(f"{path}: is not among the targets of the permit")
        return self._held[path]

    def __iter__(self) -> Iterator[Held]:
        """Every target."""
        return iter(self._held.values())

    def _hold(self, target: Target) -> Held:
        if target.kind == "unknown" or not target.resolved.startswith("/"):
            raise ChangedError(f"{target.path}: could not be looked at when judged")
        self._same_way(target)
        names = [name for name in target.resolved.split("/") if name]
        if {".", ".."} & set(names):
            raise ChangedError(f"{target.path}: the permit does not resolve it")
        fd = self._opened("/", None, _FOLDER)
        parent, depth = fd, 0
        for depth, name in enumerate(names):
            last = depth == len(names) - 1
            found = self._step(fd, name, target, last=last)
            if found < 0:
                break
            parent, fd = fd, found
        else:
            return self._there(target, parent, names, fd)
        return self._absent(target, fd, names[depth:])

    def _same_way(self, target: Target) -> None:
        """The path as it was written still leads to the same place."""
        if target.path.startswith("/"):
            root = DiskDirectory.root(self._mounts)
            try:
                fact = resolve(root, target.path, "local")
            finally:
                root.close()
            if fact.resolved != target.resolved:
                raise ChangedError(f"{target.path}: leads elsewhere than when judged")

    def _step(self, fd: int, name: str, target: Target, *, last: bool) -> int:
        """Descriptor of a name, or -1 where there is none."""
        try:
            return self._opened(name, fd, _PLACE if last else _FOLDER)
        except FileNotFoundError:
            return -1
        except OSError as error:
            what = f"{target.path}: {name}: {error.strerror}"
            raise ChangedError(f"{what}; it was a directory when judged") from error

    def _opened(self, name: str, folder: int | None, flags: int) -> int:
        fd = os.open(name, flags, dir_fd=folder)
        self._stack.callback(os.close, fd)
        return fd

    def _there(self, target: Target, parent: int, names: list[str], fd: int) -> Held:
        seen = os.fstat(fd)
        if target.kind == "absent":
            raise ChangedError(f"{target.path}: was not there when judged, and is now")
        if (seen.st_dev, seen.st_ino) != (target.device, target.inode):
            raise ChangedError(f"{target.path}: is another file than when judged")
        if kind_of(seen.st_mode) != target.kind:
            raise ChangedError(f"{target.path}: is no {target.kind} any more")
        return Held(target, parent, names[-1] if names else "", fd)

    def _absent(self, target: Target, fd: int, rest: list[str]) -> Held:
        if target.kind != "absent":
            raise ChangedError(f"{target.path}: was there when judged, and is gone")
        seen = os.fstat(fd)
        if (seen.st_dev, seen.st_ino) != (target.device, target.inode):
            raise ChangedError(f"{target.path}: its directory is another one by now")
        return Held(target, fd, rest[-1], -1, tuple(rest[:-1]))


def kind_of(mode: int) -> str:
    """Kind of a file as facts name it; a link is none of them."""
    if stat.S_ISREG(mode):
        return "file"
    if stat.S_ISDIR(mode):
        return "directory"
    return "link" if stat.S_ISLNK(mode) else "other"
