"""Plans: what is proposed, compared with what is applied, under one digest."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import msgspec

from clawlaw.core.canonical import digest
from forge.change.applied import Applied
from forge.change.blast import Room, blast, impacts
from forge.change.diff import diff
from forge.change.effects import Table, table
from forge.change.facts import by_name, host_facts
from forge.change.flows import Reach, UnreadableFlowsError, compare
from forge.change.model import NOTHING_APPLIED, Inputs, Plan, Scope, plan_digest
from forge.change.snapshot import (
    GROUPS,
    VARS,
    Snapshot,
    Surroundings,
    read_hostvars,
    read_listing,
)


def plan_of(
    proposed: Snapshot,
    applied: Applied | None,
    surroundings: Surroundings,
    scope: Scope | None = None,
    effects: Table | None = None,
) -> Plan:
    """Make the plan of a run.

    Hosts whose last run failed are unknown, and count as the worst case; but the very
    plan that failed there is made again as it was, so that its verdict still holds.

    Args:
        proposed: From :func:`read_hostvars` or :func:`read_listing`.
        applied: None where nothing is recorded: then every host is unknown.
        surroundings: The same as for ``proposed``.
        scope: What the run takes on; everything unless given.
        effects: The effects table; that of this package unless given.
    """
    run = _Run(proposed, surroundings, scope or Scope(), effects or table())
    if applied is None:
        return _make(run, _Base(Snapshot({}), (*proposed.hosts,), NOTHING_APPLIED))
    known, attempted = applied.known(), applied.attempted()
    others = {n for n in attempted if applied.hosts[n].attempt != applied.plan}
    if attempted and others <= set(applied.unknown):
        again = _make(run, _base_of(run, applied, known))
        if again.digest == applied.plan:
            return again
    return _make(run, _Base(known, tuple(attempted), applied.digest()))


def plan_of_hostvars(
    hostvars: Mapping[str, Any],
    groups: Mapping[str, Iterable[str]],
    *,
    applied: Applied | None,
    surroundings: Surroundings,
    key: bytes,
    scope: Scope | None = None,
) -> Plan:
    """Make the plan of the run that these magic variables are from.

    Args:
        hostvars: The magic variable of that name.
        groups: The magic variable of that name.
        applied: As for :func:`plan_of`.
        surroundings: Of the same checkout.
        key: For the digests of secrets.
        scope: As for :func:`plan_of`.

    Raises:
        InputError: A value has no form that could be compared.
    """
    proposed = read_hostvars(hostvars, groups, surroundings, key)
    return plan_of(proposed, applied, surroundings, scope)


def plan_of_listing(
    listing: bytes | str,
    *,
    applied: Applied | None,
    surroundings: Surroundings,
    key: bytes,
    scope: Scope | None = None,
) -> Plan:
    """Make a plan from the output of ``ansible-inventory --list``.

    Args:
        listing: With the extra vars of the run, which the program takes as well.
        applied: As for :func:`plan_of`.
        surroundings: Of the same checkout.
        key: For the digests of secrets.
        scope: As for :func:`plan_of`.

    Raises:
        InputError: Not such a listing, or a value that cannot be compared.
    """
    proposed = read_listing(listing, surroundings, key)
    return plan_of(proposed, applied, surroundings, scope)


class _Run(NamedTuple):
    proposed: Snapshot
    surroundings: Surroundings
    scope: Scope
    effects: Table


class _Base(NamedTuple):
    known: Snapshot
    unknown: tuple[str, ...]
    digest: str


def _base_of(run: _Run, applied: Applied, known: Snapshot) -> _Base:
    """Return what the plan that was begun last was compared with."""
    if applied.basis == NOTHING_APPLIED:
        return _Base(Snapshot({}), (*run.proposed.hosts,), NOTHING_APPLIED)
    return _Base(known, applied.unknown, applied.basis)


def _make(run: _Run, base: _Base) -> Plan:
    proposed, surroundings, scope, effects = run
    before = base.known
    changes = diff(before, proposed, sorted(base.unknown))
    old, new = host_facts(before), host_facts(proposed)
    hosts = frozenset(scope.hosts) & new.keys() if scope.hosts else frozenset(new)
    room = Room(old, new, hosts)
    reach = _reach(before, proposed)
    found = impacts(changes, room, effects, reach)
    plan = Plan(
        digest="",
        applied_digest=base.digest,
        inputs=Inputs(
            inventory=proposed.digest((GROUPS, VARS)),
            extra_vars=surroundings.extra_vars,
            pins=surroundings.pins,
            tree=digest(surroundings.tree),  # type: ignore[arg-type]  # text to text is JSON
            ansible=digest(surroundings.ansible),  # type: ignore[arg-type]  # as above
        ),
        scope=scope,
        is_first=base.digest == NOTHING_APPLIED,
        changes=changes,
        impacts=found,
        blast=blast(found, room, reach),
        hosts_before=by_name(old),
        hosts_after=by_name(new),
    )
    return msgspec.structs.replace(plan, digest=plan_digest(plan))


def _reach(before: Snapshot, proposed: Snapshot) -> Reach | None:
    try:
        return compare(before, proposed)
    except UnreadableFlowsError:
        return None
