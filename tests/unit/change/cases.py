"""Cases of tests/fixtures/change: two rooms, and one line for each impact.

A case patches the base room, before and after. In a patch ``all`` and ``hosts`` set
variables (null takes one, or a host, away), ``join`` and ``leave`` change groups,
``rename`` gives hosts other names, ``flows`` adds and drops flows, ``surroundings``
replaces parts of those.
"""

import copy
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import yaml

from forge.change import Plan, Scope, Surroundings, plan_of, read_listing, supposed
from forge.change.applied import begin

from .conftest import KEY, listing

FOLDER = Path(__file__).resolve().parents[2] / "fixtures/change"
BASE = "base.yaml"


def cases() -> Iterator[dict[str, Any]]:
    """All cases, in the order of their files."""
    for file in sorted(FOLDER.glob("*.yaml")):
        if file.name != BASE:
            yield from yaml.safe_load(file.read_text("utf-8"))


@cache
def base_room() -> dict[str, Any]:
    """The room that cases patch."""
    found: dict[str, Any] = yaml.safe_load((FOLDER / BASE).read_text("utf-8"))
    return found


def room(patch: dict[str, Any]) -> tuple[bytes, Surroundings]:
    """A listing and surroundings: the base room with a patch."""
    base = copy.deepcopy(base_room())
    hosts, groups = base["hosts"], base["groups"]
    every = base["all"] | patch.get("all", {})
    hosts = {
        name: copy.deepcopy(base["all"] | own | patch.get("all", {}))
        for name, own in hosts.items()
    }
    for name, own in patch.get("hosts", {}).items():
        if own is None:
            del hosts[name]
            groups = {g: [m for m in ms if m != name] for g, ms in groups.items()}
        else:
            hosts[name] = hosts.get(name, copy.deepcopy(every)) | own
    for group, members in patch.get("join", {}).items():
        groups[group] = [*groups.get(group, []), *members]
    for group, members in patch.get("leave", {}).items():
        groups[group] = [m for m in groups[group] if m not in members]
    names = patch.get("rename", {})
    hosts = {names.get(name, name): own for name, own in hosts.items()}
    groups = {g: [names.get(m, m) for m in members] for g, members in groups.items()}
    flows = patch.get("flows", {})
    for own in hosts.values():
        if flows:
            dropped = flows.get("drop", [])
            kept = [f for f in own["forge_flows"] if f["name"] not in dropped]
            own["forge_flows"] = [*kept, *flows.get("add", [])]
        for name in [name for name, value in own.items() if value is None]:
            del own[name]
    around = base["surroundings"]
    for part, values in patch.get("surroundings", {}).items():
        around[part] = {**around[part], **values}
        around[part] = {n: v for n, v in around[part].items() if v is not None}
    return listing(hosts, groups), msgspec.convert(around, Surroundings)


def plan(case: dict[str, Any]) -> Plan:
    """The plan of a case."""
    before, old = room(case.get("before", {}))
    after, new = room(case.get("after", {}))
    record = supposed(read_listing(before, old, KEY))
    proposed = read_listing(after, new, KEY)
    failed = case.get("failed")
    if failed:
        # Another plan was begun on these hosts and did not end well.
        other = plan_of(proposed, record, new, Scope(limit="another"))
        record = begin(record, other, failed, "run-1")
    return plan_of(proposed, record, new)


def says(found: Plan) -> list[str]:
    """One line for each impact: host, subject, kind, effects, and the hosts touched."""
    names = {host.name for host in found.hosts_after}
    nodes = {host.name for host in found.hosts_after if host.is_node}
    lines = []
    for impact in found.impacts:
        hosts = set(impact.hosts)
        where = "all" if hosts == names else "nodes" if hosts == nodes else ""
        where = where or ", ".join(impact.hosts) or "nobody"
        effects = ", ".join(impact.effects)
        change = impact.change
        lines.append(
            f"{change.host} {change.subject} {change.kind}: {effects} @ {where}"
        )
    return lines
