"""Conditions on the paths of an effect: where they lead, what is there, its labels.

What refuses looks at both forms of a path, as written and as resolved, and takes
either; what allows needs both, and a resolved path whose very letters are in the set.
"""

from collections.abc import Callable, Iterable
from typing import Any

from clawlaw.core.composition.step import Step
from clawlaw.core.policy import Test
from clawlaw.core.state import Label
from clawlaw.core.text import fold_path
from clawlaw.core.view import Target, View
from clawlaw.policy.paths import PathSets
from clawlaw.policy.patterns import WILD
from clawlaw.policy.triple import Triple, known

type Find = Callable[[Any, View], tuple[Target, ...] | None]


def find_all(effect: Any, view: View) -> tuple[Target, ...] | None:
    """Every path of a file effect."""
    return view.targets(effect)


def find_field(name: str) -> Find:
    """The path in one field; none where it is empty."""

    def find(effect: Any, view: View) -> tuple[Target, ...] | None:
        path = getattr(effect, name)
        glob = name == "path" and effect.glob
        return view.at(path, glob=glob) if path else ()

    return find


def _whole_tree(effect: Any) -> bool:
    """A move takes a directory with everything in it."""
    return getattr(effect, "recursive", False) or hasattr(effect, "to")


def _literal_directory(glob: str) -> str:
    """The directory of a pattern up to its first wild component."""
    kept: list[str] = []
    for part in glob.split("/"):
        if WILD.intersection(part):
            break
        kept.append(part)
    return "/".join(kept) or "/"


class InSets:
    """Whether the paths of an effect are in one of several sets."""

    def __init__(self, sets: PathSets, names: Iterable[str], find: Find) -> None:
        """Bind to the sets; `find` gives the paths."""
        self._mask = sets.mask(tuple(names))
        self._folded = sets.folded
        self._plain = sets.plain
        self._find = find

    def triple(self) -> Triple:
        """In the sets."""
        return Triple(self.surely_in, self.evidently_in, self.possibly_in)

    def outside(self) -> Triple:
        """Not in the sets: every path for what allows, any path for what refuses."""
        return Triple(self._surely_out, self._evidently_out, self._not_surely_in)

    def at(self) -> Triple:
        """As `in`, but of a tree only its root counts, not what may be beneath."""
        return Triple(self._surely_at, self._evidently_at, self._possibly_at)

    def surely_in(self, effect: Any, view: View) -> bool:
        """Every path is known and in the sets, in both forms."""
        return self._surely(effect, view, tree=_whole_tree(effect))

    def _surely_at(self, effect: Any, view: View) -> bool:
        return self._surely(effect, view, tree=False)

    def _surely(self, effect: Any, view: View, *, tree: bool) -> bool:
        targets = self._find(effect, view)
        if not targets:
            return targets is not None and self._empty(effect)
        return all(self._covers(target, tree=tree) for target in targets)

    def _empty(self, effect: Any) -> bool:
        """A pattern that matches nothing stays within its directory."""
        if not getattr(effect, "glob", False):
            return False
        where = fold_path(_literal_directory(effect.path))
        return not where.strange and bool(
            self._folded.hits(where.text).tree & self._mask
        )

    def _covers(self, target: Target, *, tree: bool) -> bool:
        fact = target.fact
        if target.strange or not target.real or fact.kind == "unknown":
            return False
        which = 1 if tree and fact.kind != "file" else 0
        hits = self._folded.hits
        if not hits(target.written)[which] & self._mask:
            return False
        if target.real != target.written:
            if not hits(target.real)[which] & self._mask:
                return False
        elif fact.resolved == target.real:
            return True
        return bool(self._plain.hits(fact.resolved)[which] & self._mask)

    def evidently_in(self, effect: Any, view: View) -> bool:
        """Some path is in the sets in one form, or something beneath it is."""
        return self._evidently(effect, view, tree=_whole_tree(effect))

    def _evidently_at(self, effect: Any, view: View) -> bool:
        return self._evidently(effect, view, tree=False)

    def _evidently(self, effect: Any, view: View, *, tree: bool) -> bool:
        targets = self._find(effect, view)
        which = 2 if tree else 0
        hits = self._folded.hits
        for target in targets or ():
            if hits(target.written)[which] & self._mask:
                return True
            other = target.real if target.real != target.written else ""
            if other and hits(other)[which] & self._mask:
                return True
        return not targets and self._glob_could(effect, tree=tree)

    def _possibly_at(self, effect: Any, view: View) -> bool:
        return self._evidently_at(effect, view) or self._find(effect, view) is None

    def possibly_in(self, effect: Any, view: View) -> bool:
        """Nothing excludes that a path is in the sets."""
        return self.evidently_in(effect, view) or self._find(effect, view) is None

    def _glob_could(self, effect: Any, *, tree: bool) -> bool:
        if not getattr(effect, "glob", False):
            return False
        glob = fold_path(effect.path).text
        return bool(self._folded.overlaps(glob, recursive=tree) & self._mask)

    def _surely_out(self, effect: Any, view: View) -> bool:
        targets = self._find(effect, view)
        if not targets or self.possibly_in(effect, view):
            return False
        return not any(t.strange or t.fact.kind == "unknown" for t in targets)

    def _evidently_out(self, effect: Any, view: View) -> bool:
        """Some path leads elsewhere, by its text or by what is known of it."""
        targets = self._find(effect, view)
        if not targets:
            return getattr(effect, "glob", False) and not self._empty(effect)
        tree = _whole_tree(effect)
        return any(self._leaves(target, tree=tree) for target in targets)

    def _leaves(self, target: Target, *, tree: bool) -> bool:
        which = 1 if tree and target.fact.kind != "file" else 0
        hits = self._folded.hits
        if not hits(target.written)[which] & self._mask:
            return True
        if not target.real:
            return False
        if target.real != target.written and not hits(target.real)[which] & self._mask:
            return True
        return not self._plain.hits(target.fact.resolved)[which] & self._mask

    def _not_surely_in(self, effect: Any, view: View) -> bool:
        if self._find(effect, view) == () and not getattr(effect, "glob", False):
            return False  # a field that is empty
        return not self.surely_in(effect, view)


