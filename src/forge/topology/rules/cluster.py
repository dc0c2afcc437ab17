"""Rules on the Kubernetes cluster: members, ranges, labels, taints."""

import re
from collections.abc import Iterator

from forge.topology.findings import Finding, did_you_mean
from forge.topology.firewall import PORT_MAX
from forge.topology.model import (
    DEDICATED_TAINT,
    OPERATING_SYSTEMS,
    ROLE_LABEL,
    ROLES,
    Host,
    Taint,
    Topology,
)

VOTERS_MAX = 7  # etcd's FAQ: more voters make writes slower and nothing safer
NODE_PREFIX = 24  # Pod range that K3s and kube-controller-manager give one node
UNPRIVILEGED = 1024  # first port that needs no privilege
SERVICE_PREFIX_MIN = 12  # kube-apiserver refuses more than 20 bits of Services

EFFECTS = ("NoExecute", "NoSchedule", "PreferNoSchedule")

# Source: Kubernetes, "Labels and Selectors", syntax and character set.
NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")
DNS = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")
PREFIX_MAX = 253

# A kubelet may set no label below these domains except the listed prefixes.
# Source: Kubernetes, "Admission Controllers", NodeRestriction.
RESERVED_DOMAINS = ("kubernetes.io", "k8s.io")
ALLOWED_PREFIXES = ("kubelet.kubernetes.io", "node.kubernetes.io")

ROLES_WITH_OWN_NODE = ("observability", "inference")


def no_server(topology: Topology) -> Iterator[Finding]:
    """A cluster with agents has a server."""
    agents = topology.in_group("k3s_agent")
    if agents and not topology.in_group("k3s_server"):
        yield Finding(
            host="k3s_server",
            field="hosts",
            message=f"no server, but {len(agents)} agents that would join it",
            fix="move one host from k3s_agent to k3s_server",
        )


def even_server_count(topology: Topology) -> Iterator[Finding]:
    """The number of servers is odd and at most seven, so that etcd has a majority."""
    # A host that is an agent as well is another finding.
    count = sum(not host.is_agent for host in topology.in_group("k3s_server"))
    if count and (count % 2 == 0 or count > VOTERS_MAX):
        message = f"{count} servers stand no more failures than {count - 1} would"
        fix = f"use {count - 1} or {count + 1} servers"
        if count > VOTERS_MAX:
            message = f"{count} servers are more voters than etcd is made for"
            fix = f"use {VOTERS_MAX} servers"
        yield Finding(host="k3s_server", field="hosts", message=message, fix=fix)


def server_and_agent(topology: Topology) -> Iterator[Finding]:
    """A node is a server or an agent, never both and never neither."""
    for host in topology.hosts.values():
        if host.is_server and host.is_agent:
            message = "is in both k3s_server and k3s_agent"
        elif host.is_node and not (host.is_server or host.is_agent):
            message = "is in k3s_cluster, but in neither k3s_server nor k3s_agent"
        else:
            continue
        yield Finding(
            host=host.name,
            field="groups",
            message=message,
            fix="keep it in k3s_server if it holds the control plane, else k3s_agent",
        )


def node_outside_cluster_group(topology: Topology) -> Iterator[Finding]:
    """k3s_server and k3s_agent are children of k3s_cluster."""
    for host in topology.hosts.values():
        if (host.is_server or host.is_agent) and "k3s_cluster" not in host.groups:
            yield Finding(
                host=host.name,
                field="groups",
                message="is a server or agent outside the group k3s_cluster",
                fix="make k3s_server and k3s_agent children of k3s_cluster",
            )


def macos_in_cluster(topology: Topology) -> Iterator[Finding]:
    """Cluster nodes run Linux."""
    for host in topology.in_tier(1):
        if OPERATING_SYSTEMS.get(host.os) == "macos":
            yield Finding(
                host=host.name,
                field="forge_os",
                message="a cluster node cannot run macOS, which has no kubelet",
                fix="install Linux, or move the host to boundary or inference",
            )


