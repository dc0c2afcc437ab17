"""Where a path leads, name by name: the same walk on a real and on a declared tree.

The walk follows links itself, so that it knows of every one, and goes up by the
directories that it came through, so that `..` cannot be turned by a rename. Nothing
is compared by text: what the walk returns is what it saw.
"""

from dataclasses import dataclass
from typing import Literal, Protocol, Self

from msgspec import Struct

from clawlaw.core.facts import PathFact

MAX_LINKS = 40  # as Linux follows
MAX_NAMES = 512  # links expanded
MAX_PATH = 4096  # characters, Linux PATH_MAX
MAX_NAME = 255  # bytes of one name

type Origin = Literal["local", "declared", "remote"]


class UnresolvedError(Exception):
    """A name could not be looked at; the fact is unknown."""


class BehindFileError(UnresolvedError):
    """The path goes on behind something that is no directory."""


class Entry(Struct, frozen=True):
    """What one name in a directory is.

    Attributes:
        target: Of a link: its text, not empty.
    """

    kind: Literal["file", "directory", "other", "link"]
    device: int = 0
    inode: int = 0
    links: int = 1
    target: str = ""


class Directory(Protocol):
    """A directory that the walk stands in."""

    @property
    def path(self) -> str:
        """Where the walk found it: absolute, without links; "" is the root."""

    @property
    def entry(self) -> Entry:
        """What it is itself."""

    def look(self, name: str) -> Entry | None:
        """What a name is, links not followed; `None`: there is no such name.

        Raises:
            UnresolvedError: It could not be looked at.
        """

    def enter(self, name: str, entry: Entry) -> "Directory":
        """The directory of that name, which `look` has found.

        Raises:
            UnresolvedError: It is another one by now, remote, or closed to us.
        """

    def names(self, limit: int) -> list[str]:
        """Every name in it, sorted, without `.` and `..`.

        Raises:
            UnresolvedError: More than `limit`, or it could not be read.
        """

    def close(self) -> None:
        """Let go of it."""


@dataclass(slots=True)
class _Step:
    name: str
    directory: Directory | None  # none: does not exist


class Walk:
    """One walk from the root; a context manager that closes what it opened."""

    def __init__(self, root: Directory) -> None:
        """Start at `root`, which the caller owns."""
        self._root = root
        self._steps: list[_Step] = []
        self._opened: list[Directory] = []
        self._links = 0
        self._final: Entry | None = None

    def __enter__(self) -> Self:
        """Return the walk."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close every directory on the way."""
        for directory in self._opened:
            directory.close()

    def passed(self) -> list[str]:
        """Paths of the directories that names were looked up in, the root's first."""
        return ["/", *(directory.path for directory in self._opened)]

    @property
    def here(self) -> Directory | None:
        """Directory that the walk ended in; `None`: at a file or at nothing."""
        if self._final is not None:
            return None
        return self._steps[-1].directory if self._steps else self._root

    def go(self, path: str, origin: Origin) -> PathFact:
        """Walk an absolute path to its end, links followed.

        Raises:
            UnresolvedError: Something on the way could not be looked at.
        """
        _check(path)
        pending = path.split("/")[::-1]
        seen = 0
        while pending:
            seen += 1
            if seen > MAX_NAMES:
                raise UnresolvedError("too many names")
            name = pending.pop()
            if self._final is not None:
                raise BehindFileError
            if name == "..":
                if self._steps:
                    self._steps.pop()
            elif name not in {"", "."}:
                pending.extend(self._take(name))
        return self._fact(origin)

    def _take(self, name: str) -> list[str]:
        """Go to one name; return what a link adds to the way, last first."""
        if len(name.encode("utf-8", "replace")) > MAX_NAME:
            raise UnresolvedError("name too long")
        above = self._steps[-1].directory if self._steps else self._root
        entry = above.look(name) if above is not None else None
        if above is None or entry is None:
            self._steps.append(_Step(name, None))
            return []
        if entry.kind == "link":
            return self._follow(entry.target)
        directory = None
        if entry.kind == "directory":
            directory = above.enter(name, entry)
            self._opened.append(directory)
        else:
            self._final = entry
        self._steps.append(_Step(name, directory))
        return []

    def _follow(self, target: str) -> list[str]:
        self._links += 1
        if self._links > MAX_LINKS:
            raise UnresolvedError("too many links")
        _check(target)
        if target.startswith("/"):
            self._steps.clear()
        return target.split("/")[::-1]

    def _fact(self, origin: Origin) -> PathFact:
        resolved = "/" + "/".join(step.name for step in self._steps)
        if len(resolved) > MAX_PATH:
            raise UnresolvedError("path too long")
        entry, kind = self._final, "absent"
        if entry is None:
            standing = [s.directory for s in self._steps if s.directory is not None]
            entry = standing[-1].entry if standing else self._root.entry
            if len(standing) == len(self._steps):
                kind = "directory"
        else:
            kind = entry.kind
        return PathFact(
            resolved=resolved,
            kind=kind,  # type: ignore[arg-type]  # never a link: those are followed
            device=entry.device,
            inode=entry.inode,
            links=entry.links if kind in {"file", "other"} else 1,
            linked=self._links > 0,
            origin=origin,
        )


def _check(path: str) -> None:
    if not path or len(path) > MAX_PATH or "\0" in path or not _is_text(path):
        raise UnresolvedError("not a path")


def _is_text(path: str) -> bool:
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:  # a name on disk that is not UTF-8
        return False
    return True


def resolve(root: Directory, path: str, origin: Origin) -> PathFact:
    """Where an absolute path leads.

    Returns:
        A fact; of kind "unknown", without a resolved path, where it cannot be told.
    """
    if not path.startswith("/"):
        return PathFact(resolved="", kind="unknown", origin=origin)
    with Walk(root) as walk:
        try:
            return walk.go(path, origin)
        except UnresolvedError:
            return PathFact(resolved="", kind="unknown", origin=origin)
