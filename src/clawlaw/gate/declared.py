"""A tree that is declared instead of looked at: for cases, examples and other machines.

What is not declared does not exist, and its parent does; so a verdict on a declared
tree is the same on every machine.
"""

from collections.abc import Mapping
from typing import Literal

import msgspec
from msgspec import Struct

from clawlaw.core.actions import AnyEffect, FileDelete, FileMove, FileWrite
from clawlaw.core.errors import ClawLawError
from clawlaw.core.facts import FactRequest, Facts, PathFact, ProgramFact
from clawlaw.gate.patterns import expand
from clawlaw.gate.resolve import Directory, Entry, UnresolvedError, resolve

PROGRAM_PLACES = ("/usr/local/bin/", "/usr/bin/", "/usr/sbin/", "/bin/", "/sbin/")


class DeclarationError(ClawLawError):
    """A declared tree is not one; the message names the path."""


class DeclaredNode(Struct, frozen=True, forbid_unknown_fields=True):
    """One path of a declared tree.

    Attributes:
        kind: "unreadable" is there and cannot be looked at.
        link: What a link leads to, absolute or relative to its directory.
        inode: Paths with the same inode, not 0, are hard links of one file.
        links: Names that the file has in all; 0: as many as are declared.
    """

    kind: Literal["file", "directory", "other", "link", "unreadable"] = "file"
    link: str = ""
    inode: int = 0
    links: int = 0


type Declaration = Mapping[str, str | Mapping[str, object] | DeclaredNode]


class DeclaredTree:
    """A virtual file system with the same answers as a real one.

    Programs: a bare name that nothing else was said of is a file in `/usr/bin` that
    the agent cannot write; below the writable directories it can.
    """

    def __init__(
        self,
        files: Declaration,
        *,
        programs: Mapping[str, ProgramFact] | None = None,
        writable: tuple[str, ...] = (),
        now: int = 0,
        sandbox: bool = False,
        mediated: bool = True,
    ) -> None:
        """Build the tree; parents of what is declared are directories.

        Args:
            files: By absolute path: "file", "directory", "other", "unreadable",
                "-> TARGET" for a link, or the fields of a `DeclaredNode`.
            programs: By name, where the default does not hold.
            writable: Absolute directories in which the agent may write programs.
            now: Milliseconds since the epoch that the facts carry.
            sandbox: That the facts carry.
            mediated: That the facts carry.

        Raises:
            DeclarationError: A path or its description is not understood.
        """
        self._nodes: dict[str, DeclaredNode] = {"/": DeclaredNode("directory")}
        self._children: dict[str, set[str]] = {"/": set()}
        self._programs = dict(programs or {})
        self._writable = writable
        self._now = now
        self._sandbox = sandbox
        self._mediated = mediated
        self._next_inode = 1 << 32
        for path, said in files.items():
            self.add(path, _node(path, said))

    def add(self, path: str, node: DeclaredNode) -> None:
        """Declare one more path, in place of what was there.

        Raises:
            DeclarationError: The path is not absolute and plain.
        """
        names = path.rstrip("/").split("/")[1:]
        if not path.startswith("/") or any(n in {"", ".", ".."} for n in names):
            raise DeclarationError(f"{path!r}: not an absolute path without . and ..")
        above = "/"
        for name in names[:-1]:
            below = above.rstrip("/") + "/" + name
            if below not in self._nodes:
                self._put(above, name, DeclaredNode("directory"))
            above = below
        if names:
            self._put(above, names[-1], node)

    def _put(self, above: str, name: str, node: DeclaredNode) -> None:
        path = above.rstrip("/") + "/" + name
        if not node.inode:
            self._next_inode += 1
            node = DeclaredNode(node.kind, node.link, self._next_inode, node.links)
        self._nodes[path] = node
        self._children.setdefault(above, set()).add(name)
        if node.kind == "directory":
            self._children.setdefault(path, set())

    def remove(self, path: str) -> None:
        """Take a path out, with everything below it."""
        for name in sorted(self._children.pop(path, set())):
            self.remove(path.rstrip("/") + "/" + name)
        if path != "/" and self._nodes.pop(path, None) is not None:
            above, _, name = path.rpartition("/")
            self._children.get(above or "/", set()).discard(name)

    def gather(self, request: FactRequest) -> Facts:
        """Facts of everything that the request names."""
        root = _DeclaredDirectory(self, "/")
        globs: dict[str, tuple[str, ...]] = {}
        paths = {path: self.look(path) for path in request.paths}
        for pattern in request.globs:
            found = expand(root, pattern, "declared")
            if found is not None:
                globs[pattern] = found
                paths.update((path, self.look(path)) for path in found)
        programs = {name: self._program(name) for name in request.programs}
        how = self._sandbox, self._mediated
        return Facts(self._now, paths, globs, programs, (), *how)

    def look(self, path: str) -> PathFact:
        """Where one path leads."""
        return resolve(_DeclaredDirectory(self, "/"), path, "declared")

    def _program(self, name: str) -> ProgramFact:
        if name in self._programs:
            return self._programs[name]
        if "/" not in name:
            return ProgramFact(f"/usr/bin/{name}")
        fact = self.look(name)
        if fact.kind == "file":
            inside = (fact.resolved + "/").startswith
            return ProgramFact(
                fact.resolved, any(inside(place + "/") for place in self._writable)
            )
        if fact.kind == "absent" and fact.resolved.startswith(PROGRAM_PLACES):
            return ProgramFact(fact.resolved)
        return ProgramFact(resolved="", writable=True)

    def perform(self, effects: tuple[AnyEffect, ...]) -> None:
        """Change the tree as effects that were allowed would have changed it."""
        for effect in effects:
            if isinstance(effect, FileWrite) and not effect.glob:
                self._write(effect)
            elif isinstance(effect, FileDelete) and not effect.glob:
                self.remove(self.look(effect.path).resolved)
            elif isinstance(effect, FileMove) and not effect.glob:
                self._move(effect)

    def _write(self, effect: FileWrite) -> None:
        fact = self.look(effect.path)
        if fact.kind != "absent":
            return
        if effect.how == "link" and effect.target:
            self.add(fact.resolved, DeclaredNode("link", effect.target))
        else:
            directory = effect.how == "directory"
            self.add(fact.resolved, DeclaredNode("directory" if directory else "file"))

    def _move(self, effect: FileMove) -> None:
        before, after = self.look(effect.path), self.look(effect.to)
        node = self._nodes.get(before.resolved)
        self.remove(before.resolved)
        if node is not None and after.kind == "absent":
            self.add(after.resolved, node)

    def node(self, path: str) -> DeclaredNode | None:
        """What was declared at a path, links not followed."""
        return self._nodes.get(path)

    def children(self, path: str) -> list[str]:
        """Names in a declared directory, sorted."""
        return sorted(self._children.get(path, ()))

    def names_of(self, inode: int) -> int:
        """How many declared paths are this file."""
        return sum(node.inode == inode for node in self._nodes.values())


