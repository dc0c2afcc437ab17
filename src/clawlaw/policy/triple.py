"""A condition as three tests, because what is not known is neither true nor false.

`sure` holds where the condition certainly does: rules that allow ask it. `evident`
holds where what is known says so: rules that refuse ask it. `possible` holds where
nothing excludes it: exceptions of rules that allow ask it.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from clawlaw.core.actions import AnyEffect
from clawlaw.core.policy import Test
from clawlaw.core.view import View


class Triple(NamedTuple):
    """One condition.

    Attributes:
        sure: It certainly holds.
        evident: What is known says that it holds.
        possible: Nothing excludes it.
        sets: Of a file effect it is neither sure nor evident unless the effect touches
            one of these sets of paths, by bit; -1: it may be of any.
    """

    sure: Test
    evident: Test
    possible: Test
    sets: int = -1


def known(test: Test) -> Triple:
    """A condition on something that is always known."""
    return Triple(test, test, test)


def negated(triple: Triple) -> Triple:
    """Not this condition."""
    sure, _, possible, _ = triple
    return Triple(_not(possible), _not(sure), _not(sure))


def every(parts: Sequence[Triple]) -> Triple:
    """All of these conditions; none given always holds."""
    if len(parts) == 1:
        return parts[0]
    if not parts:
        return _T
    named = [part.sets for part in parts if part.sets >= 0]
    return _joined(parts, _all, min(named, key=int.bit_count, default=-1))


def some(parts: Sequence[Triple]) -> Triple:
    """At least one of these conditions.

    Raises:
        ValueError: None given.
    """
    if not parts:
        raise ValueError("at least one condition is needed")
    sets = 0
    for part in parts:
        sets |= part.sets
    return _joined(parts, _any, sets)


def _joined(
    parts: Sequence[Triple], join: Callable[[Sequence[Test]], Test], sets: int
) -> Triple:
    sure, evident, possible, _ = zip(*parts, strict=True)
    return Triple(join(sure), join(evident), join(possible), sets)


def _not(test: Test) -> Test:
    return lambda effect, view: not test(effect, view)


def _all(tests: Sequence[Test]) -> Test:
    if len(tests) == 2:  # noqa: PLR2004  # the usual case
        first, second = tests
        return lambda effect, view: first(effect, view) and second(effect, view)

    def test_all(effect: AnyEffect, view: View) -> bool:
        for test in tests:  # noqa: SIM110  # a generator takes three times as long
            if not test(effect, view):
                return False
        return True

    return test_all


def _any(tests: Sequence[Test]) -> Test:
    if len(tests) == 2:  # noqa: PLR2004  # the usual case
        first, second = tests
        return lambda effect, view: first(effect, view) or second(effect, view)

    def test_any(effect: AnyEffect, view: View) -> bool:
        for test in tests:  # noqa: SIM110  # a generator takes three times as long
            if test(effect, view):
                return True
        return False

    return test_any


_T = known(lambda _effect, _view: True)