def fact_test(name: str, wanted: Any, find: Find) -> Triple:
    """A condition on what was found at the paths."""
    if name == "expanded":
        return known(lambda e, v: (find(e, v) is not None) is wanted)
    holds: Callable[[Target], bool] = {
        "kind": lambda t: t.fact.kind in wanted,
        "linked": lambda t: t.fact.linked is wanted,
        "hardlinked": lambda t: (t.fact.kind == "file" and t.fact.links > 1) is wanted,
        "strange": lambda t: t.strange is wanted,
    }[name]

    def sure(effect: Any, view: View) -> bool:
        targets = find(effect, view)
        return bool(targets) and all(holds(t) for t in targets or ())

    def evident(effect: Any, view: View) -> bool:
        return any(holds(t) for t in find(effect, view) or ())

    def possible(effect: Any, view: View) -> bool:
        targets = find(effect, view)
        unknown = targets is None or any(t.fact.kind == "unknown" for t in targets)
        return unknown or evident(effect, view)

    return Triple(sure, evident, possible)


def target_labels(labels: Label, find: Find) -> Triple:
    """Whether a path of the effect carries one of these labels.

    Labels come from this session, from the room and from the policy's own sets.
    """
    bits = int(labels)

    def test(effect: Any, view: View) -> bool:
        step = Step(effect, view.index, view)
        return any(step.known(t).labels & bits for t in find(effect, view) or ())

    return known(test)


def session_labels(labels: Label) -> Test:
    """Whether the session carries one of these labels."""
    bits = int(labels)
    return lambda _effect, view: bool(view.work.labels & bits)