def _node(path: str, said: object) -> DeclaredNode:
    if isinstance(said, DeclaredNode):
        return said
    if isinstance(said, str) and said.startswith("-> "):
        return DeclaredNode("link", said[3:])
    fields = {"kind": said} if isinstance(said, str) else said
    try:
        node = msgspec.convert(fields, DeclaredNode)
    except msgspec.ValidationError as error:
        raise DeclarationError(f"{path}: {error}") from error
    if node.link and node.kind == "file":
        return DeclaredNode("link", node.link)
    if (node.kind == "link") != bool(node.link):
        raise DeclarationError(f"{path}: a link needs `link`, and only a link")
    return node


class _DeclaredDirectory:
    """A declared directory that a walk stands in."""

    def __init__(self, tree: DeclaredTree, path: str) -> None:
        self._tree = tree
        self._path = path

    @property
    def path(self) -> str:
        return "" if self._path == "/" else self._path

    @property
    def entry(self) -> Entry:
        node = self._tree.node(self._path)
        return Entry("directory", 1, node.inode if node else 0)

    def _at(self, name: str) -> str:
        return self._path.rstrip("/") + "/" + name

    def look(self, name: str) -> Entry | None:
        node = self._tree.node(self._at(name))
        if node is None:
            return None
        if node.kind == "unreadable":
            raise UnresolvedError("declared unreadable")
        links = node.links or self._tree.names_of(node.inode)
        return Entry(node.kind, 1, node.inode, links, node.link)

    def enter(self, name: str, entry: Entry) -> Directory:
        del entry
        return _DeclaredDirectory(self._tree, self._at(name))

    def names(self, limit: int) -> list[str]:
        found = self._tree.children(self._path)
        if len(found) > limit:
            raise UnresolvedError("too many names")
        return found

    def close(self) -> None:
        """Nothing is held."""