def dns_address(topology: Topology) -> Iterator[Finding]:
    """The cluster's DNS address is a free one inside the Service range."""
    cluster = topology.cluster
    if cluster is None or cluster.service_cidr is None or cluster.dns_address is None:
        return
    cidr, address = cluster.service_cidr, cluster.dns_address
    taken = {
        cidr.network_address: "the network address",
        cidr[1]: "the address of the Service kubernetes",
        cidr.broadcast_address: "the broadcast address",
    }
    if address not in cidr:
        message = f"{address} is outside the Service range {cidr}"
    elif address in taken:
        message = f"{address} is {taken[address]} of {cidr}"
    else:
        return
    yield Finding(
        host="all",
        field="forge_cluster.dns_address",
        message=message,
        fix=f"use {cidr[min(10, cidr.num_addresses - 2)]}, the tenth of the range",
    )


def range_size(topology: Topology) -> Iterator[Finding]:
    """The Pod range has a /24 for every node, the Service range at most 20 bits."""
    cluster = topology.cluster
    if cluster is None:
        return
    nodes = len(topology.in_tier(1))
    pods, services = cluster.pod_cidr, cluster.service_cidr
    if pods is not None and 2 ** max(0, NODE_PREFIX - pods.prefixlen) < nodes:
        yield Finding(
            host="all",
            field="forge_cluster.pod_cidr",
            message=f"{pods} has no /{NODE_PREFIX} for each of {nodes} nodes",
            fix="use a larger range, such as 10.42.0.0/16",
        )
    if services is not None and services.prefixlen < SERVICE_PREFIX_MIN:
        yield Finding(
            host="all",
            field="forge_cluster.service_cidr",
            message=f"{services} is larger than the API server accepts",
            fix=f"use a prefix of {SERVICE_PREFIX_MIN} or more, such as 10.43.0.0/16",
        )


def api_port(topology: Topology) -> Iterator[Finding]:
    """The API server's port is a port number that needs no privilege."""
    cluster = topology.cluster
    if cluster is not None and not UNPRIVILEGED <= cluster.api_port <= PORT_MAX:
        yield Finding(
            host="all",
            field="forge_cluster.api_port",
            message=f"{cluster.api_port} is not in {UNPRIVILEGED} to {PORT_MAX}",
            fix="use 6443, K3s's default",
        )


def bad_label(topology: Topology) -> Iterator[Finding]:
    """Labels have the syntax of Kubernetes."""
    for host in topology.hosts.values():
        for key, value in host.labels.items():
            if problem := key_problem(key) or value_problem(value):
                yield Finding(
                    host=host.name,
                    field=f"forge_labels.{key}",
                    message=problem,
                    fix="write [domain/]name: value, of at most 63 letters, digits, "
                    "'-', '_' and '.'",
                )


def reserved_label(topology: Topology) -> Iterator[Finding]:
    """Labels keep out of kubernetes.io and k8s.io, where nodes may not set them."""
    for host in topology.hosts.values():
        for key in host.labels:
            domain, slash, _ = key.partition("/")
            if slash and _below(domain, RESERVED_DOMAINS):
                if _below(domain, ALLOWED_PREFIXES):
                    continue
                yield Finding(
                    host=host.name,
                    field=f"forge_labels.{key}",
                    message=f"{domain} is reserved by Kubernetes",
                    fix="use a label of your own domain, such as forge.dev/...",
                )


def role_label(topology: Topology) -> Iterator[Finding]:
    """Every cluster node carries forge.dev/role with its role."""
    for host in topology.in_tier(1):
        value = host.labels.get(ROLE_LABEL)
        if host.role in ROLES and value != host.role:
            found = "is not set" if value is None else f"is {value}"
            yield Finding(
                host=host.name,
                field=f"forge_labels.{ROLE_LABEL}",
                message=f"{found}, but the role is {host.role}",
                fix=f"set {ROLE_LABEL}: {host.role}, which workloads select",
            )


def bad_taint(topology: Topology) -> Iterator[Finding]:
    """Taints have the syntax and effects of Kubernetes."""
    for host in topology.hosts.values():
        for taint in host.taints:
            problem = key_problem(taint.key) or value_problem(taint.value)
            fix = "write key: [domain/]name and value: of at most 63 characters"
            if problem is None and taint.effect not in EFFECTS:
                problem = f"{taint.effect} is not an effect"
                fix = did_you_mean(taint.effect, EFFECTS)
            if problem is not None:
                yield Finding(
                    host=host.name,
                    field=f"forge_taints[{taint.key}]",
                    message=problem,
                    fix=fix,
                )


