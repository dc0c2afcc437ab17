"""Rules that keep the governed away from the governor.

The cluster manages policy, the boundary enforces it. Nothing in the cluster may
administer the boundary, and the boundary holds no key of the cluster.
"""

from collections.abc import Iterator

from forge.topology.findings import Finding
from forge.topology.firewall import end_hosts, flow_ranges, named_ports, port_range
from forge.topology.model import (
    CONTROLLER,
    GATE_PORT,
    PODS,
    ROLES,
    TIER_BOUNDARY,
    TIER_CLUSTER,
    TIER_INFERENCE,
    Flow,
    Host,
    Topology,
)

# Ways to administer a machine: SSH, Apple Remote Desktop, screen sharing, Docker,
# libvirt. Only the controller has them, towards every tier.
ADMIN_PORTS = (22, 2375, 2376, 3283, 5900, 16509)
# Ways to administer a cluster, beside the API: kubelet and etcd.
CLUSTER_PORTS = (2379, 2380, 10250)
OUTSIDE = (TIER_BOUNDARY, TIER_INFERENCE)


def boundary_in_cluster(topology: Topology) -> Iterator[Finding]:
    """Boundary and inference hosts are never cluster nodes, nor each other."""
    for host in topology.hosts.values():
        kinds = sorted(host.groups & {"boundary", "inference"})
        if host.is_node and kinds:
            yield Finding(
                host=host.name,
                field="groups",
                message=f"is in group {kinds[0]} and is a cluster node",
                fix=f"remove it from {kinds[0]} or from the cluster; the cluster must "
                "not run on a machine that governs it",
            )
        elif len(kinds) > 1:
            yield Finding(
                host=host.name,
                field="groups",
                message="is in both boundary and inference",
                fix="keep it in one; models are reached through the gate only",
            )


def second_boundary(topology: Topology) -> Iterator[Finding]:
    """There is one boundary host, since two gates would split the record."""
    boundary = topology.in_tier(TIER_BOUNDARY)
    for host in boundary[1:]:
        yield Finding(
            host=host.name,
            field="groups",
            message=f"{boundary[0].name} is already the boundary",
            fix="keep one host in group boundary",
        )


def flow_into_boundary(topology: Topology) -> Iterator[Finding]:
    """Only controller, policy node and tier III start connections to the boundary."""
    fix = "take it out: of the cluster only the policy node may, to the gate"
    return _intrusions(topology, TIER_BOUNDARY, fix)


def policy_beyond_gate(topology: Topology) -> Iterator[Finding]:
    """The policy node reaches nothing on the boundary but the gate's port."""
    names = named_ports(topology)
    gate = port_range(GATE_PORT, names)
    for flow, target, source in _crossings(topology, TIER_BOUNDARY):
        if source.role == "policy" and source.tier == TIER_CLUSTER:
            ranges = flow_ranges(flow, names)
            if flow.protocol != "tcp" or any(bounds != gate for bounds in ranges):
                yield _refusal(
                    flow,
                    f"{source.name} would reach more of {target.name} than the gate",
                    f"use protocol tcp and ports [{GATE_PORT}]",
                    field="ports",
                )


def flow_into_inference(topology: Topology) -> Iterator[Finding]:
    """Only the controller and the boundary start connections to tier III."""
    fix = "take it out: models are reached through the gate only"
    return _intrusions(topology, TIER_INFERENCE, fix)


def administration_across_tiers(topology: Topology) -> Iterator[Finding]:
    """Ports that administer a host are open to the controller only."""
    for flow in topology.flows:
        ports = _covered(flow, ADMIN_PORTS, topology)
        sources = [end for end in flow.sources if end != CONTROLLER]
        if ports and sources and flow.protocol == "tcp":
            yield _refusal(
                flow,
                f"would let {', '.join(sources)} administer hosts on port {ports[0]}",
                "keep controller as the only source, or drop the port",
            )


def cluster_key_on_boundary(topology: Topology) -> Iterator[Finding]:
    """Tiers II and III never reach the Kubernetes API, a kubelet or etcd."""
    cluster = topology.cluster
    if cluster is None:
        return
    for flow in topology.flows:
        ports = _covered(flow, (cluster.api_port, *CLUSTER_PORTS), topology)
        outside = [h for h in end_hosts(flow.sources, topology) if h.tier in OUTSIDE]
        nodes = [h for h in end_hosts(flow.targets, topology) if h.tier == TIER_CLUSTER]
        if ports and outside and nodes and flow.protocol == "tcp":
            yield _refusal(
                flow,
                f"would let {outside[0].name} administer the cluster on port "
                f"{ports[0]}",
                "take it out; the boundary holds no key of the cluster",
            )


def pods_leave_cluster(topology: Topology) -> Iterator[Finding]:
    """Pods are a source for cluster nodes on wire cluster only."""
    for flow in topology.flows:
        outside = [h for h in end_hosts(flow.targets, topology) if h.tier in OUTSIDE]
        if PODS in flow.sources and (outside or flow.wire != "cluster"):
            yield _refusal(
                flow,
                "would let every Pod reach beyond the cluster's own wire",
                "use wire cluster and targets of tier I",
            )


def refused(flow: Flow, source: Host, topology: Topology) -> bool:
    """Return whether a host may never be a source of a flow with these targets."""
    tiers = {target.tier for target in end_hosts(flow.targets, topology)}
    if source.tier != TIER_CLUSTER or source.role not in ROLES:
        return False  # an unknown role is another finding
    return TIER_INFERENCE in tiers or (
        TIER_BOUNDARY in tiers and source.role != "policy"
    )


def _crossings(topology: Topology, tier: int) -> Iterator[tuple[Flow, Host, Host]]:
    """Yield flow, target and source for every pair of hosts that enters a tier."""
    for flow in topology.flows:
        targets = [h for h in end_hosts(flow.targets, topology) if h.tier == tier]
        for source in end_hosts(flow.sources, topology) if targets else ():
            if source.tier not in (0, tier):
                yield flow, targets[0], source


def _intrusions(topology: Topology, tier: int, fix: str) -> Iterator[Finding]:
    """Yield a finding for every flow that starts where it must not, into a tier."""
    for flow, target, source in _crossings(topology, tier):
        if refused(flow, source, topology):
            yield _refusal(
                flow, f"{source.name} must not start connections to {target.name}", fix
            )


def _covered(flow: Flow, ports: tuple[int, ...], topology: Topology) -> list[int]:
    ranges = flow_ranges(flow, named_ports(topology))
    return [port for port in ports if any(a <= port <= b for a, b in ranges)]


def _refusal(flow: Flow, message: str, fix: str, field: str = "from") -> Finding:
    return Finding(
        host="all", field=f"forge_flows[{flow.name}].{field}", message=message, fix=fix
    )


RULES = (
    boundary_in_cluster,
    second_boundary,
    flow_into_boundary,
    policy_beyond_gate,
    flow_into_inference,
    administration_across_tiers,
    cluster_key_on_boundary,
    pods_leave_cluster,
)
