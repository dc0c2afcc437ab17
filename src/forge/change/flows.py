"""Which connections a change opens and closes, exactly and in linear time.

Flows are areas: sources x targets x ports on one wire. The areas before and after are
compared port by port, and targets that the same flows name are taken together; so the
time grows with the hosts, not with their pairs. What counts is who can connect, not how
it is written: a flow that is renamed, split or regrouped opens nothing.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import msgspec

from forge.change.snapshot import GROUPS, VARS, Snapshot
from forge.topology.firewall import flow_ranges
from forge.topology.model import API_PORT, CONTROLLER, EVERY_WIRE, PODS, WIRES, Flow
from forge.topology.schema import FlowData

SUBJECTS = tuple(
    VARS + name
    for name in (
        "forge_flows",
        "forge_ports",
        "forge_cluster",
        "forge_wires",
        "forge_controller_addresses",
    )
)
_ADDRESSES = VARS + "forge_addresses"
_SHOWN = 24  # names of hosts in one line

type End = str  # an address on a wire; who has it is looked up for readers


class UnreadableFlowsError(ValueError):
    """Flows that cannot be told: a template, or not of their form."""


class _Area(NamedTuple):
    sources: frozenset[End]
    targets: frozenset[End]
    wire: str
    protocol: str
    low: int
    high: int


class Reach(NamedTuple):
    """Connections that only one of two snapshots permits."""

    opened: tuple[str, ...]
    closed: tuple[str, ...]


def compare(before: Snapshot, after: Snapshot) -> Reach:
    """Return the connections that become possible, and those that no longer are.

    Raises:
        UnreadableFlowsError: The flows of a snapshot cannot be told.
    """
    if _relevant(before) == _relevant(after):
        return Reach((), ())
    old, new = _areas(before), _areas(after)
    names = _Names(before, after)
    return Reach(
        opened=_describe(_difference(new, old), names),
        closed=_describe(_difference(old, new), names),
    )


def _relevant(snapshot: Snapshot) -> dict[str, tuple[str | None, ...]]:
    wanted = (*SUBJECTS, _ADDRESSES, GROUPS)
    return {
        host: tuple(facts.get(subject) for subject in wanted)
        for host, facts in snapshot.hosts.items()
    }


def _areas(snapshot: Snapshot) -> list[_Area]:
    """Return the areas of all flows, each on the hosts that hold these very flows."""
    variants: dict[tuple[str | None, ...], list[str]] = {}
    for host, facts in snapshot.hosts.items():
        held = tuple(facts.get(subject) for subject in SUBJECTS)
        variants.setdefault(held, []).append(host)
    groups, places = _groups(snapshot), _places(snapshot)
    found: list[_Area] = []
    for held, hosts in variants.items():
        found += _variant(held, frozenset(hosts), groups, places)
    return found


def _variant(
    held: tuple[str | None, ...],
    hosts: frozenset[str],
    groups: Mapping[str, frozenset[str]],
    places: Mapping[str, Mapping[str, str]],
) -> Iterable[_Area]:
    values = [None if text is None else json.loads(text) for text in held]
    flows, ports, cluster, wires, controller = values
    try:
        declared = msgspec.convert(flows or [], list[FlowData])
        names = {str(k): str(v) for k, v in (ports or {}).items()}
        names[API_PORT] = str((cluster or {}).get("api_port", ""))
        pods = str((cluster or {}).get("pod_cidr", ""))
        every = [str(wire) for wire in (wires or WIRES)]
        own = {str(k): str(v) for k, v in (controller or {}).items()}
    except (msgspec.ValidationError, AttributeError, TypeError) as error:
        raise UnreadableFlowsError(f"flows cannot be read: {error}") from error
    for data in declared:
        flow = _flow(data)
        for wire in every if flow.wire == EVERY_WIRE else [flow.wire]:
            sources = _ends(flow.sources, wire, groups, places)
            if CONTROLLER in flow.sources and wire in own:
                sources |= {own[wire]}
            if PODS in flow.sources:
                sources |= {pods}
            targets = _ends(flow.targets, wire, groups, places, hosts)
            icmp = flow.protocol == "icmp"
            for low, high in [(0, 0)] if icmp else flow_ranges(flow, names):
                yield _Area(sources, targets, wire, flow.protocol, low, high)


def _flow(data: FlowData) -> Flow:
    words = [data.wire, data.protocol, *data.sources, *data.to, *map(str, data.ports)]
    if any("{" in word for word in words):
        raise UnreadableFlowsError(f"flow {data.name} holds a template")
    return Flow(
        name=data.name,
        sources=tuple(data.sources),
        targets=tuple(data.to),
        wire=data.wire,
        protocol=data.protocol,  # type: ignore[arg-type]  # one unknown to nftables is still compared
        ports=tuple(str(port) for port in data.ports),
        why=data.why,
    )


def _ends(
    ends: Iterable[str],
    wire: str,
    groups: Mapping[str, frozenset[str]],
    places: Mapping[str, Mapping[str, str]],
    only: frozenset[str] | None = None,
) -> frozenset[End]:
    hosts: set[str] = set()
    for end in ends:
        hosts |= {end} if end in places else groups.get(end, frozenset())
    if only is not None:
        hosts &= only
    return frozenset(places[h][wire] for h in hosts if wire in places[h])


def _groups(snapshot: Snapshot) -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {"all": set(snapshot.hosts)}
    known: dict[str, list[str]] = {}
    for host, facts in snapshot.hosts.items():
        text = facts.get(GROUPS, "[]")
        if text not in known:
            known[text] = json.loads(text)
        for group in known[text]:
            found.setdefault(group, set()).add(host)
    return {name: frozenset(members) for name, members in found.items()}


def _places(snapshot: Snapshot) -> dict[str, dict[str, str]]:
    found = {}
    for host, facts in snapshot.hosts.items():
        value: Any = json.loads(facts.get(_ADDRESSES, "{}"))
        if not isinstance(value, dict) or any("{" in str(v) for v in value.values()):
            raise UnreadableFlowsError(f"{host}: forge_addresses is a template")
        found[host] = {str(wire): str(address) for wire, address in value.items()}
    return found


type _Piece = tuple[frozenset[End], frozenset[End], str, str]


def _difference(
    these: Iterable[_Area], those: Iterable[_Area]
) -> dict[_Piece, list[tuple[int, int]]]:
    """Return what ``these`` permit and ``those`` do not: ends and wire to ports."""
    found: dict[_Piece, list[tuple[int, int]]] = {}
    here, there = _by_wire(these), _by_wire(those)
    for (wire, protocol), areas in here.items():
        others = there.get((wire, protocol), [])
        edges = {a.low for a in areas + others} | {a.high + 1 for a in areas + others}
        for low, after in zip(sorted(edges), sorted(edges)[1:], strict=False):
            mine = [a for a in areas if a.low <= low <= a.high]
            rest = [a for a in others if a.low <= low <= a.high]
            for sources, targets in _only(mine, rest):
                piece = sources, targets, wire, protocol
                found.setdefault(piece, []).append((low, after - 1))
    return found


def _by_wire(areas: Iterable[_Area]) -> dict[tuple[str, str], list[_Area]]:
    found: dict[tuple[str, str], list[_Area]] = {}
    for area in areas:
        found.setdefault((area.wire, area.protocol), []).append(area)
    return found


def _only(
    mine: list[_Area], rest: list[_Area]
) -> Iterable[tuple[frozenset[End], frozenset[End]]]:
    """Yield sources and targets of one port that ``rest`` does not cover."""
    kinds: dict[End, list[tuple[bool, int]]] = {}
    for side, areas in ((True, mine), (False, rest)):
        for index, area in enumerate(areas):
            for target in area.targets:
                kinds.setdefault(target, []).append((side, index))
    alike: dict[tuple[tuple[bool, int], ...], set[End]] = {}
    for target, listed in kinds.items():
        alike.setdefault(tuple(listed), set()).add(target)
    merged: dict[frozenset[End], set[End]] = {}
    for kind, targets in alike.items():
        wanted = {e for side, i in kind if side for e in mine[i].sources}
        wanted -= {e for side, i in kind if not side for e in rest[i].sources}
        # A host needs no rule to reach itself.
        if wanted and not (len(targets) == 1 and wanted == targets):
            merged.setdefault(frozenset(wanted), set()).update(targets)
    for sources, hosts in merged.items():
        yield sources, frozenset(hosts)


def _describe(
    pieces: Mapping[_Piece, list[tuple[int, int]]], names: "_Names"
) -> tuple[str, ...]:
    lines = []
    for (sources, targets, wire, protocol), spans in pieces.items():
        ports = ",".join(f"{a}" if a == b else f"{a}-{b}" for a, b in _merged(spans))
        where = f"{protocol} {ports}" if protocol != "icmp" else protocol
        ends = [names.of(end, wire) for end in (sources, targets)]
        lines.append(f"{where} {wire} {ends[0]} -> {ends[1]}")
    return tuple(sorted(lines))


def _merged(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for low, high in sorted(spans):
        if found and low <= found[-1][1] + 1:
            found[-1] = found[-1][0], max(high, found[-1][1])
        else:
            found.append((low, high))
    return found


class _Names:
    """What readers call ends: a group with just these members, or the hosts."""

    def __init__(self, before: Snapshot, after: Snapshot) -> None:
        """Learn names from both sides; the later one wins."""
        self._hosts: dict[tuple[str, str], str] = {}
        self._groups: list[tuple[frozenset[str], str]] = []
        for snapshot in (before, after):
            for host, wires in _places(snapshot).items():
                self._hosts |= dict.fromkeys(wires.items(), host)
            self._pseudo(snapshot)
        for snapshot in (after, before):
            found = sorted((name, hosts) for name, hosts in _groups(snapshot).items())
            self._groups += [(hosts, name) for name, hosts in found]

    def _pseudo(self, snapshot: Snapshot) -> None:
        cluster, _, controller = SUBJECTS[2:]
        for facts in snapshot.hosts.values():
            for wire, address in json.loads(facts.get(controller, "{}")).items():
                self._hosts[wire, str(address)] = CONTROLLER
            pods = json.loads(facts.get(cluster, "{}")).get("pod_cidr", "")
            self._hosts |= {(wire, str(pods)): PODS for wire in WIRES}

    def of(self, ends: frozenset[End], wire: str) -> str:
        """Return the name of these ends of a flow."""
        names = frozenset(self._hosts.get((wire, end), end) for end in ends)
        pseudo, hosts = sorted(names & {CONTROLLER, PODS}), names - {CONTROLLER, PODS}
        for members, group in self._groups if len(hosts) > 1 else ():
            if members == hosts:
                return "+".join([*pseudo, group])
        listed = sorted(hosts)
        more = [f"{len(listed) - _SHOWN} more"] if len(listed) > _SHOWN else []
        return "+".join([*pseudo, *listed[:_SHOWN], *more])
