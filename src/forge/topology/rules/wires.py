"""Rules on wires, ranges and addresses."""

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network
from itertools import combinations

from forge.topology.findings import Finding, did_you_mean
from forge.topology.model import TIER_WIRES, WIRES, Topology

SMALLEST_WIRE = 29  # prefix length that still has room for two hosts and a gateway


def unknown_wire(topology: Topology) -> Iterator[Finding]:
    """A declared wire is one of cluster, boundary and inference."""
    for name in topology.wires:
        if name not in WIRES:
            yield Finding(
                host="all",
                field=f"forge_wires.{name}",
                message=f"there is no wire named {name}",
                fix=did_you_mean(name, WIRES),
            )


def unusable_wire(topology: Topology) -> Iterator[Finding]:
    """A wire is a unicast network with room for several hosts (prefix 29 or less)."""
    for name, wire in topology.wires.items():
        cidr = wire.cidr
        special = cidr.is_loopback or cidr.is_multicast or cidr.is_link_local
        if special or cidr.prefixlen > SMALLEST_WIRE:
            yield Finding(
                host="all",
                field=f"forge_wires.{name}.cidr",
                message=f"{cidr} cannot hold the hosts of a wire",
                fix="give the wire an unused network such as 10.20.0.0/24",
            )


def unused_wire(topology: Topology) -> Iterator[Finding]:
    """A declared wire has at least one host."""
    if not topology.is_complete:
        return
    used = {wire for host in topology.hosts.values() for wire in host.addresses}
    for name in topology.wires:
        if name in WIRES and name not in used:
            yield Finding(
                host="all",
                field=f"forge_wires.{name}",
                message="no host has an address on this wire",
                fix="remove the wire, or give its hosts addresses on it",
            )


def overlapping_ranges(topology: Topology) -> Iterator[Finding]:
    """Wires, Pod range and Service range do not overlap."""
    ranges = [(f"forge_wires.{n}.cidr", w.cidr) for n, w in topology.wires.items()]
    if topology.cluster is not None:
        for field in ("pod_cidr", "service_cidr"):
            cidr: IPv4Network | None = getattr(topology.cluster, field)
            if cidr is not None:
                ranges.append((f"forge_cluster.{field}", cidr))
    for (first, one), (second, two) in combinations(ranges, 2):
        if one.overlaps(two):
            yield Finding(
                host="all",
                field=second,
                message=f"{two} overlaps {one} of {first}",
                fix=f"move {second} to a range that nothing else uses",
            )


def address_without_wire(topology: Topology) -> Iterator[Finding]:
    """An address belongs to a declared wire."""
    declared = {*topology.wires}
    for owner, field, wire, _ in _addresses(topology):
        if wire not in declared and topology.is_complete:
            yield Finding(
                host=owner,
                field=f"{field}.{wire}",
                message=f"{wire} is not a wire in forge_wires",
                fix=did_you_mean(wire, declared),
            )


def address_outside_wire(topology: Topology) -> Iterator[Finding]:
    """An address lies inside the network of its wire."""
    for owner, field, wire, address in _addresses(topology):
        cidr = _cidr(topology, wire)
        if cidr is not None and address not in cidr:
            yield Finding(
                host=owner,
                field=f"{field}.{wire}",
                message=f"{address} is outside {cidr}",
                fix=f"use a free address of {cidr}",
            )


def unusable_address(topology: Topology) -> Iterator[Finding]:
    """An address is neither its network's first nor its broadcast address."""
    for owner, field, wire, address in _addresses(topology):
        cidr = _cidr(topology, wire)
        if cidr is None or address not in cidr:
            continue
        if address in (cidr.network_address, cidr.broadcast_address):
            first = address == cidr.network_address
            kind = "network" if first else "broadcast"
            yield Finding(
                host=owner,
                field=f"{field}.{wire}",
                message=f"{address} is the {kind} address of {cidr}",
                fix=f"use an address between {cidr[1]} and {cidr[-2]}",
            )


def duplicate_address(topology: Topology) -> Iterator[Finding]:
    """No address has two owners, the controller included."""
    owners: dict[IPv4Address, tuple[str, str]] = {}
    for owner, field, wire, address in _addresses(topology):
        place = f"{field}.{wire}"
        if address in owners:
            other, at = owners[address]
            names = f"{other} ({at})" if other != owner else f"this host ({at})"
            yield Finding(
                host=owner,
                field=place,
                message=f"{address} is already the address of {names}",
                fix=f"give {other} or {owner} another address",
            )
        else:
            owners[address] = (_title(owner), place)


def missing_wire(topology: Topology) -> Iterator[Finding]:
    """A host is on the wire of its tier."""
    for host in topology.hosts.values():
        needed, _ = TIER_WIRES.get(host.tier, (frozenset(), frozenset()))
        if not host.addresses:
            continue  # already reported: the variable is required
        for wire in sorted(needed - host.addresses.keys()):
            if set(host.addresses) <= {*WIRES}:
                yield Finding(
                    host=host.name,
                    field="forge_addresses",
                    message=f"tier {host.tier} needs an address on wire {wire}",
                    fix=f"add {wire}: with a free address of that wire",
                )


def forbidden_wire(topology: Topology) -> Iterator[Finding]:
    """A host is on no wire that its tier has no business on."""
    for host in topology.hosts.values():
        _, allowed = TIER_WIRES.get(host.tier, (frozenset(), frozenset(WIRES)))
        for wire in host.addresses:
            if wire in WIRES and wire not in allowed:
                yield Finding(
                    host=host.name,
                    field=f"forge_addresses.{wire}",
                    message=f"a host of tier {host.tier} must not be on wire {wire}",
                    fix=f"remove it; tier {host.tier} uses "
                    f"{' and '.join(sorted(allowed))}",
                )


def missing_controller_address(topology: Topology) -> Iterator[Finding]:
    """The controller has an address on every declared wire."""
    for name in topology.wires:
        if name in WIRES and name not in topology.controller and topology.is_complete:
            yield Finding(
                host="all",
                field="forge_controller_addresses",
                message=f"the controller has no address on wire {name}",
                fix=f"add {name}: with the address that hosts see Ansible come from",
            )


def _addresses(topology: Topology) -> Iterator[tuple[str, str, str, IPv4Address]]:
    """Yield owner, field, wire and address of everything that has one."""
    for wire, address in topology.controller.items():
        yield "all", "forge_controller_addresses", wire, address
    for host in topology.hosts.values():
        for wire, address in host.addresses.items():
            yield host.name, "forge_addresses", wire, address


def _title(owner: str) -> str:
    return "the controller" if owner == "all" else owner


def _cidr(topology: Topology, wire: str) -> IPv4Network | None:
    found = topology.wires.get(wire)
    return None if found is None else found.cidr


RULES = (
    unknown_wire,
    unusable_wire,
    unused_wire,
    overlapping_ranges,
    address_without_wire,
    address_outside_wire,
    unusable_address,
    duplicate_address,
    missing_wire,
    forbidden_wire,
    missing_controller_address,
)
