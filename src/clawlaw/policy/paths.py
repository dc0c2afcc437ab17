"""Named sets of paths as one index: a path is looked up once for all of them.

An entry of a set is one of

- ``/a/b``             that path
- ``/a/b/**``          that directory and everything in it
- ``**/NAME``          anything of that name, ``NAME`` may be a pattern
- ``**/NAME/**``       likewise, and everything in it
- other patterns       ``*`` within a component, ``**`` for any number of them
- ``@other``           every entry of another set
- ``!ENTRY``           except what this entry takes, wherever it stands in the list

and may begin with `${workspace}`, `${home}`, `${protect}` or `${policy}`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

import re2

from clawlaw.core.text import fold_path, plain_path
from clawlaw.policy.patterns import (
    WILD,
    component_matches,
    component_regex,
    components_meet,
)

_CACHED = 512  # characters of a path that is worth keeping
_CACHE = 8192  # paths


@dataclass(frozen=True, slots=True)
class Bindings:
    """What the variables of a policy stand for on one machine.

    Attributes:
        workspace: Absolute directories that agents work in, without links.
        home: Absolute home directory of the user that agents run as.
        protect: Files and directories of this gate beyond those that the policy
            names (its state, its keys, its socket): no agent reads or changes them.
        policy: Folders of the policy in force where agents reach them: no agent
            changes them.
    """

    workspace: tuple[str, ...] = ("/workspace",)
    home: str = "/home/agent"
    protect: tuple[str, ...] = ()
    policy: tuple[str, ...] = ("/etc/clawlaw/policy",)

    def expand(self, entry: str) -> list[str]:
        """An entry with its variable replaced, once for each value.

        Raises:
            ValueError: A variable that does not exist, or not at the beginning.
        """
        if "${" not in entry:
            return [entry]
        values = {
            "${workspace}": self.workspace,
            "${home}": (self.home,),
            "${protect}": self.protect,
            "${policy}": self.policy,
        }
        sign = "!" if entry.startswith("!") else ""
        entry = entry.removeprefix("!")
        name = entry[: entry.find("}") + 1]
        if name not in values:
            raise ValueError(f"{entry!r} begins with none of {', '.join(values)}")
        rest = entry[len(name) :]
        if "${" in rest or (rest and rest[0] != "/"):
            raise ValueError(f"{entry!r}: a variable is followed by / or nothing")
        return [sign + (value.rstrip("/") + rest or "/") for value in values[name]]


class Hits(NamedTuple):
    """Sets by bit that a path is in.

    Attributes:
        path: The path itself.
        tree: Everything that may be beneath it as well.
        reach: The path, or something that may be beneath it and that a set names.
    """

    path: int
    tree: int
    reach: int


@dataclass(slots=True)
class _Tables:
    """Entries of all sets by their form; values are bits of sets."""

    exact: dict[str, int] = field(default_factory=dict)
    under: dict[str, int] = field(default_factory=dict)
    beneath: dict[str, int] = field(default_factory=dict)
    wild: dict[str, list[tuple[tuple[str, ...], int]]] = field(default_factory=dict)
    named: dict[str, int] = field(default_factory=dict)
    named_tree: dict[str, int] = field(default_factory=dict)
    patterns: list[tuple[str, int, bool]] = field(default_factory=list)
    components: list[tuple[tuple[str, ...], bool, int]] = field(default_factory=list)


def check_entry(entry: str) -> None:
    """Refuse an entry that would not mean what it says.

    Raises:
        ValueError: Not absolute, `.` or `..`, an empty component, a bad class.
    """
    entry = entry.removeprefix("!")
    if not entry.startswith(("/", "**/")):
        raise ValueError(f"{entry!r} begins with neither / nor **/ nor a variable")
    if entry == "/":
        return
    for part in entry.removeprefix("/").split("/"):
        if part in {"", ".", ".."}:
            raise ValueError(f"{entry!r} has a component {part!r}")
        if "**" in part and part != "**":
            raise ValueError(f"{entry!r}: ** stands alone between slashes")
        component_regex(part)


class PathIndex:
    """All named sets; `hits` says which of them a path is in."""

    def __init__(
        self, sets: Sequence[Sequence[str]], normal: Callable[[str], str]
    ) -> None:
        """Build from the entries of each set, variables and references expanded.

        Args:
            sets: Entries by bit number.
            normal: Form in which paths will be asked for.
        """
        self._t = _Tables()
        self._all = (1 << len(sets)) - 1
        self._loose = 0  # sets with exceptions that may be anywhere: no tree is whole
        self._except: list[tuple[int, int]] = []
        for number, entries in enumerate(sets):
            exempt = 1 << (len(sets) + number)
            for entry in entries:
                bit = exempt if entry.startswith("!") else 1 << number
                self._add(entry.removeprefix("!"), bit, normal)
            if any(entry.startswith("!") for entry in entries):
                self._except.append((1 << number, exempt))
            if any(entry.startswith("!**/") for entry in entries):
                self._loose |= 1 << number
        under, wild = self._t.under, self._t.wild
        self._roots = {
            root: (under.get(root, 0), tuple(wild.get(root, ())))
            for root in {*under, *wild}
        }
        self._search, self._search_bits = self._compile()
        self.short = lru_cache(maxsize=_CACHE)(self._hits)
        self.overlaps = lru_cache(maxsize=_CACHE)(self._overlaps)

    def hits(self, path: str) -> Hits:
        """Sets of one absolute path in the form that the index was built with."""
        return self.short(path) if len(path) <= _CACHED else self._hits(path)

    def _add(self, entry: str, bit: int, normal: Callable[[str], str]) -> None:
        t = self._t
        tree = entry.endswith("/**")
        body = entry.removesuffix("/**") if tree else entry
        floating = body.startswith("**/")
        body = body.removeprefix("**/") if floating else normal(body or "/")
        if floating:
            body = normal("/" + body)[1:]
        parts = tuple(body.strip("/").split("/")) if body != "/" else ()
        if not WILD.intersection(body) and not floating:
            _or(t.under if tree else t.exact, body, bit)
            for place in range(len(parts)):
                _or(t.beneath, "/" + "/".join(parts[:place]), bit)
        elif floating and len(parts) == 1 and not WILD.intersection(body):
            _or(t.named_tree if tree else t.named, body, bit)
        else:
            regex = _path_regex(parts, floating=floating, tree=tree)
            t.patterns.append((regex, bit, tree))
            if not floating:
                self._literal(parts, bit)
        self._component(parts, bit, floating=floating, tree=tree)

    def _component(
        self, parts: tuple[str, ...], bit: int, *, floating: bool, tree: bool
    ) -> None:
        """For globs: what follows a `**` inside may be anything."""
        if "**" in parts:
            parts, tree = parts[: parts.index("**")], True
        self._t.components.append((("**", *parts) if floating else parts, tree, bit))

    def _literal(self, parts: tuple[str, ...], bit: int) -> None:
        """Directories above and around a pattern that begins at the root."""
        literal = 0
        while literal < len(parts) and not WILD.intersection(parts[literal]):
            literal += 1
        for place in range(literal):
            _or(self._t.beneath, "/" + "/".join(parts[:place]), bit)
        root = "/" + "/".join(parts[:literal])
        self._t.wild.setdefault(root, []).append((parts, bit))

    def _compile(self) -> tuple[Any, list[tuple[int, int]]]:
        found = re2.Set.FullMatchSet()
        bits: list[tuple[int, int]] = []
        for regex, bit, tree in self._t.patterns:
            found.Add(regex)
            bits.append((bit, bit if tree else 0))
        if bits:
            found.Compile()
        return found, bits

    def _hits(self, path: str) -> Hits:
        t = self._t
        roots, names = self._roots, t.named_tree
        tree, around = roots.get("/", (0, ()))
        name = ""
        place = 0 if path != "/" else -1
        while place >= 0:
            after = path.find("/", place + 1)
            name = path[place + 1 : after] if after >= 0 else path[place + 1 :]
            if name in names:
                tree |= names[name]
            above = path[:after] if after >= 0 else path
            if above in roots:
                whole, patterns = roots[above]
                tree |= whole
                around += patterns
            place = after
        found = tree | t.exact.get(path, 0) | t.named.get(name, 0)
        if self._search_bits:
            for number in self._search.Match(path) or ():
                bit, whole = self._search_bits[number]
                found |= bit
                tree |= whole
        beneath = t.beneath.get(path, 0)
        if around:
            beneath |= _leads_to(tuple(path.split("/")[1:]), around)
        if self._except:
            found, tree, beneath = self._excepted(found, tree, beneath)
        whole = self._all
        return Hits(found & whole, tree & whole, (found | beneath) & whole)

    def _excepted(self, found: int, tree: int, beneath: int) -> tuple[int, int, int]:
        """Take exceptions out; a tree that may hold one is not covered as a whole."""
        named, covered = found, tree
        tree &= ~self._loose
        for bit, exempt in self._except:
            if named & exempt:
                found &= ~bit
            if (named | beneath) & exempt:
                tree &= ~bit
            if covered & exempt:
                beneath &= ~bit
        return found, tree, beneath

    def _overlaps(self, glob: str, *, recursive: bool) -> int:
        """Sets that a glob could lead into, by its text alone."""
        parts = tuple(p for p in glob.split("/") if p)
        found = 0
        for entry, tree, bit in self._t.components:
            if not found & bit and _overlap(
                parts, entry, tree=tree, recursive=recursive
            ):
                found |= bit
        return found


def _leads_to(
    path: tuple[str, ...], patterns: tuple[tuple[tuple[str, ...], int], ...]
) -> int:
    """Bits of the patterns that something beneath a directory could match."""
    found = 0
    for parts, bit in patterns:
        ahead = parts[: parts.index("**")] if "**" in parts else parts
        deeper = len(path) < len(parts) or "**" in parts
        if deeper and all(map(component_matches, ahead, path)):
            found |= bit
    return found


def _or(table: dict[str, int], key: str, bit: int) -> None:
    table[key] = table.get(key, 0) | bit


def _path_regex(parts: tuple[str, ...], *, floating: bool, tree: bool) -> str:
    out = ["(?:/[^/]+)*"] if floating else []
    out += [
        "(?:/[^/]+)*" if part == "**" else "/" + component_regex(part) for part in parts
    ]
    return "(?s:" + "".join(out) + ("(?:/.*)?" if tree else "") + ")"


def _overlap(
    glob: tuple[str, ...], entry: tuple[str, ...], *, tree: bool, recursive: bool
) -> bool:
    """Whether a path that the glob matches can be what an entry names.

    Of an entry that may be anywhere only a name counts, and a component of the glob
    that says something: two patterns that may be anywhere nearly always meet.
    """
    if entry[:1] == ("**",):
        rest = entry[1:]
        starts = range(len(glob) - len(rest) + 1)
        return any(
            (tree or at + len(rest) == len(glob)) and all(map(_tells, glob[at:], rest))
            for at in starts
        )
    if len(glob) < len(entry):
        return recursive and all(map(_both, glob, entry))
    return (tree or len(glob) == len(entry)) and all(map(_both, glob, entry))


def _both(glob: str, entry: str) -> bool:
    # A wild character does not stand for a dot in front.
    if entry.startswith(".") and glob[:1] in {"*", "?", "["}:
        return False
    if WILD.intersection(entry):
        return components_meet(glob, entry)
    return component_matches(glob, entry)


def _tells(glob: str, entry: str) -> bool:
    wild = WILD.intersection(glob)
    if wild and WILD.intersection(entry):
        # But few names begin with a dot.
        hidden = glob[0] == entry[0] == "." and glob.strip("*?.") != ""
        return hidden and _both(glob, entry)
    return glob.strip("*") != "" and _both(glob, entry)


class PathSets:
    """Named sets of one policy, ready to be asked."""

    def __init__(self, sets: Mapping[str, Sequence[str]]) -> None:
        """Build from entries with variables and references expanded."""
        self.bits = {name: 1 << number for number, name in enumerate(sets)}
        ordered = list(sets.values())
        self.folded = PathIndex(ordered, lambda path: fold_path(path).text)
        self.plain = PathIndex(ordered, plain_path)

    def mask(self, names: Sequence[str]) -> int:
        """Bits of several sets."""
        found = 0
        for name in names:
            found |= self.bits[name]
        return found
