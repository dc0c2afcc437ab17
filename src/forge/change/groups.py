"""Whose members change: the voters of etcd, and who has a role or runs a component."""

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from clawlaw.core.actions import InfraApply
from forge.change.model import Effect, HostFacts, Kind, Plan
from forge.change.tiers import tiers_named

QUORUM: Final = "etcd"
APPLIER: Final = "forge"
# What makes a voter another one, or no voter for a while that nobody can bound.
_REPLACES: Final = frozenset(
    {Effect.QUORUM_CHANGE, Effect.HOST_REINSTALL, Effect.DATA_LOSS}
)


def quorum_effects(plan: Plan) -> Iterator[InfraApply]:
    """What happens to the voters of etcd, if anything does.

    `count` is the voters that come, go or are made anew in this run. A voter that is
    new in the inventory and that the run's limit leaves out stays as it is; one that
    is gone from the inventory is gone, whatever the limit. What a voter is whose last
    run failed cannot be told, so a run that reaches it may make it anew.
    """
    unknown = _unknown(plan)
    before = {h.name for h in _before(plan) if h.is_server}
    after = {h.name for h in plan.hosts_after if h.is_server}
    reached = set(plan.scope.hosts) or (before | after)
    came = (after - before) & reached
    went = before - after
    anew = {
        host
        for impact in plan.impacts
        if _REPLACES.intersection(impact.effects)
        for host in impact.hosts
        if host in before & after & reached
    }
    anew |= unknown & before & after & reached
    # A change of a voter's own settings says quorum_change of every server it is on.
    touched = came | went | anew
    if not touched:
        return
    yield InfraApply(
        tool=APPLIER,
        change="quorum_change",
        hosts=tuple(sorted(touched)),
        tiers=("I",),
        group=QUORUM,
        members=len(before),
        lost=len(went),
        left=len(before) - len(went) + len(came),
        count=len(touched),
    )


def member_effects(plan: Plan) -> Iterator[InfraApply]:
    """Roles and components that lose or gain hosts; nothing on a first installation."""
    if plan.is_first:
        return
    kinds: tuple[tuple[str, Callable[[HostFacts], Iterable[str]]], ...] = (
        ("role", lambda host: [host.role] if host.role else []),
        ("component", lambda host: host.components),
    )
    for kind, of in kinds:
        before, after = _members(_before(plan), of), _members(plan.hosts_after, of)
        for name in sorted(before.keys() | after.keys()):
            had, has = before.get(name, set()), after.get(name, set())
            if had != has:
                yield _moved(plan, f"{kind} {name}", had, has)


def _unknown(plan: Plan) -> set[str]:
    """Hosts that had something applied, and nobody can tell what."""
    if plan.is_first:
        return set()
    return {
        c.host for c in plan.changes if c.subject == "host" and c.kind is Kind.UNKNOWN
    }


def _before(plan: Plan) -> list[HostFacts]:
    """Hosts as applied; an unknown one counts as what it shall be, not as gained."""
    unknown = _unknown(plan) - {h.name for h in plan.hosts_before}
    return [*plan.hosts_before, *(h for h in plan.hosts_after if h.name in unknown)]


def _moved(plan: Plan, group: str, had: set[str], has: set[str]) -> InfraApply:
    hosts = had ^ has
    tiers = {
        host.tier
        for host in (*plan.hosts_before, *plan.hosts_after)
        if host.name in hosts
    }
    return InfraApply(
        tool=APPLIER,
        change="members",
        hosts=tuple(sorted(hosts)),
        tiers=tiers_named(tiers),
        group=group,
        members=len(had),
        lost=len(had - has),
        left=len(has),
    )


def _members(
    hosts: Iterable[HostFacts], of: Callable[[HostFacts], Iterable[str]]
) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for host in hosts:
        for name in of(host):
            found.setdefault(name, set()).add(host.name)
    return found
