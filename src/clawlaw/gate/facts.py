"""Facts of the world: from this machine, or from a tree that is declared.

Both answer the same request with the same walk. Nothing here judges; what could not
be looked at is unknown, and unknown never allows.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

from clawlaw.core.facts import FactRequest, Facts, PathFact
from clawlaw.gate.declared import DeclarationError, DeclaredNode, DeclaredTree
from clawlaw.gate.disk import DiskDirectory
from clawlaw.gate.mounts import MountTable
from clawlaw.gate.patterns import expand
from clawlaw.gate.programs import SEARCH_PATH, Agent, Marks, ProgramFinder
from clawlaw.gate.resolve import resolve
from clawlaw.gate.straight import Straight

__all__ = [
    "SEARCH_PATH",
    "Agent",
    "DeclarationError",
    "DeclaredNode",
    "DeclaredTree",
    "FactSource",
    "Gatherer",
]


class FactSource(Protocol):
    """Answers what a decision must know of the world."""

    def gather(self, request: FactRequest) -> Facts:
        """Facts of everything that the request names."""


class Gatherer:
    """Looks at the file system of this machine."""

    def __init__(
        self,
        *,
        clock: Callable[[], int],
        agent: Agent | None = None,
        search: Sequence[str] = SEARCH_PATH,
        sandbox: bool = False,
        mediated: bool = True,
    ) -> None:
        """Read the mount table.

        Args:
            clock: Milliseconds since the epoch.
            agent: Account whose right to write programs counts; by default the one
                that runs this.
            search: Directories of the executor's search path.
            sandbox: An executor that confines code is there.
            mediated: It performs what is asked about; a gate says this of each call.
        """
        self._clock = clock
        self._programs = ProgramFinder(search, agent or Agent.current())
        self._sandbox = sandbox
        self._mediated = mediated
        self._mounts = MountTable()
        self._straight = Straight(self._mounts)

    def gather(self, request: FactRequest) -> Facts:
        """Look at everything that the request names.

        Never raises for what is found: what cannot be looked at is unknown.
        """
        root = _Root(self._mounts)
        try:
            paths = {p: self._fact(root, p) for p in request.paths}
            globs: dict[str, tuple[str, ...]] = {}
            for pattern in request.globs:
                found = expand(root(), pattern, "local")
                if found is not None:
                    globs[pattern] = found
                    paths.update((p, self._fact(root, p)) for p in found)
            marks: Marks = {}
            finder = self._programs
            programs = {
                name: finder.kept(name, marks) or finder.find(root(), name, marks)
                for name in request.programs
            }
        finally:
            root.close()
        how = self._sandbox, self._mediated
        return Facts(self._clock(), paths, globs, programs, (), *how)

    def _fact(self, root: "_Root", path: str) -> PathFact:
        return self._straight.fact(path) or resolve(root(), path, "local")


class _Root:
    """The root directory, opened where something must be walked."""

    def __init__(self, mounts: MountTable) -> None:
        self._mounts = mounts
        self._opened: DiskDirectory | None = None

    def __call__(self) -> DiskDirectory:
        if self._opened is None:
            self._opened = DiskDirectory.root(self._mounts)
        return self._opened

    def close(self) -> None:
        if self._opened is not None:
            self._opened.close()
