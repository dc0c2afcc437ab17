"""Which file a program's name is, and whether an agent could have put it there."""

import os
import stat
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from clawlaw.core.facts import PathFact, ProgramFact
from clawlaw.gate.resolve import Directory, UnresolvedError, Walk

SEARCH_PATH = (
    "/usr/local/sbin",
    "/usr/local/bin",
    "/usr/sbin",
    "/usr/bin",
    "/sbin",
    "/bin",
)
NOBODY = 65_534
SETTLED = 2_000_000_000  # nanoseconds after which a change time is told apart
MAX_KEPT = 1024  # names


@dataclass(frozen=True, slots=True)
class Agent:
    """The account that an executor runs an agent's programs as.

    Attributes:
        uid: Its user id; never 0, since a superuser could write everything.
        gids: Its groups.
    """

    uid: int
    gids: frozenset[int] = frozenset()

    @classmethod
    def current(cls) -> "Agent":
        """Who runs this process; for a superuser, one without any right."""
        if os.geteuid() == 0:
            return cls(NOBODY)
        return cls(os.geteuid(), frozenset({os.getegid(), *os.getgroups()}))

    def may_write(self, found: os.stat_result) -> bool:
        """Whether it may write, or give itself the right to, what was found."""
        mode = found.st_mode
        if found.st_uid == self.uid:
            return True
        sticky = stat.S_ISDIR(mode) and bool(mode & stat.S_ISVTX)
        shared = mode & stat.S_IWOTH or (
            mode & stat.S_IWGRP and found.st_gid in self.gids
        )
        return bool(shared) and not sticky


def find_program(
    root: Directory, name: str, search: Sequence[str], agent: Agent
) -> ProgramFact:
    """Look a name up as the executor's shell would.

    Args:
        root: Of the real file system.
        name: A name without a slash, or an absolute path.
        search: Absolute directories, in order.
        agent: Whose right to write counts.

    Returns:
        `resolved` "" where no file of the search path has the name and may be run;
        `writable` where any step to it can be changed by the agent.
    """
    return _find(root, name, search, agent)[0]


def _find(
    root: Directory, name: str, search: Sequence[str], agent: Agent
) -> tuple[ProgramFact, list[str]]:
    """The fact, and the directories that it was looked for in."""
    places = [name] if name.startswith("/") else [f"{d}/{name}" for d in search]
    passed: list[str] = []
    if not name or ("/" in name and not name.startswith("/")):
        return ProgramFact(resolved=""), passed
    for place in places:
        with Walk(root) as walk:
            try:
                fact = walk.go(place, "local")
            except UnresolvedError:  # could be the one that runs
                return ProgramFact(resolved="", writable=True), []
            passed += walk.passed()
        if fact.kind == "unknown":
            return ProgramFact(resolved="", writable=True), []
        if fact.kind == "file" and _is_executable(fact):
            passed.append(fact.resolved)
            found = ProgramFact(fact.resolved, _is_writable(place, fact, agent))
            return found, passed
    return ProgramFact(resolved=""), []


type _Mark = tuple[int, int, int, int]
type Marks = dict[str, _Mark]


@dataclass(frozen=True, slots=True)
class _Kept:
    fact: ProgramFact
    marks: tuple[tuple[str, _Mark], ...]


class ProgramFinder:
    """Looks names up, and again only where something on the way has changed.

    A name's fact is kept with identity and change times of every directory that it was
    looked for in and of the file. Change times are too coarse to show two changes in
    one moment, so what changed lately is not kept.
    """

    def __init__(self, search: Sequence[str], agent: Agent) -> None:
        """Look in `search`, in order; `agent` is whose right to write counts."""
        self._search = tuple(search)
        self._agent = agent
        self._kept: dict[str, _Kept] = {}

    def find(
        self, root: Directory, name: str, seen: Marks | None = None
    ) -> ProgramFact:
        """As :func:`find_program`.

        Args:
            root: Of the real file system.
            name: A name without a slash, or an absolute path.
            seen: Marks that were taken for other names of the same question.
        """
        kept = self.kept(name, {} if seen is None else seen)
        if kept is not None:
            return kept
        self._kept.pop(name, None)
        fact, passed = _find(root, name, self._search, self._agent)
        if passed and fact.resolved:
            self._keep(name, fact, passed)
        return fact

    def kept(self, name: str, seen: Marks) -> ProgramFact | None:
        """What is known of a name already; `None`: nothing, or no longer.

        Args:
            name: As for :meth:`find`.
            seen: As there; marks that are taken are added.
        """
        kept = self._kept.get(name)
        return kept.fact if kept is not None and _holds(kept, seen) else None

    def _keep(self, name: str, fact: ProgramFact, passed: list[str]) -> None:
        try:
            marks = tuple((path, _mark(path)) for path in dict.fromkeys(passed))
        except OSError:
            return
        settled = time.time_ns() - SETTLED
        if all(mark[2] < settled and mark[3] < settled for _, mark in marks):
            if len(self._kept) >= MAX_KEPT:
                self._kept.clear()
            self._kept[name] = _Kept(fact, marks)


def _holds(kept: _Kept, seen: Marks) -> bool:
    """Whether nothing on the way to a kept program has changed."""
    for path, mark in kept.marks:
        now = seen.get(path)
        if now is None:
            try:
                now = seen[path] = _mark(path)
            except OSError:
                return False
        if now != mark:
            return False
    return True


def _mark(path: str) -> _Mark:
    # Mode, owner and content cannot change without the change time (inode(7)).
    found = os.lstat(path)
    return found.st_dev, found.st_ino, found.st_mtime_ns, found.st_ctime_ns


def _is_executable(fact: PathFact) -> bool:
    return bool(Path(fact.resolved).lstat().st_mode & 0o111)


def _is_writable(place: str, fact: PathFact, agent: Agent) -> bool:
    """Whether the file, or a directory on either way to it, can be changed."""
    steps = {Path(fact.resolved), *Path(fact.resolved).parents, *Path(place).parents}
    try:
        return any(agent.may_write(step.stat()) for step in steps)
    except OSError:
        return True
