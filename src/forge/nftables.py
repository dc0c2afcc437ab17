"""Renders a host's permitted connections as the body of one nftables table.

Pure: what goes in is ``forge_topology`` (the resolved topology as plain data), what
comes out is text. Only IPv4 is ever permitted, since no flow can be IPv6. A rule
names the flow that it comes from, as a comment.

Three things are checked beside the flows, because addresses alone prove nothing: a
packet's source must be routed back through the interface that it came by, its
destination must be an address of that interface, and only answers pass without a flow.

Source: nft(8); the hooks and their order: netfilter's "Netfilter hooks" page.
"""

import ipaddress
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from forge.errors import InputError
from forge.topology.firewall import Ingress, permits, port_range

# What may stand in the table's text without quoting; all else is refused, so that
# no name of the inventory can become a rule.
NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
INTERFACE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,13}\*?")
RATE = re.compile(r"[1-9][0-9]{0,5}/(second|minute|hour|day)")
PROTOCOLS = ("tcp", "udp", "icmp")
SSH_PORT = 22
SINGLE = 32  # prefix length of one address

ACCEPT_ANSWERS = "ct state established,related accept"
FORGED = "fib saddr . iif oif missing"


def table(
    topology: Mapping[str, Any],
    host: str,
    pod_interfaces: Sequence[str] = (),
    log_rate: str = "6/minute",
) -> str:
    """Return the body of the table ``inet forge`` of one host.

    Args:
        topology: ``forge_topology``; ``hosts``, ``cluster`` are read.
        host: Its name in the topology.
        pod_interfaces: Interfaces behind which the node's Pods are; a trailing ``*``
            stands for any ending. Not used on hosts outside the cluster.
        log_rate: At most this many dropped packets of a wire are logged.

    Raises:
        InputError: A value cannot be part of a rule; the message names it.
    """
    try:
        own = topology["hosts"][host]
    except KeyError as error:
        raise InputError(f"{host} is not in the topology") from error
    rules = ingress(topology, host)
    addresses = {_name(w): _address(a) for w, a in own["addresses"].items()}
    if RATE.fullmatch(log_rate) is None:
        raise InputError(f"log rate {log_rate!r}", remedy="write it like 6/minute")
    is_node = bool(own.get("is_server") or own.get("is_agent"))
    pods = _pods(topology) if is_node else None
    interfaces = [_interface(name) for name in pod_interfaces] if pods else []
    ends = [*addresses, *(["pods"] if interfaces else []), "elsewhere", "forward"]
    blocks = [
        *(f"counter dropped_{end} {{\n}}" for end in ends),
        _chain("input", _input(addresses, interfaces), "hook input"),
        _chain("forward", _forward(topology, addresses, interfaces), "hook forward"),
    ]
    if interfaces:
        blocks.append(_chain("from_pods", _from_pods(rules, addresses, pods)))
        blocks.append(_chain("published", _published(rules)))
    blocks += [_chain(f"to_{w}", _wire(w, rules)) for w in addresses]
    blocks += [_chain(f"drop_{w}", _drop(w, log_rate)) for w in addresses]
    return "\n\n".join(blocks) + "\n"


def ingress(topology: Mapping[str, Any], host: str) -> list[Ingress]:
    """Return the permitted inbound connections of a host, every value checked."""
    raw = topology["hosts"][host].get("ingress", [])
    try:
        rules = msgspec.convert(raw, list[Ingress])
    except msgspec.ValidationError as error:
        raise InputError(f"{host}: ingress: {error}") from error
    for rule in rules:
        _name(rule.flow)
        _name(rule.wire)
        _address(rule.destination)
        _networks(rule.sources)
        if rule.protocol not in PROTOCOLS:
            raise InputError(f"flow {rule.flow}: protocol {rule.protocol!r}")
        if rule.protocol != "icmp" and not rule.ports:
            raise InputError(f"flow {rule.flow}: no port")
        for text in rule.ports:
            if port_range(text, {}) is None:
                raise InputError(f"flow {rule.flow}: port {text!r}")
    return rules


def locked_out(
    topology: Mapping[str, Any], host: str, target: str, connection: str = ""
) -> str:
    """Return why the rules would end the controller's own access, or nothing.

    Args:
        topology: ``forge_topology``.
        host: The host that would load the rules.
        target: Where the controller connects to: address, or ``address:port``.
        connection: ``SSH_CONNECTION`` of the running session, if known; it shows
            the addresses that really reach the host: client, port, server, port.
    """
    rules = ingress(topology, host)
    address, _, port = target.partition(":")
    number = int(port or SSH_PORT)
    words = connection.split()
    if len(words) == len(("client", "port", "server", "port")):
        client, address, number = words[0], words[2], int(words[3])
    else:
        own = topology["hosts"][host]["addresses"]
        wires = [wire for wire, value in own.items() if value == address]
        if not wires:
            return f"{address} is not an address of {host} on any wire"
        if wires[0] not in topology["controller"]:
            return f"the controller has no address on the wire {wires[0]}"
        client = topology["controller"][wires[0]]
    try:
        source = ipaddress.IPv4Address(client)
    except ValueError:
        return f"the session comes from {client}, and no flow can be IPv6"
    if any(r.destination == address and permits(r, "tcp", number, source)
           for r in rules):  # fmt: skip
        return ""
    return f"no flow lets {client} reach {address}:{number}"


