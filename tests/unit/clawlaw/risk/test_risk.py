"""Noisy-OR in whole numbers: bounds, order, monotony, rounding."""

from fractions import Fraction
from itertools import permutations
from math import prod

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clawlaw.core.prepared import SETTINGS
from clawlaw.core.risk import CARRIED, WHOLE, combine, contributions
from clawlaw.core.state import Label

millionths = st.integers(0, WHOLE)
several = st.lists(millionths, max_size=64).map(tuple)


@pytest.mark.parametrize(
    ("risks", "expected"),
    [
        ((), 0),
        ((0,), 0),
        ((1,), 1),
        ((WHOLE,), WHOLE),
        ((500_000, 500_000), 750_000),
        ((500_000, 400_000), 700_000),
        ((1, 1), 2),  # 1.999999 millionths, rounded up
        ((WHOLE, 0), WHOLE),
        ((-5, 2 * WHOLE), WHOLE),
        ((-5,), 0),
    ],
)
def test_combinations(risks: tuple[int, ...], expected: int) -> None:
    assert combine(risks) == expected


@given(several)
def test_the_result_is_the_exact_one_rounded_up(risks: tuple[int, ...]) -> None:
    exact = WHOLE * (
        1 - prod((1 - Fraction(r, WHOLE) for r in risks), start=Fraction(1))
    )
    assert exact <= combine(risks) < exact + 1


@given(several)
def test_it_is_a_certainty_no_lower_than_the_highest(risks: tuple[int, ...]) -> None:
    assert max(risks, default=0) <= combine(risks) <= min(WHOLE, sum(risks))


@given(several, millionths)
def test_one_more_never_lowers_it(risks: tuple[int, ...], more: int) -> None:
    assert combine((*risks, more)) >= combine(risks)


@given(several, st.integers(0, 63), st.integers(0, WHOLE))
def test_a_higher_one_never_lowers_it(
    risks: tuple[int, ...], place: int, more: int
) -> None:
    if risks:
        place %= len(risks)
        raised = (*risks[:place], min(risks[place] + more, WHOLE), *risks[place + 1 :])
        assert combine(raised) >= combine(risks)


@given(st.lists(millionths, max_size=5))
def test_order_does_not_matter(risks: list[int]) -> None:
    assert len({combine(order) for order in permutations(risks)}) == 1


def test_contributions_are_named_sorted_and_given_once() -> None:
    named = contributions({"b.two": 2, "a.one": 1}, 0, SETTINGS)
    assert [(c.name, c.risk) for c in named] == [("a.one", 1), ("b.two", 2)]


def test_what_a_session_carries_contributes() -> None:
    both = int(Label.UNTRUSTED | Label.SECRET | Label.WRITTEN)
    named = contributions({}, both, SETTINGS)
    assert [(c.name, c.risk) for c in named] == [
        ("session.secret", 150_000),
        ("session.untrusted", 100_000),
    ]
    silent = {f"risk.{name}": 0 for _, name in CARRIED}
    assert contributions({}, both, silent) == ()
