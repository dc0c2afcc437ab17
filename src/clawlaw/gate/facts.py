"""Facts of the world: from this machine, or from a tree that is declared.

Both answer the same request with the same walk. Nothing here judges; what could not
be looked at is unknown, and unknown never allows.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

from clawlaw.core.facts import FactRequest, Facts
from clawlaw.gate.declared import DeclarationError, DeclaredNode, DeclaredTree
from clawlaw.gate.disk import DiskDirectory
from clawlaw.gate.mounts import MountTable
from clawlaw.gate.patterns import expand
from clawlaw.gate.programs import SEARCH_PATH, Agent, ProgramFinder
from clawlaw.gate.resolve import resolve

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
    ) -> None:
        """Read the mount table.

        Args:
            clock: Milliseconds since the epoch.
            agent: Account whose right to write programs counts; by default the one
                that runs this.
            search: Directories of the executor's search path.
            sandbox: An executor that confines code is there.
        """
        self._clock = clock
        self._programs = ProgramFinder(search, agent or Agent.current())
        self._sandbox = sandbox
        self._mounts = MountTable()

    def gather(self, request: FactRequest) -> Facts:
        """Look at everything that the request names.

        Never raises for what is found: what cannot be looked at is unknown.
        """
        root = DiskDirectory.root(self._mounts)
        try:
            paths = {p: resolve(root, p, "local") for p in request.paths}
            globs: dict[str, tuple[str, ...]] = {}
            for pattern in request.globs:
                found = expand(root, pattern, "local")
                if found is not None:
                    globs[pattern] = found
                    paths.update((p, resolve(root, p, "local")) for p in found)
            marks: dict[str, tuple[int, int, int, int]] = {}
            programs = {
                name: self._programs.find(root, name, marks)
                for name in request.programs
            }
        finally:
            root.close()
        return Facts(self._clock(), paths, globs, programs, (), self._sandbox)
