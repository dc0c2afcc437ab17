"""From two snapshots to typed changes.

A host that comes, goes or cannot be told is one change. A host that gets another name
but keeps its address is a change of the host, not a machine less and a machine more.
What is the same change on every host is one change of the whole room.
"""

import json
import unicodedata
from collections.abc import Collection, Iterator, Mapping
from itertools import chain

from forge.change.model import WHOLE_ROOM, Change, Kind
from forge.change.snapshot import GROUPS, VARS, Facts, Snapshot, spelled
from forge.change.templates import followers

HOST, ALIAS = "host", "alias"
_ADDRESSES, _CONNECT = VARS + "forge_addresses", VARS + "ansible_host"
type _Raw = tuple[str, Kind, str | None, str | None]  # subject, kind, before, after


def diff(
    applied: Snapshot, proposed: Snapshot, unknown: Collection[str] = ()
) -> tuple[Change, ...]:
    """Compare what is applied with what is proposed.

    Args:
        applied: As the last successful runs left the hosts.
        proposed: As a run would leave them.
        unknown: Hosts of which nobody knows what is applied.

    Returns:
        Sorted by host and subject; empty for equal snapshots whose templates ask
        nothing outside the inventory.
    """
    renamed = _renamed(applied, proposed)
    before = {
        renamed.get(name, name): facts
        for name, facts in applied.hosts.items()
        if name not in unknown
    }
    both = [name for name in proposed.hosts if name in before]
    raw = {name: _compare(before[name], proposed.hosts[name]) for name in both}
    known = {**applied.hosts, **proposed.hosts}
    others = [
        *_presence(applied, proposed, renamed, unknown),
        *_aliases(applied, proposed),
    ]
    anywhere = _names(chain.from_iterable(raw.values()))
    if others or any(row[0] == GROUPS for rows in raw.values() for row in rows):
        anywhere |= {"groups", "hostvars"}
    for name in both:
        raw[name] += _following(known[name], raw[name], anywhere)
    return tuple(sorted([*others, *_collapse(raw)], key=_order))


def _order(change: Change) -> tuple[str, str, str]:
    return change.host, change.subject, change.kind


def _compare(before: Facts, after: Facts) -> list[_Raw]:
    if before == after:
        return []
    found: list[_Raw] = [
        (subject, Kind.REMOVED, text, None)
        for subject, text in before.items()
        if subject not in after
    ]
    for subject, text in after.items():
        old = before.get(subject)
        if old is None:
            found.append((subject, Kind.ADDED, None, text))
        elif old != text:
            found.append((subject, Kind.CHANGED, old, text))
    return found


def _following(
    facts: Facts, changed: list[_Raw], anywhere: frozenset[str]
) -> list[_Raw]:
    """Return the changes of values whose text stays what it is."""
    moving = _names(changed)
    if any(row[0] == GROUPS for row in changed):
        moving |= {"group_names"}
    found: list[_Raw] = []
    for name, outside in followers(facts, moving, anywhere).items():
        text = facts[VARS + name]
        kind = Kind.UNKNOWN if outside else Kind.CHANGED
        found.append((VARS + name, kind, text, text))
    return found


def _names(rows: Iterator[_Raw] | list[_Raw] | chain[_Raw]) -> frozenset[str]:
    return frozenset(
        row[0].removeprefix(VARS) for row in rows if row[0].startswith(VARS)
    )


def _collapse(raw: Mapping[str, list[_Raw]]) -> Iterator[Change]:
    where: dict[_Raw, list[str]] = {}
    for host, rows in raw.items():
        for row in rows:
            where.setdefault(row, []).append(host)
    for (subject, kind, before, after), hosts in where.items():
        values = {"before": _value(before), "after": _value(after)}
        shared = len(hosts) == len(raw) > 1
        for host in [WHOLE_ROOM] if shared else hosts:
            yield Change(host=host, subject=subject, kind=kind, **values)


def _value(text: str | None) -> object:
    return None if text is None else json.loads(text)


def _presence(
    applied: Snapshot,
    proposed: Snapshot,
    renamed: Mapping[str, str],
    unknown: Collection[str],
) -> Iterator[Change]:
    for name in unknown:
        yield Change(host=name, subject=HOST, kind=Kind.UNKNOWN)
    for old, new in renamed.items():
        yield Change(host=new, subject=HOST, kind=Kind.CHANGED, before=old, after=new)
    taken = set(renamed.values())
    for name, facts in proposed.hosts.items():
        if name not in applied.hosts and name not in taken and name not in unknown:
            groups = json.loads(facts.get(GROUPS, "[]"))
            yield Change(host=name, subject=HOST, kind=Kind.ADDED, after=groups)
    for name, facts in applied.hosts.items():
        if name not in proposed.hosts and name not in renamed and name not in unknown:
            groups = json.loads(facts.get(GROUPS, "[]"))
            yield Change(host=name, subject=HOST, kind=Kind.REMOVED, before=groups)


def _renamed(applied: Snapshot, proposed: Snapshot) -> dict[str, str]:
    """Return old name to new name, where one host went and one came at its address."""
    gone = {n: f for n, f in applied.hosts.items() if n not in proposed.hosts}
    come = {n: f for n, f in proposed.hosts.items() if n not in applied.hosts}
    if not gone or not come:
        return {}
    at = _by_address(come)
    found: dict[str, str] = {}
    for name, facts in gone.items():
        matching = {new for place in addresses(facts) for new in at.get(place, ())}
        if len(matching) == 1:
            found[name] = matching.pop()
    # Two that became one are no rename: a machine is gone.
    targets = list(found.values())
    return {old: new for old, new in found.items() if targets.count(new) == 1}


def addresses(facts: Facts) -> frozenset[str]:
    """Return where a host is reached, in one spelling; templates tell nothing."""
    values: list[object] = []
    declared = _value(facts.get(_ADDRESSES))
    if isinstance(declared, dict):
        values += declared.values()
    values.append(_value(facts.get(_CONNECT)))
    return frozenset(
        spelled(value).casefold()
        for value in values
        if isinstance(value, str) and value and "{" not in value
    )


def _by_address(hosts: Mapping[str, Facts]) -> dict[str, list[str]]:
    at: dict[str, list[str]] = {}
    for name, facts in hosts.items():
        for address in addresses(facts):
            at.setdefault(address, []).append(name)
    return at


def _aliases(applied: Snapshot, proposed: Snapshot) -> Iterator[Change]:
    """Yield hosts that are one machine under two names, or look alike to a reader."""
    old = _shared(applied)
    for name, others in sorted(_shared(proposed).items()):
        if old.get(name) != others:
            yield Change(
                host=name, subject=ALIAS, kind=Kind.UNKNOWN, after=sorted(others)
            )


def _shared(snapshot: Snapshot) -> dict[str, set[str]]:
    places = _by_address(snapshot.hosts)
    for name in snapshot.hosts:
        look = "name " + unicodedata.normalize("NFKC", name).casefold()
        places.setdefault(look, []).append(name)
    found: dict[str, set[str]] = {}
    for names in places.values():
        if len(names) > 1:
            for name in names:
                found.setdefault(name, set()).update(set(names) - {name})
    return found
