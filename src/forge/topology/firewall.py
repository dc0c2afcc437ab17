"""Resolves declared flows into each host's permitted inbound connections.

Pure: the same topology gives the same rules, whatever the order of flows, ends
and hosts. Nothing is permitted that no flow declares; answers to connections
that a host opened itself are the packet filter's matter, not listed here.
"""

from ipaddress import IPv4Address

import msgspec

from forge.topology.model import (
    API_PORT,
    CONTROLLER,
    EVERY_WIRE,
    PODS,
    Flow,
    Host,
    Topology,
)

PORT_MAX = 65535


class Ingress(msgspec.Struct, frozen=True, order=True):
    """One permitted inbound connection of one host on one of its wires.

    Attributes:
        ports: Destination ports ``low`` or ``low-high``; empty for ICMP.
        sources: IPv4 addresses; the Pod range in CIDR form for ``pods``.
        destination: The host's own address on the wire.
    """

    wire: str
    flow: str
    protocol: str
    ports: tuple[str, ...]
    sources: tuple[str, ...]
    destination: str


def port_range(text: str, names: dict[str, str]) -> tuple[int, int] | None:
    """Return the bounds of a port, range or port name; None if it is none.

    Args:
        text: ``22``, ``2379-2380`` or a key of ``names``.
        names: Port names with their numbers or ranges.
    """
    text = names.get(text, text)
    low, dash, high = text.partition("-")
    if not (_is_number(low) and (_is_number(high) if dash else True)):
        return None
    bounds = int(low), int(high if dash else low)
    return bounds if 1 <= bounds[0] <= bounds[1] <= PORT_MAX else None


def named_ports(topology: Topology) -> dict[str, str]:
    """Return the port names that flows may use, with their numbers or ranges."""
    api = {} if topology.cluster is None else {API_PORT: str(topology.cluster.api_port)}
    return {**topology.ports, **api}


def flow_ranges(flow: Flow, names: dict[str, str]) -> list[tuple[int, int]]:
    """Return the valid port ranges of a flow, merged where they touch, in order."""
    found = sorted(r for p in flow.ports if (r := port_range(p, names)) is not None)
    merged: list[tuple[int, int]] = []
    for low, high in found:
        if merged and low <= merged[-1][1] + 1:
            merged[-1] = merged[-1][0], max(high, merged[-1][1])
        else:
            merged.append((low, high))
    return merged


def expand(end: str, topology: Topology) -> list[str]:
    """Return the hosts of one end of a flow: a host, or a group's members."""
    if end in topology.hosts:
        return [end]
    return [name for name in topology.groups.get(end, ()) if name in topology.hosts]


def end_hosts(ends: tuple[str, ...], topology: Topology) -> list[Host]:
    """Return the hosts of all ends, each once, by name."""
    names = {name for end in ends for name in expand(end, topology)}
    return [host for name, host in topology.hosts.items() if name in names]


def resolve(topology: Topology) -> dict[str, tuple[Ingress, ...]]:
    """Return every host's ingress rules, sorted, by host name."""
    names = named_ports(topology)
    rules: dict[str, set[Ingress]] = {name: set() for name in topology.hosts}
    for flow in topology.flows:
        wires = topology.wires if flow.wire == EVERY_WIRE else (flow.wire,)
        for host in end_hosts(flow.targets, topology):
            for wire in wires:
                rule = _rule(flow, wire, host, topology, names)
                if rule is not None:
                    rules[host.name].add(rule)
    return {name: tuple(sorted(found)) for name, found in rules.items()}


def permits(rule: Ingress, protocol: str, port: int, source: IPv4Address) -> bool:
    """Return whether a rule lets a source's address reach a port."""
    if rule.protocol != protocol or str(source) not in rule.sources:
        return False
    bounds = [port_range(text, {}) for text in rule.ports]
    return any(b is not None and b[0] <= port <= b[1] for b in bounds)


def _rule(
    flow: Flow, wire: str, host: Host, topology: Topology, names: dict[str, str]
) -> Ingress | None:
    if wire not in host.addresses or wire not in topology.wires:
        return None
    ranges = flow_ranges(flow, names)
    sources = _sources(flow, wire, host, topology)
    if not sources or (flow.protocol != "icmp" and not ranges):
        return None
    return Ingress(
        wire=wire,
        flow=flow.name,
        protocol=flow.protocol,
        ports=tuple(f"{a}" if a == b else f"{a}-{b}" for a, b in ranges),
        sources=sources,
        destination=str(host.addresses[wire]),
    )


def _sources(flow: Flow, wire: str, host: Host, topology: Topology) -> tuple[str, ...]:
    addresses = {
        source.addresses[wire]
        for source in end_hosts(flow.sources, topology)
        if wire in source.addresses and source.name != host.name
    }
    if CONTROLLER in flow.sources and wire in topology.controller:
        addresses.add(topology.controller[wire])
    found = tuple(str(address) for address in sorted(addresses))
    cluster = topology.cluster
    if PODS in flow.sources and cluster is not None and cluster.pod_cidr is not None:
        return (*found, str(cluster.pod_cidr))
    return found


def _is_number(text: str) -> bool:
    # isdecimal alone would also take digits of other scripts.
    return text.isascii() and text.isdecimal()
