"""What the sets of paths say of one effect: looked up once for all rules."""

from collections.abc import Callable
from typing import Any

from clawlaw.core.actions import FileMove
from clawlaw.core.target import Target
from clawlaw.core.text import fold_path
from clawlaw.core.view import View
from clawlaw.policy.paths import PathSets
from clawlaw.policy.patterns import WILD
from clawlaw.policy.rows import Looked, Row

type Find = Callable[[Any, View], tuple[Target, ...] | None]

_EVERY = -1  # the bits of all sets


def find_all(effect: Any, view: View) -> tuple[Target, ...] | None:
    """Every path of a file effect: where a link leads and a move goes included."""
    return view.targets(effect)


def find_field(name: str) -> Find:
    """The path in one field; none where it is empty."""

    def find(effect: Any, view: View) -> tuple[Target, ...] | None:
        path = getattr(effect, name)
        glob = name == "path" and effect.glob
        return view.at(path, glob=glob) if path else ()

    return find


class Looker:
    """Looks an effect's paths up and keeps the answer for the next rule."""

    __slots__ = ("_find", "_folded", "_last", "_plain")

    def __init__(self, sets: PathSets, find: Find) -> None:
        """Look in these sets at the paths that `find` gives."""
        self._find = find
        self._folded = sets.folded
        self._plain = sets.plain
        self._last: tuple[Any, View | None, Looked] = (None, None, Looked(()))

    def __call__(self, effect: Any, view: View) -> Looked:
        """The paths of an effect by the sets they are in."""
        last = self._last  # one assignment below: a thread sees all of it or none
        if last[0] is effect and last[1] is view:
            return last[2]
        looked = self._look(effect, view)
        self._last = (effect, view, looked)
        return looked

    def touched(self, effect: Any, view: View) -> int:
        """Sets that a condition on any path of the effect can be about; -1: any."""
        return self(effect, view).touched

    def _look(self, effect: Any, view: View) -> Looked:
        targets = self._find(effect, view)
        # A move takes a directory with everything in it.
        tree = type(effect) is FileMove or getattr(effect, "recursive", False)
        glob = getattr(effect, "glob", False)
        if targets:
            rows = tuple([self._row(target, tree=tree) for target in targets])
            touched = 0
            for row in rows:
                touched |= row.written | row.touched | row.root_touched
            if glob and _hidden(effect.path):
                # Few names begin with a dot: `.e*` is meant for one of them, and it may
                # be there by the time that the pattern is used.
                could, root = self._could(effect, tree=tree)
                return Looked(rows, could=could, root_could=root)
            return Looked(rows, touched=-1 if glob else touched)
        if not glob:
            return Looked((), targets is not None)
        where = fold_path(_literal_directory(effect.path))
        within = 0 if where.strange else self._folded.hits(where.text).tree
        return Looked((), targets is not None, within, *self._could(effect, tree=tree))

    def _could(self, effect: Any, *, tree: bool) -> tuple[int, int]:
        """Sets that a pattern could lead into by its text: with its tree, without."""
        text = fold_path(effect.path).text
        overlaps = self._folded.overlaps
        return overlaps(text, recursive=tree), overlaps(text, recursive=False)

    def _row(self, target: Target, *, tree: bool) -> Row:
        fact = target.fact
        written = real = plain = self._folded.hits(target.written)
        known = not target.strange and fact.kind != "unknown" and target.real != ""
        if target.real != target.written and target.real:
            real = plain = self._folded.hits(target.real)
        if fact.resolved != target.real:
            plain = self._plain.hits(fact.resolved)
        which = 1 if tree and fact.kind != "file" else 0
        touch = 2 if tree else 0
        # What is not known neither allows nor, by itself, leads elsewhere.
        blank = not target.real
        return Row(
            known,
            written[which],
            _EVERY if blank else real[which],
            _EVERY if blank else plain[which],
            written[touch] | (0 if blank else real[touch]),
            written[0],
            _EVERY if blank else real[0],
            _EVERY if blank else plain[0],
            written[0] | (0 if blank else real[0]),
        )


def _hidden(glob: str) -> bool:
    """Whether a component with wild characters begins with a dot."""
    return any(
        part[:1] == "." and part.strip("*?.") and WILD.intersection(part)
        for part in glob.split("/")
    )


def _literal_directory(glob: str) -> str:
    """The directory of a pattern up to its first wild component."""
    kept: list[str] = []
    for part in glob.split("/"):
        if WILD.intersection(part):
            break
        kept.append(part)
    return "/".join(kept) or "/"
