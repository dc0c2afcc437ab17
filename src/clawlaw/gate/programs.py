"""Which file a program's name is, and whether an agent could have put it there."""

import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from clawlaw.core.facts import PathFact, ProgramFact
from clawlaw.gate.resolve import Directory, resolve

SEARCH_PATH = (
    "/usr/local/sbin",
    "/usr/local/bin",
    "/usr/sbin",
    "/usr/bin",
    "/sbin",
    "/bin",
)
NOBODY = 65_534


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
    places = [name] if name.startswith("/") else [f"{d}/{name}" for d in search]
    if not name or ("/" in name and not name.startswith("/")):
        return ProgramFact(resolved="")
    for place in places:
        fact = resolve(root, place, "local")
        if fact.kind == "unknown":  # could be the one that runs
            return ProgramFact(resolved="", writable=True)
        if fact.kind == "file" and _is_executable(fact):
            return ProgramFact(fact.resolved, _is_writable(place, fact, agent))
    return ProgramFact(resolved="")


def _is_executable(fact: PathFact) -> bool:
    return bool(Path(fact.resolved).lstat().st_mode & 0o111)


def _is_writable(place: str, fact: PathFact, agent: Agent) -> bool:
    """Whether the file, or a directory on either way to it, can be changed."""
    steps = {Path(fact.resolved), *Path(fact.resolved).parents, *Path(place).parents}
    try:
        return any(agent.may_write(step.stat()) for step in steps)
    except OSError:
        return True
