"""Rules on the form of flows, and on the flows that nothing works without."""

from collections import Counter
from collections.abc import Iterator

from forge.topology.findings import Finding, did_you_mean
from forge.topology.firewall import (
    PORT_MAX,
    Ingress,
    end_hosts,
    expand,
    flow_ranges,
    named_ports,
    permits,
    port_range,
    resolve,
)
from forge.topology.model import (
    API_PORT,
    CONTROLLER,
    EVERY_WIRE,
    PODS,
    SSH_PORT,
    TIER_WIRES,
    Flow,
    Host,
    Topology,
)
from forge.topology.rules.hosts import LABEL
from forge.topology.rules.separation import refused

# Kubernetes's NodePort range, the widest that anything here has a use for.
WIDEST_RANGE = 32767 - 30000 + 1
ETCD_PORTS = (2379, 2380)  # client and peer


def flow_name(topology: Topology) -> Iterator[Finding]:
    """Flow names are RFC 1123 labels, each used once."""
    counted = Counter(flow.name for flow in topology.flows)
    for name, count in counted.items():
        if LABEL.fullmatch(name) is None:
            message = f"{name or 'an empty text'} is not a name"
            fix = "use a-z, 0-9 and -, such as k3s-api"
        elif count > 1:
            message, fix = f"{count} flows have this name", "name each differently"
        else:
            continue
        yield Finding(
            host="all", field=f"forge_flows[{name}].name", message=message, fix=fix
        )


def flow_without_reason(topology: Topology) -> Iterator[Finding]:
    """Every flow says why it is there."""
    for flow in topology.flows:
        if not flow.why.strip():
            yield _finding(
                flow, "why", "is empty", "say what needs the flow, in one sentence"
            )


def unknown_end(topology: Topology) -> Iterator[Finding]:
    """The ends of a flow are hosts, groups, controller, or (as source) pods."""
    for flow in topology.flows:
        for field, ends, words in (
            ("from", flow.sources, (CONTROLLER, PODS)),
            ("to", flow.targets, ()),
        ):
            known = {*topology.hosts, *topology.groups, *words}
            for end in ends:
                if end not in known:
                    message = f"{end} is neither a host nor a group"
                    yield _finding(flow, field, message, did_you_mean(end, known))


def empty_end(topology: Topology) -> Iterator[Finding]:
    """Each end of a flow has at least one host."""
    for flow in topology.flows:
        for field, ends in (("from", flow.sources), ("to", flow.targets)):
            if not ends:
                yield _finding(flow, field, "names nobody", "name a host or a group")
            for end in ends:
                is_group = end in topology.groups and end not in topology.hosts
                if is_group and not expand(end, topology):
                    message = f"the group {end} has no hosts"
                    yield _finding(flow, field, message, "remove the flow or the end")


def flow_to_itself(topology: Topology) -> Iterator[Finding]:
    """A flow leaves its host: a host to itself needs none."""
    for flow in topology.flows:
        ends = {*flow.sources}
        if ends == {*flow.targets} and len(ends) == 1 and ends <= {*topology.hosts}:
            message = f"{flow.targets[0]} is both ends"
            fix = "remove the flow; a host always reaches itself"
            yield _finding(flow, "to", message, fix)


def flow_on_unknown_wire(topology: Topology) -> Iterator[Finding]:
    """A flow runs on a declared wire; on every wire only from the controller."""
    known = {*topology.wires, EVERY_WIRE}
    for flow in topology.flows:
        if flow.wire not in known and topology.is_complete:
            message = f"{flow.wire} is not a wire in forge_wires"
            yield _finding(flow, "wire", message, did_you_mean(flow.wire, known))
        if flow.wire == EVERY_WIRE and flow.sources != (CONTROLLER,):
            message = "only a flow from the controller alone may use every wire"
            yield _finding(flow, "wire", message, "name the wire that the flow needs")


def end_off_wire(topology: Topology) -> Iterator[Finding]:
    """Both ends of a flow have an address on its wire."""
    for flow in topology.flows:
        if flow.wire not in topology.wires or not topology.is_complete:
            continue
        for field, ends in (("from", flow.sources), ("to", flow.targets)):
            for host in end_hosts(ends, topology):
                # A host off its own tier's wire, of no clear tier, or that no wire
                # would make a permitted source is another finding already.
                needed, _ = TIER_WIRES.get(host.tier, (None, None))
                if needed is None or (
                    field == "from" and refused(flow, host, topology)
                ):
                    continue
                if flow.wire not in {*host.addresses, *needed}:
                    yield _finding(
                        flow,
                        field,
                        f"{host.name} has no address on wire {flow.wire}",
                        f"take {host.name} out of this end, or use another wire",
                    )


