"""From an inventory's variables to the dict that roles read, or to its findings."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from clawlaw.core.canonical import digest
from forge.topology.findings import Finding
from forge.topology.firewall import Ingress, flow_ranges, named_ports, resolve
from forge.topology.model import Host, Topology
from forge.topology.read import read_topology
from forge.topology.rules import check
from forge.topology.sources import Source, locate


def examine(
    hostvars: Mapping[str, Mapping[str, Any]],
    groups: Mapping[str, Sequence[str]],
    versions: Mapping[str, Any] | None,
    sources: Sequence[Source] = (),
) -> tuple[Topology, tuple[Finding, ...]]:
    """Read and check a whole inventory.

    Args:
        hostvars: Host name to its merged variables.
        groups: Group name to all its members, children included.
        versions: The content of versions.yml, or None to leave pins unchecked.
        sources: The inventory's files, to say where a finding comes from.

    Returns:
        The model, and all findings in their stable order.
    """
    topology, unreadable = read_topology(hostvars, groups, versions)
    findings = sorted([*unreadable, *check(topology)], key=Finding.order)
    return topology, tuple(locate(f, topology, sources) for f in findings)


def describe(topology: Topology) -> dict[str, Any]:
    """Return a valid topology as plain data, with its digest.

    The digest covers everything else in the result, so that two runs can tell
    whether they saw the same platform.
    """
    ingress = resolve(topology)
    names = named_ports(topology)
    data: dict[str, Any] = {
        "name": topology.name,
        "domain": topology.domain,
        "wires": {
            name: {"cidr": str(wire.cidr)} for name, wire in topology.wires.items()
        },
        "cluster": _cluster(topology),
        "controller": {w: str(a) for w, a in topology.controller.items()},
        "ports": {
            name: int(value) if value.isdecimal() else value
            for name, value in names.items()
        },
        "hosts": {
            name: _host(host, ingress[name], topology)
            for name, host in topology.hosts.items()
        },
        "flows": [
            {
                "name": flow.name,
                "from": list(flow.sources),
                "to": list(flow.targets),
                "wire": flow.wire,
                "protocol": flow.protocol,
                "ports": [
                    f"{low}" if low == high else f"{low}-{high}"
                    for low, high in flow_ranges(flow, names)
                ],
                "why": flow.why,
            }
            for flow in topology.flows
        ],
    }
    return {"digest": digest(data), **data}


def _cluster(topology: Topology) -> dict[str, Any]:
    cluster = topology.cluster
    servers = [host for host in topology.hosts.values() if host.is_server]
    if cluster is None or not servers:
        return {}
    return {
        "pod_cidr": str(cluster.pod_cidr),
        "service_cidr": str(cluster.service_cidr),
        "dns_address": str(cluster.dns_address),
        "dns_domain": cluster.dns_domain,
        "api_port": cluster.api_port,
        "api_address": str(servers[0].addresses["cluster"]),
        "server_count": len(servers),
        "servers": [server.name for server in servers],
    }


def _ingress(rule: Ingress) -> dict[str, Any]:
    lists = {"ports": list(rule.ports), "sources": list(rule.sources)}
    return {**msgspec.structs.asdict(rule), **lists}


def _pins(host: Host, topology: Topology) -> dict[str, dict[str, str]]:
    """Return what a host pins: the name in versions.yml, and the version there."""
    pins = topology.pins or {}
    return {
        component: {"artifact": name, "version": pins[name].version}
        for component, name in host.pinned().items()
        if name in pins
    }


def _host(host: Host, ingress: Sequence[Ingress], topology: Topology) -> dict[str, Any]:
    return {
        "tier": host.tier,
        "os": host.os,
        "arch": host.arch,
        "model": host.model,
        "role": host.role,
        "components": list(host.components),
        "memory_gb": host.memory_gb,
        "pins": _pins(host, topology),
        "is_server": host.is_server,
        "is_agent": host.is_agent,
        "addresses": {wire: str(a) for wire, a in host.addresses.items()},
        "labels": dict(host.labels),
        "taints": [
            {"key": t.key, "value": t.value, "effect": t.effect} for t in host.taints
        ],
        "ingress": [_ingress(rule) for rule in ingress],
    }