def duplicate_taint(topology: Topology) -> Iterator[Finding]:
    """A node has one taint for each key and effect."""
    for host in topology.hosts.values():
        seen: set[tuple[str, str]] = set()
        for taint in host.taints:
            pair = (taint.key, taint.effect)
            if pair in seen:
                yield Finding(
                    host=host.name,
                    field=f"forge_taints[{taint.key}]",
                    message=f"{taint.key} with {taint.effect} is there twice",
                    fix="keep one; Kubernetes knows one value per key and effect",
                )
            seen.add(pair)


def node_data_outside_cluster(topology: Topology) -> Iterator[Finding]:
    """Only cluster nodes have labels and taints."""
    for host in topology.hosts.values():
        if host.is_node:
            continue
        for field, present in (
            ("forge_labels", host.labels),
            ("forge_taints", host.taints),
        ):
            if present:
                yield Finding(
                    host=host.name,
                    field=field,
                    message="is set on a host that is not a cluster node",
                    fix="remove it; only Kubernetes reads it",
                )


def dedicated_taint(topology: Topology) -> Iterator[Finding]:
    """Telemetry and inference nodes are tainted forge.dev/dedicated=ROLE:NoSchedule."""
    for host in topology.in_tier(1):
        if host.role not in ROLES_WITH_OWN_NODE:
            continue
        wanted = Taint(DEDICATED_TAINT, "NoSchedule", host.role)
        if wanted not in host.taints and not _has_typo(host):
            yield Finding(
                host=host.name,
                field="forge_taints",
                message=f"the {host.role} node has no taint {wanted}",
                fix=f"add {{key: {wanted.key}, value: {wanted.value}, "
                f"effect: {wanted.effect}}}",
            )


def evicting_taint(topology: Topology) -> Iterator[Finding]:
    """The telemetry node has no NoExecute taint, which would strand its volumes."""
    for host in topology.in_tier(1):
        for taint in host.taints:
            if host.role == "observability" and taint.effect == "NoExecute":
                yield Finding(
                    host=host.name,
                    field=f"forge_taints[{taint.key}]",
                    message="NoExecute keeps the volume provisioner's Pods away",
                    fix="use NoSchedule",
                )


def nothing_schedulable(topology: Topology) -> Iterator[Finding]:
    """At least one node has no NoSchedule or NoExecute taint."""
    nodes = topology.in_tier(1)
    closed = [
        node
        for node in nodes
        if any(taint.effect in ("NoSchedule", "NoExecute") for taint in node.taints)
    ]
    if nodes and len(closed) == len(nodes):
        yield Finding(
            host="k3s_cluster",
            field="forge_taints",
            message="every node is tainted, so that no ordinary Pod can run",
            fix="remove the taint of one node",
        )


def key_problem(key: str) -> str | None:
    """Return what is wrong with the key of a label or taint, or None."""
    domain, slash, name = key.rpartition("/")
    if slash and (DNS.fullmatch(domain) is None or len(domain) > PREFIX_MAX):
        return f"{domain} is not a DNS domain"
    if NAME.fullmatch(name) is None:
        return f"{name or 'an empty text'} is not a name of 1 to 63 characters"
    return None


def value_problem(value: str) -> str | None:
    """Return what is wrong with the value of a label or taint, or None."""
    if value and NAME.fullmatch(value) is None:
        return f"{value} is not a value of at most 63 characters"
    return None


def _below(domain: str, parents: tuple[str, ...]) -> bool:
    return any(domain == p or domain.endswith(f".{p}") for p in parents)


def _has_typo(host: Host) -> bool:
    """Whether another rule already speaks about the dedicated taint."""
    return any(
        taint.key == DEDICATED_TAINT
        and taint.effect not in ("", "PreferNoSchedule")
        and (taint.effect not in EFFECTS or taint.effect == "NoExecute")
        for taint in host.taints
    )


RULES = (
    no_server,
    even_server_count,
    server_and_agent,
    node_outside_cluster_group,
    macos_in_cluster,
    dns_address,
    range_size,
    api_port,
    bad_label,
    reserved_label,
    role_label,
    bad_taint,
    duplicate_taint,
    node_data_outside_cluster,
    dedicated_taint,
    evicting_taint,
    nothing_schedulable,
)