def bad_port(topology: Topology) -> Iterator[Finding]:
    """Ports are numbers from 1 to 65535, ranges low-high, or names of forge_ports."""
    names = named_ports(topology)
    for name, value in topology.ports.items():
        if port_range(value, {}) is None or name == API_PORT:
            reserved = name == API_PORT
            yield Finding(
                host="all",
                field=f"forge_ports.{name}",
                message=(
                    f"{name} always means forge_cluster.api_port"
                    if reserved
                    else f"{value} is not a port or a range of ports"
                ),
                fix="remove it" if reserved else f"use 1 to {PORT_MAX} or low-high",
            )
    for flow in topology.flows:
        for port in flow.ports:
            if port_range(port, names) is None and port not in names:
                fix = f"use 1 to {PORT_MAX}, low-high, or a name of forge_ports"
                if port[:1].isalpha() and names:
                    fix = did_you_mean(port, names)
                message = f"{port or 'an empty text'} is not a port"
                yield _finding(flow, "ports", message, fix)


def ports_of_protocol(topology: Topology) -> Iterator[Finding]:
    """TCP and UDP flows name ports, ICMP flows do not."""
    for flow in topology.flows:
        if flow.protocol == "icmp" and flow.ports:
            yield _finding(flow, "ports", "ICMP has no ports", "remove ports")
        if flow.protocol != "icmp" and not flow.ports:
            message = f"a {flow.protocol} flow without ports would open all of them"
            yield _finding(flow, "ports", message, "list the ports")


def wide_open(topology: Topology) -> Iterator[Finding]:
    """A flow opens at most 2768 ports, the size of the NodePort range."""
    names = named_ports(topology)
    for flow in topology.flows:
        count = sum(high - low + 1 for low, high in flow_ranges(flow, names))
        if count > WIDEST_RANGE:
            message = f"opens {count} ports"
            yield _finding(flow, "ports", message, "list the ports that are served")


def duplicate_flow(topology: Topology) -> Iterator[Finding]:
    """No two flows permit exactly the same."""
    names = named_ports(topology)
    seen: dict[object, str] = {}
    for flow in topology.flows:
        what = (
            frozenset(flow.sources),
            frozenset(flow.targets),
            flow.wire,
            flow.protocol,
            tuple(flow_ranges(flow, names)),
        )
        first = seen.setdefault(what, flow.name)
        if first != flow.name:
            message = f"permits exactly what {first} permits"
            yield _finding(flow, "name", message, f"remove {flow.name} or {first}")


def ssh_lost(topology: Topology) -> Iterator[Finding]:
    """The controller reaches SSH on every host: the firewall never locks it out."""
    if not topology.is_complete:
        return
    rules = resolve(topology)
    bounds = port_range(SSH_PORT, {SSH_PORT: topology.ports.get(SSH_PORT, "22")})
    for host in topology.hosts.values():
        shared = host.addresses.keys() & topology.controller.keys() & {*topology.wires}
        if bounds is None or not shared:
            continue
        if not any(
            permits(rule, "tcp", bounds[0], topology.controller[wire])
            for wire in shared
            for rule in rules[host.name]
        ):
            yield Finding(
                host=host.name,
                field="forge_flows",
                message=f"no flow lets the controller reach TCP port {bounds[0]}, "
                "so the firewall would lock Ansible out",
                fix=f"add {host.name} to a flow from controller with ports [ssh]",
            )


def control_plane_unreachable(topology: Topology) -> Iterator[Finding]:
    """Nodes reach the API on every server, and servers each other's etcd."""
    cluster = topology.cluster
    if cluster is None or not topology.is_complete:
        return
    rules = resolve(topology)
    servers = [host for host in topology.in_group("k3s_server") if not host.is_agent]
    for server in servers:
        for node in topology.in_tier(1):
            needed = [cluster.api_port, *(ETCD_PORTS if node in servers else ())]
            missing = _closed(node, server, needed, rules)
            if node is not server and missing:
                ports = ", ".join(str(port) for port in missing)
                yield Finding(
                    host=node.name,
                    field="forge_flows",
                    message=f"no flow lets it reach {server.name} on TCP {ports}",
                    fix="add a flow on wire cluster, from [k3s_cluster] to [k3s_server]"
                    if missing == [cluster.api_port]
                    else "add a flow on wire cluster between members of k3s_server",
                )


def _closed(
    node: Host, server: Host, ports: list[int], rules: dict[str, tuple[Ingress, ...]]
) -> list[int]:
    """Return the ports of a server that a node's cluster address cannot reach."""
    source = node.addresses.get("cluster")
    if source is None or "cluster" not in server.addresses:
        return []
    return [
        port
        for port in ports
        if not any(permits(rule, "tcp", port, source) for rule in rules[server.name])
    ]


def _finding(flow: Flow, field: str, message: str, fix: str) -> Finding:
    return Finding(
        host="all", field=f"forge_flows[{flow.name}].{field}", message=message, fix=fix
    )


RULES = (
    flow_name,
    flow_without_reason,
    unknown_end,
    empty_end,
    flow_to_itself,
    flow_on_unknown_wire,
    end_off_wire,
    bad_port,
    ports_of_protocol,
    wide_open,
    duplicate_flow,
    ssh_lost,
    control_plane_unreachable,
)
