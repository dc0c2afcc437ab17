"""From changes to impacts, and from impacts to the blast radius of a plan."""

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import NamedTuple

from forge.change.diff import ALIAS, HOST
from forge.change.effects import UNKNOWN_MINUTES, Table, subject_of
from forge.change.facts import touched
from forge.change.flows import Reach
from forge.change.judges import Parts, components, judged
from forge.change.model import (
    WHOLE_ROOM,
    BlastRadius,
    Change,
    Effect,
    HostFacts,
    Impact,
    Kind,
)

_WORST = frozenset(Effect) - {Effect.NOTHING}


class Room(NamedTuple):
    """All hosts before and after; ``scope`` are those that a run takes on."""

    before: Mapping[str, HostFacts]
    after: Mapping[str, HostFacts]
    scope: frozenset[str]

    def is_server(self, host: str) -> bool:
        """Whether a host votes in etcd, before or after."""
        return any(s[host].is_server for s in (self.before, self.after) if host in s)


def impacts(
    changes: Iterable[Change], room: Room, table: Table, reach: Reach | None
) -> tuple[Impact, ...]:
    """Return what each change does, in the order of the changes.

    Args:
        changes: From one comparison.
        room: The hosts on both sides of it.
        table: The effects table.
        reach: Connections that all changes together open and close; None where that
            cannot be told.
    """
    return tuple(_impact(change, room, table, reach) for change in changes)


def blast(found: Iterable[Impact], room: Room, reach: Reach | None) -> BlastRadius:
    """Return what all impacts do together.

    Args:
        found: From :func:`impacts`.
        room: The same as there.
        reach: As for :func:`impacts`.
    """
    found = list(found)
    services = {
        f"{service}@{host}"
        for impact in found
        if _has(impact, Effect.SERVICE_INTERRUPTION)
        for service in impact.services or ("host",)
        for host in impact.hosts
    }
    return BlastRadius(
        hosts_restarted=_hosts(found, Effect.HOST_RESTART),
        hosts_drained=_hosts(found, Effect.HOST_DRAIN),
        hosts_reinstalled=_hosts(found, Effect.HOST_REINSTALL),
        data_lost=_hosts(found, Effect.DATA_LOSS),
        trust_changed=_hosts(found, Effect.TRUST_CHANGE),
        certificates_reissued=_hosts(found, Effect.CERTIFICATE_REISSUE),
        services_interrupted=tuple(sorted(services)),
        flows_opened=reach.opened if reach else ("unknown",),
        flows_closed=reach.closed if reach else ("unknown",),
        minutes=_minutes(found, room),
        unknown=_places(found, lambda i: Effect.UNKNOWN in i.effects),
        policy_keys=_places(found, lambda i: _has(i, Effect.POLICY_KEY)),
        storage_removed=_places(found, lambda i: _has(i, Effect.STORAGE_REMOVED)),
        quorum_changed=_places(found, lambda i: _has(i, Effect.QUORUM_CHANGE)),
        taints_changed=_places(found, lambda i: _has(i, Effect.TAINT_CHANGE)),
        versions_changed=_places(found, lambda i: _has(i, Effect.VERSION_CHANGE)),
    )


def _impact(change: Change, room: Room, table: Table, reach: Reach | None) -> Impact:
    row = table.row(subject_of(change))
    hosts = _candidates(change, room)
    if row is None:
        return Impact(
            change=change,
            hosts=hosts,
            effects=(Effect.UNKNOWN,),
            services=(),
            minutes=UNKNOWN_MINUTES,
            why=_why_unknown(change),
        )
    hosts = tuple(host for host in hosts if _touches(host, row.where, room))
    parts = judged(change, row, table, reach)
    if change.subject == HOST:
        parts = _presence(change, parts, room, table)
    effects = set(parts.effects)
    if not any(room.is_server(host) for host in hosts):
        effects.discard(Effect.QUORUM_CHANGE)
    if not hosts:
        effects = {Effect.NOTHING}
    if len(effects) > 1:
        effects.discard(Effect.NOTHING)
    unknown = Effect.UNKNOWN in effects
    nothing = effects <= {Effect.NOTHING}
    return Impact(
        change=change,
        hosts=() if nothing else hosts,
        effects=tuple(sorted(effects)) or (Effect.NOTHING,),
        services=() if nothing else tuple(sorted(parts.services)),
        minutes=_least(nothing, unknown, max(row.minutes, parts.minutes)),
        why="; ".join([row.why, *parts.whys]),
    )


def _least(nothing: bool, unknown: bool, minutes: int) -> int:  # noqa: FBT001 - both are looked at only here
    if nothing:
        return 0
    return max(minutes, UNKNOWN_MINUTES) if unknown else minutes


def _presence(change: Change, parts: Parts, room: Room, table: Table) -> Parts:
    """Add what the components of a host bring or take along."""
    side = room.before if change.kind is Kind.REMOVED else room.after
    if change.kind is Kind.CHANGED or change.host not in side:
        return parts
    more = components(set(side[change.host].components), change.kind, table)
    return Parts(
        parts.effects | more.effects,
        parts.services | more.services,
        parts.whys + more.whys,
        max(parts.minutes, more.minutes),
    )


def _candidates(change: Change, room: Room) -> tuple[str, ...]:
    """Return the hosts that a change may touch, within what the run takes on."""
    if change.host != WHOLE_ROOM:
        # A host that goes is none of a run's hosts, and goes all the same.
        inside = change.host in room.scope or change.host not in room.after
        return (change.host,) if inside else ()
    return tuple(sorted(room.scope))


def _touches(host: str, where: tuple[str, ...], room: Room) -> bool:
    sides = [side[host] for side in (room.before, room.after) if host in side]
    return any(touched(facts, where) for facts in sides) or not sides


def _why_unknown(change: Change) -> str:
    if change.subject == HOST:
        return (
            "what is applied on this host is not known; a run failed there, or none is"
        )
    if change.subject == ALIAS:
        names = ", ".join(map(str, change.after or ()))
        return f"the same machine as {names}, or a name that looks the same"
    return f"{change.subject} has no row in the effects table"


def _has(impact: Impact, effect: Effect) -> bool:
    if Effect.UNKNOWN in impact.effects and effect in _WORST:
        return True
    return effect in impact.effects


def _hosts(found: Collection[Impact], effect: Effect) -> tuple[str, ...]:
    chosen = {host for i in found if _has(i, effect) for host in i.hosts}
    return tuple(sorted(chosen))


def _places(
    found: Collection[Impact], wanted: Callable[[Impact], bool]
) -> tuple[str, ...]:
    places = {
        f"{impact.change.subject}@{host}"
        for impact in found
        if wanted(impact)
        for host in impact.hosts
    }
    return tuple(sorted(places))


def _minutes(found: Collection[Impact], room: Room) -> int:
    """Return minutes: on a host, restarts of one service together count once."""
    hosts: dict[str, dict[tuple[str, ...], int]] = {}
    for impact in found:
        for host in impact.hosts:
            kinds = hosts.setdefault(host, {})
            kinds[impact.services] = max(kinds.get(impact.services, 0), impact.minutes)
    spent = {host: sum(kinds.values()) for host, kinds in hosts.items()}
    servers = sum(m for host, m in spent.items() if room.is_server(host))
    return servers + max(
        (m for host, m in spent.items() if not room.is_server(host)), default=0
    )
