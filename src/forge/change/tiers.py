"""Tiers of hosts, as the laws name them."""

from collections.abc import Iterable
from typing import Final, Literal

from forge.change.model import Plan

type Tier = Literal["I", "II", "III"]

TIERS: Final[dict[int, Tier]] = {1: "I", 2: "II", 3: "III"}
UNKNOWN: Final = 0  # no group of the host says a tier


def tiers_named(tiers: Iterable[int]) -> tuple[Tier, ...]:
    """Return the names of tiers, in order; all of them where one is not known."""
    found = set(tiers)
    if found - TIERS.keys():
        found = set(TIERS)
    return tuple(TIERS[tier] for tier in sorted(found))


def tiers_of(plan: Plan, names: Iterable[str]) -> tuple[Tier, ...]:
    """Return the tiers of hosts, before and after the plan."""
    known: dict[str, set[int]] = {}
    for host in (*plan.hosts_before, *plan.hosts_after):
        known.setdefault(host.name, set()).add(host.tier)
    found: set[int] = set()
    for name in names:
        found |= known.get(name, {UNKNOWN})
    return tiers_named(found)
