"""Rules on single machines: names, kinds, groups, memory, connection."""

import re
from collections.abc import Iterable, Iterator
from ipaddress import AddressValueError, IPv4Address

from forge.topology.findings import Finding, did_you_mean
from forge.topology.model import (
    ARCHITECTURES,
    CONTROLLER,
    MINIMUM_MEMORY_GB,
    OPERATING_SYSTEMS,
    PODS,
    ROLES,
    Host,
    Topology,
)

# RFC 1123, section 2.1, in the lower-case form that Kubernetes requires of nodes.
LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
DOMAIN_MAX = 253  # RFC 1035, section 2.3.4, without the final dot

RESERVED_NAMES = frozenset({"all", "localhost", "ungrouped", CONTROLLER, PODS})


def host_name(topology: Topology) -> Iterator[Finding]:
    """A host name is one RFC 1123 label in lower case, and not a reserved word."""
    for name in topology.hosts:
        if name in RESERVED_NAMES:
            message, fix = f"{name} is a reserved word", "give the host its own name"
        elif LABEL.fullmatch(name) is None:
            message = f"{name} is not a host name"
            fix = "use 1 to 63 of a-z, 0-9 and -, with a letter or digit at both ends"
        else:
            continue
        yield Finding(host=name, field="inventory_hostname", message=message, fix=fix)


def name_clash(topology: Topology) -> Iterator[Finding]:
    """No host has the name of a group."""
    for name in topology.hosts:
        if name in topology.groups:
            yield Finding(
                host=name,
                field="inventory_hostname",
                message=f"{name} is also the name of a group",
                fix="rename one of them, since flows refer to both by name",
            )


def platform_name(topology: Topology) -> Iterator[Finding]:
    """forge_name is an RFC 1123 label, forge_domain and dns_domain are DNS names."""
    cluster = topology.cluster
    domains = {"forge_domain": topology.domain}
    if cluster is not None:
        domains["forge_cluster.dns_domain"] = cluster.dns_domain
    named = {"forge_name": topology.name} if topology.name else {}
    for field, text in {**named, **domains}.items():
        labels = [text] if field == "forge_name" else text.split(".")
        valid = all(LABEL.fullmatch(label) for label in labels)
        if text and not (valid and len(text) <= DOMAIN_MAX):
            yield Finding(
                host="all",
                field=field,
                message=f"{text} is not a DNS name",
                fix="use labels of a-z, 0-9 and -, such as forge.internal",
            )


def unknown_kind(topology: Topology) -> Iterator[Finding]:
    """Operating system, architecture and role are known ones."""
    for host in topology.hosts.values():
        for field, value, known in (
            ("forge_os", host.os, OPERATING_SYSTEMS),
            ("forge_arch", host.arch, ARCHITECTURES),
            ("forge_role", host.role, ROLES),
        ):
            choices: Iterable[str] = known
            if value and value not in choices:
                yield Finding(
                    host=host.name,
                    field=field,
                    message=f"{value} is not known",
                    fix=did_you_mean(value, choices),
                )


def os_group(topology: Topology) -> Iterator[Finding]:
    """Every host is in the group of its operating system, linux or macos, only."""
    for host in topology.hosts.values():
        right = OPERATING_SYSTEMS.get(host.os)
        if right is None or host.tier == 0:
            continue
        for group in sorted(set(OPERATING_SYSTEMS.values())):
            if (group in host.groups) != (group == right):
                yield _group_finding(host, "forge_os", host.os, group, right)


def role_group(topology: Topology) -> Iterator[Finding]:
    """Every host is in the group of its role, and in no other role's group."""
    groups = sorted(group for group in ROLES.values() if group is not None)
    for host in topology.hosts.values():
        if host.role not in ROLES or host.tier == 0:
            continue
        right = ROLES[host.role]
        for group in groups:
            if (group in host.groups) != (group == right):
                yield _group_finding(host, "forge_role", host.role, group, right)


def no_tier(topology: Topology) -> Iterator[Finding]:
    """Every host is in k3s_cluster, boundary or inference."""
    for host in topology.hosts.values():
        if not host.is_node and not host.groups & {"boundary", "inference"}:
            yield Finding(
                host=host.name,
                field="groups",
                message="is in none of the groups k3s_cluster, boundary, inference",
                fix="add it to k3s_server or k3s_agent (tier I), boundary (tier II) "
                "or inference (tier III), or remove it",
            )


def too_little_memory(topology: Topology) -> Iterator[Finding]:
    """A machine has the memory that its role needs, where the memory is stated."""
    for host in topology.hosts.values():
        needed = MINIMUM_MEMORY_GB.get(host.role)
        if host.memory_gb is not None and needed and host.memory_gb < needed:
            yield Finding(
                host=host.name,
                field="forge_memory_gb",
                message=f"{host.memory_gb} GB is too little for role {host.role}, "
                f"which needs {needed}",
                fix=f"move the role to a machine with at least {needed} GB",
            )


def wrong_machine(topology: Topology) -> Iterator[Finding]:
    """ansible_host never leads to another host of the inventory."""
    owners = {
        address: host.name
        for host in topology.hosts.values()
        for address in host.addresses.values()
    }
    for host in topology.hosts.values():
        try:
            target = IPv4Address(host.connect_to)
        except AddressValueError:
            continue  # a name or a template: only the connection can tell
        owner = owners.get(target, host.name)
        if owner != host.name and target not in host.addresses.values():
            yield Finding(
                host=host.name,
                field="ansible_host",
                message=f"{target} is the address of {owner}",
                fix=f"connect to one of {host.name}'s own addresses",
            )


def _group_finding(
    host: Host, field: str, value: str, group: str, right: str | None
) -> Finding:
    if group == right:
        message = f"{value} is not in group {group}"
        fix = f"add {host.name} to group {group}, or correct {field}"
    else:
        message = f"{value}, but the host is in group {group}"
        fix = f"remove {host.name} from group {group}, or correct {field}"
    return Finding(host=host.name, field=field, message=message, fix=fix)


RULES = (
    host_name,
    name_clash,
    platform_name,
    unknown_kind,
    os_group,
    role_group,
    no_tier,
    too_little_memory,
    wrong_machine,
)
