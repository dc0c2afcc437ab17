"""Conditions on the paths of an effect: where they lead, what is there, its labels.

What refuses looks at both forms of a path, as written and as resolved, and takes
either; what allows needs both, and a resolved path whose very letters are in the set.
"""

from collections.abc import Callable
from typing import Any

from clawlaw.core.composition.step import Step
from clawlaw.core.policy import Test
from clawlaw.core.state import Label
from clawlaw.core.target import Target
from clawlaw.core.view import View
from clawlaw.policy.looked import Find, Looker
from clawlaw.policy.triple import Triple, known


def in_sets(look: Looker, mask: int) -> Triple:
    """Every path of the effect, with all that is beneath where it takes a tree."""

    def sure(effect: Any, view: View) -> bool:
        found = look(effect, view)
        for row in found.rows:
            if not (
                row.known
                and row.written & mask
                and row.real & mask
                and row.plain & mask
            ):
                return False
        return bool(found.rows) or bool(found.expanded and found.within & mask)

    def evident(effect: Any, view: View) -> bool:
        found = look(effect, view)
        for row in found.rows:
            if row.touched & mask:
                return True
        return bool(found.could & mask)

    def possible(effect: Any, view: View) -> bool:
        return evident(effect, view) or not look(effect, view).expanded

    return Triple(sure, evident, possible, mask)


def at_sets(look: Looker, mask: int) -> Triple:
    """As `in_sets`, but of a tree only its root counts."""

    def sure(effect: Any, view: View) -> bool:
        found = look(effect, view)
        return bool(found.rows) and all(
            row.known
            and row.root_written & mask
            and row.root_real & mask
            and row.root_plain & mask
            for row in found.rows
        )

    def evident(effect: Any, view: View) -> bool:
        found = look(effect, view)
        for row in found.rows:
            if row.root_touched & mask:
                return True
        return bool(found.root_could & mask)

    def possible(effect: Any, view: View) -> bool:
        return evident(effect, view) or not look(effect, view).expanded

    return Triple(sure, evident, possible, mask)


def outside_sets(look: Looker, mask: int) -> Triple:
    """Not in the sets: every path for what allows, any path for what refuses."""
    inside = in_sets(look, mask)

    def sure(effect: Any, view: View) -> bool:
        rows = look(effect, view).rows
        return bool(rows) and not any(
            row.touched & mask or not row.known for row in rows
        )

    def evident(effect: Any, view: View) -> bool:
        found = look(effect, view)
        for row in found.rows:
            if not (row.written & mask and row.real & mask and row.plain & mask):
                return True
        return not found.rows and _is_glob(effect) and not found.within & mask

    def possible(effect: Any, view: View) -> bool:
        found = look(effect, view)
        if not found.rows and found.expanded and not _is_glob(effect):
            return False  # a field that is empty
        return not inside.sure(effect, view)

    return Triple(sure, evident, possible)


def _is_glob(effect: Any) -> bool:
    return getattr(effect, "glob", False) is True


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
        for target in find(effect, view) or ():  # noqa: SIM110  # a generator is slow
            if holds(target):
                return True
        return False

    def possible(effect: Any, view: View) -> bool:
        targets = find(effect, view)
        if targets is None:
            return True
        for target in targets:  # noqa: SIM110  # a generator is slow
            if target.fact.kind == "unknown" or holds(target):
                return True
        return False

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