def _input(
    addresses: Mapping[str, str], interfaces: Iterable[str]
) -> Iterator[tuple[str, str]]:
    yield ACCEPT_ANSWERS, ""
    yield 'iif "lo" accept', ""
    yield "ct state invalid counter name dropped_elsewhere drop", ""
    for name in interfaces:
        yield f'iifname "{name}" goto from_pods', ""
    for wire, address in addresses.items():
        yield f"ip daddr {address} goto to_{wire}", ""
    yield "counter name dropped_elsewhere drop", ""


def _forward(
    topology: Mapping[str, Any],
    addresses: Mapping[str, str],
    interfaces: Sequence[str],
) -> Iterator[tuple[str, str]]:
    if interfaces:
        pods = _pods(topology)
        yield ACCEPT_ANSWERS, ""
        yield f"{FORGED} counter name dropped_forward drop", ""
        for name in interfaces:
            yield f'iifname "{name}" ip saddr {pods} accept', "from Pods"
        # A port of this node that leads to a Pod: before the nodes' way to Pods, which
        # would open it to each of them.
        own = _networks(addresses.values())
        yield (
            f"ct status dnat ct original ip daddr {{ {own} }} goto published",
            "what a port of this node publishes",
        )
        nodes = [
            row["addresses"]["cluster"]
            for row in topology["hosts"].values()
            if (row.get("is_server") or row.get("is_agent"))
            and "cluster" in row["addresses"]
        ]
        yield (
            f"ip saddr {{ {_networks([str(pods), *nodes])} }} ip daddr {pods} accept",
            "nodes and their Pods to Pods",
        )
        yield "ct status dnat goto published", "what a Service publishes"
    yield "counter name dropped_forward drop", ""


def _from_pods(
    rules: Iterable[Ingress],
    addresses: Mapping[str, str],
    pods: ipaddress.IPv4Network | None,
) -> Iterator[tuple[str, str]]:
    """Permit what flows from ``pods`` declare, to any of the host's addresses."""
    yield f"{FORGED} counter name dropped_pods drop", ""
    for rule in rules:
        if str(pods) in rule.sources and rule.destination in addresses.values():
            yield (
                f"ip saddr {pods} ip daddr {rule.destination} {_match(rule)}",
                rule.flow,
            )
    yield "counter name dropped_pods drop", ""


def _published(rules: Iterable[Ingress]) -> Iterator[tuple[str, str]]:
    """Permit flows whose destination a Service has translated to a Pod's address."""
    for rule in rules:
        if rule.protocol != "icmp":
            sources = f"ip saddr {{ {_networks(rule.sources)} }}"
            asked = f"ct original ip daddr {rule.destination}"
            port = f"meta l4proto {rule.protocol} ct original proto-dst {_ports(rule)}"
            yield f"{sources} {asked} {port} accept", rule.flow
    yield "counter name dropped_forward drop", ""


def _wire(wire: str, rules: Iterable[Ingress]) -> Iterator[tuple[str, str]]:
    yield f"fib daddr . iif type != local goto drop_{wire}", "address of another wire"
    yield f"{FORGED} goto drop_{wire}", "forged source"
    for rule in rules:
        if rule.wire == wire:
            yield f"ip saddr {{ {_networks(rule.sources)} }} {_match(rule)}", rule.flow
    yield f"goto drop_{wire}", ""


def _drop(wire: str, rate: str) -> Iterator[tuple[str, str]]:
    yield f"counter name dropped_{wire}", ""
    yield f'limit rate {rate} burst 5 packets log prefix "forge drop {wire}: "', ""
    yield "drop", ""


def _match(rule: Ingress) -> str:
    if rule.protocol == "icmp":
        return "icmp type echo-request accept"
    return f"{rule.protocol} dport {_ports(rule)} accept"


def _ports(rule: Ingress) -> str:
    return f"{{ {', '.join(rule.ports)} }}"


def _chain(name: str, rules: Iterable[tuple[str, str]], hook: str = "") -> str:
    lines = [f"type filter {hook} priority filter; policy drop;"] if hook else []
    lines += [f'{rule} comment "{why}"' if why else rule for rule, why in rules]
    return "\n".join([f"chain {name} {{", *(f"\t{line}" for line in lines), "}"])


def _pods(topology: Mapping[str, Any]) -> ipaddress.IPv4Network | None:
    cidr = (topology.get("cluster") or {}).get("pod_cidr")
    return ipaddress.IPv4Network(cidr) if cidr else None


def _networks(sources: Iterable[str]) -> str:
    """Return addresses and networks as elements of a set, none within another."""
    try:
        found = [ipaddress.IPv4Network(source) for source in sources]
    except ValueError as error:
        raise InputError(f"source of a flow: {error}") from error
    if not found:
        raise InputError("a flow has no source")
    wide = [
        *ipaddress.collapse_addresses(net for net in found if net.prefixlen < SINGLE)
    ]
    single = {net for net in found if net.prefixlen == SINGLE}
    # nft refuses overlaps; single addresses stay single, since people read them.
    kept = [net for net in single if not any(net.subnet_of(w) for w in wide)]
    return ", ".join(str(net).removesuffix("/32") for net in sorted([*kept, *wide]))


def _address(text: str) -> str:
    try:
        return str(ipaddress.IPv4Address(text))
    except ValueError as error:
        raise InputError(f"address of a host: {error}") from error


def _name(text: str) -> str:
    if NAME.fullmatch(text) is None:
        raise InputError(f"{text!r} cannot be the name of a flow or wire")
    return text


def _interface(text: str) -> str:
    if INTERFACE.fullmatch(text) is None:
        raise InputError(
            f"{text!r} is not the name of an interface",
            remedy="use names such as cni0, or a beginning with a star: veth*",
        )
    return text
