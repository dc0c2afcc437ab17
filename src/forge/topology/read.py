"""Turns the variables of an inventory into the typed model."""

from collections.abc import Mapping, Sequence
from ipaddress import IPv4Address, IPv4Network
from typing import Any

from forge.models.need import DEFAULT_MEMORY_PERCENT
from forge.topology.findings import Finding, did_you_mean, nearest
from forge.topology.model import (
    WIRES,
    Cluster,
    Flow,
    Host,
    Pin,
    Protocol,
    Taint,
    Topology,
    Wire,
)
from forge.topology.read_models import MODELS, read_models
from forge.topology.schema import (
    GLOBAL_FIELDS,
    HOST_FIELDS,
    KNOWN_FIELDS,
    PREFIX,
    REQUIRED_GLOBAL,
    REQUIRED_HOST,
    ClusterData,
    FlowData,
    Reader,
    TaintData,
    WireData,
)
from forge.topology.windows import WINDOWS, check_windows

ALL = "all"
PROTOCOLS: dict[str, Protocol] = {"tcp": "tcp", "udp": "udp", "icmp": "icmp"}
DEFAULT_ARTIFACT = "k3s"

type Variables = Mapping[str, Any]


def read_topology(
    hostvars: Mapping[str, Variables],
    groups: Mapping[str, Sequence[str]],
    versions: Variables | None,
) -> tuple[Topology, list[Finding]]:
    """Read a whole inventory.

    Args:
        hostvars: Host name to its merged variables.
        groups: Group name to all its members, children included.
        versions: The content of versions.yml, or None to leave pins unchecked.

    Returns:
        The model of everything that could be read, and what could not.
    """
    reader = Reader()
    _report_unknown(reader, hostvars)
    shared = _shared_variables(reader, hostvars)
    members = {name: tuple(hosts) for name, hosts in groups.items()}
    # By name, so that the result does not depend on how the inventory was read.
    hosts = {
        name: _read_host(reader, name, hostvars[name], members)
        for name in sorted(hostvars)
    }
    check_windows(reader, shared.get(WINDOWS))
    topology = Topology(
        name=_scalar(reader, shared, "forge_name"),
        domain=_scalar(reader, shared, "forge_domain"),
        wires=_read_wires(reader, shared),
        cluster=_read_cluster(reader, shared),
        controller=_read_addresses(
            reader, shared.get("forge_controller_addresses"), ALL, _CONTROLLER
        ),
        ports=_read_ports(reader, shared),
        flows=_read_flows(reader, shared),
        components_required=tuple(
            item
            for _, item in reader.entries(
                shared.get("forge_components_required"), str, ALL, _COMPONENTS
            )
        ),
        hosts=hosts,
        groups=members,
        pins=None if versions is None else _read_pins(versions),
        models=read_models(reader, shared.get(MODELS)),
        is_complete=not reader.findings,
    )
    return topology, reader.findings


_CONTROLLER = "forge_controller_addresses"
_COMPONENTS = "forge_components_required"


def _report_unknown(reader: Reader, hostvars: Mapping[str, Variables]) -> None:
    owners: dict[str, list[str]] = {}
    for host, variables in hostvars.items():
        for field in variables:
            if field.startswith(PREFIX) and field not in KNOWN_FIELDS:
                owners.setdefault(field, []).append(host)
    for field, hosts in owners.items():
        everywhere = len(hosts) == len(hostvars) > 1
        reader.complain(
            ALL if everywhere else hosts[0],
            field,
            "is not a variable of the platform",
            did_you_mean(field, KNOWN_FIELDS),
        )


def _means(field: str, variables: Variables) -> bool:
    """Return whether a misspelt variable, reported already, was meant as ``field``."""
    return any(
        nearest(name, KNOWN_FIELDS) == field
        for name in variables
        if name.startswith(PREFIX) and name not in KNOWN_FIELDS
    )


def _shared_variables(reader: Reader, hostvars: Mapping[str, Variables]) -> Variables:
    """Return the variables of group ``all``; hosts that differ are reported."""
    shared: dict[str, Any] = {}
    for field, kind in GLOBAL_FIELDS.items():
        values = {h: v[field] for h, v in hostvars.items() if v.get(field) is not None}
        if not values:
            misspelt = any(_means(field, v) for v in hostvars.values())
            if field in REQUIRED_GLOBAL and not misspelt:
                reader.complain(ALL, field, "is not set", "set it for group all")
            continue
        # The value of most hosts is the platform's; the rest deviate.
        counted = list(values.values())
        reference = max(counted, key=counted.count)
        for host, value in values.items():
            if value != reference:
                reader.complain(
                    host,
                    field,
                    "differs from what the other hosts have",
                    "set it once, for group all, and not for hosts or other groups",
                )
        if _has_container_form(reader, reference, kind, ALL, field):
            shared[field] = reference
    return shared


def _has_container_form(
    reader: Reader, raw: object, kind: object, host: str, field: str
) -> bool:
    """Return whether a list is a list and a map a map; entries are read later."""
    wanted = str(kind).partition("[")[0]
    if wanted == "dict" and not isinstance(raw, Mapping):
        reader.complain(host, field, "expected a map", "write `key: value` lines")
        return False
    if wanted == "list" and not isinstance(raw, list):
        reader.complain(host, field, "expected a list", "write one `- entry` a line")
        return False
    return True


def _scalar(reader: Reader, shared: Variables, field: str) -> str:
    if field not in shared:
        return ""
    return reader.value(shared[field], GLOBAL_FIELDS[field], ALL, field) or ""


def _host_values(reader: Reader, name: str, variables: Variables) -> dict[str, Any]:
    """Return the variables of a host that have the form of a value, list or map."""
    values: dict[str, Any] = {}
    for field, kind in HOST_FIELDS.items():
        raw = variables.get(field)
        if raw is None:
            if field in REQUIRED_HOST and not _means(field, variables):
                reader.complain(name, field, "is not set", f"set it for {name}")
        elif _has_container_form(reader, raw, kind, name, field):
            values[field] = raw
    return values


def _read_host(
    reader: Reader, name: str, variables: Variables, groups: dict[str, tuple[str, ...]]
) -> Host:
    own = frozenset(group for group, hosts in groups.items() if name in hosts)
    values = _host_values(reader, name, variables)

    def entries(field: str, kind: object) -> list[tuple[str, Any]]:
        return list(reader.entries(values.get(field), kind, name, field))

    def scalar(field: str) -> Any:  # noqa: ANN401 - the type of HOST_FIELDS
        raw = values.get(field)
        return (
            None if raw is None else reader.value(raw, HOST_FIELDS[field], name, field)
        )

    taints = [item for _, item in entries("forge_taints", TaintData)]
    addresses = values.get("forge_addresses")
    percent = scalar("forge_model_memory_percent")
    return Host(
        name=name,
        groups=own,
        tier=_tier(own),
        os=scalar("forge_os") or "",
        arch=scalar("forge_arch") or "",
        model=scalar("forge_model") or "",
        role=scalar("forge_role") or "",
        components=tuple(item for _, item in entries("forge_components", str)),
        addresses=_read_addresses(reader, addresses, name, "forge_addresses"),
        labels=dict(entries("forge_labels", str)),
        taints=tuple(Taint(item.key, item.effect, item.value) for item in taints),
        memory_gb=scalar("forge_memory_gb"),
        pins=dict(entries("forge_pins", str)),
        artifact=str(variables.get("k3s_artifact") or DEFAULT_ARTIFACT),
        connect_to=str(variables.get("ansible_host") or ""),
        model_memory_percent=DEFAULT_MEMORY_PERCENT if percent is None else percent,
        model_disk_gb=scalar("forge_model_disk_gb"),
    )


def _tier(groups: frozenset[str]) -> int:
    tiers = {
        tier
        for group, tier in (
            ("k3s_cluster", 1),
            ("k3s_server", 1),
            ("k3s_agent", 1),
            ("boundary", 2),
            ("inference", 3),
        )
        if group in groups
    }
    return tiers.pop() if len(tiers) == 1 else 0


def _read_wires(reader: Reader, shared: Variables) -> dict[str, Wire]:
    wires = {}
    raw = shared.get("forge_wires")
    for name, item in reader.entries(raw, WireData, ALL, "forge_wires"):
        field = f"forge_wires.{name}.cidr"
        if cidr := _network(reader, item.cidr, field):
            wires[name] = Wire(name, cidr)
    return dict(sorted(wires.items(), key=lambda item: _wire_order(item[0])))


def _read_cluster(reader: Reader, shared: Variables) -> Cluster | None:
    if "forge_cluster" not in shared:
        return None
    field = "forge_cluster"
    item = reader.value(shared[field], ClusterData, ALL, field)
    if item is None:
        return None
    return Cluster(
        pod_cidr=_network(reader, item.pod_cidr, f"{field}.pod_cidr"),
        service_cidr=_network(reader, item.service_cidr, f"{field}.service_cidr"),
        dns_address=_address(reader, item.dns_address, ALL, f"{field}.dns_address"),
        dns_domain=item.dns_domain,
        api_port=item.api_port,
    )


def _read_addresses(
    reader: Reader, raw: object, host: str, field: str
) -> dict[str, IPv4Address]:
    addresses = {}
    for wire, text in reader.entries(raw, str, host, field):
        if address := _address(reader, text, host, f"{field}.{wire}"):
            addresses[wire] = address
    return dict(sorted(addresses.items(), key=lambda item: _wire_order(item[0])))


def _wire_order(name: str) -> tuple[int, str]:
    """Sort wires from the cluster outwards."""
    return (WIRES.index(name) if name in WIRES else len(WIRES), name)


def _read_ports(reader: Reader, shared: Variables) -> dict[str, str]:
    raw = shared.get("forge_ports")
    return {
        name: str(value)
        for name, value in reader.entries(raw, str | int, ALL, "forge_ports")
    }


def _read_flows(reader: Reader, shared: Variables) -> tuple[Flow, ...]:
    flows = []
    raw = shared.get("forge_flows")
    item: FlowData
    for _, item in reader.entries(raw, FlowData, ALL, "forge_flows"):
        if item.protocol not in PROTOCOLS:
            reader.complain(
                ALL,
                f"forge_flows[{item.name}].protocol",
                f"{item.protocol} is not a protocol of flows",
                did_you_mean(item.protocol, PROTOCOLS),
            )
            continue
        flows.append(
            Flow(
                name=item.name,
                sources=tuple(item.sources),
                targets=tuple(item.to),
                wire=item.wire,
                protocol=PROTOCOLS[item.protocol],
                ports=tuple(str(port) for port in item.ports),
                why=item.why,
            )
        )
    return tuple(flows)


def _read_pins(versions: Variables) -> dict[str, Pin]:
    """Read the entries of versions.yml as far as the inventory refers to them."""
    pins = {}
    for name, entry in (versions.get("artifacts") or {}).items():
        files = (entry.get("release") or {}).values()
        arches = [frozenset(file.get("sha256") or {}) for file in files]
        # What is built from source is built for the architecture that asks.
        from_source = "module" in entry or not arches
        pins[name] = Pin(
            version=str(entry.get("version", "")),
            arches=None if from_source else frozenset.intersection(*arches),
        )
    return pins


def _network(reader: Reader, text: str, field: str) -> IPv4Network | None:
    try:
        return IPv4Network(text)
    except ValueError:
        pass
    try:
        fix = f"write {IPv4Network(text, strict=False)}"
        message = f"{text} has bits set to the right of its prefix"
    except ValueError:
        fix = "write an IPv4 network such as 192.0.2.0/24"
        message = f"{text} is not an IPv4 network"
    reader.complain(ALL, field, message, fix)
    return None


def _address(reader: Reader, text: str, host: str, field: str) -> IPv4Address | None:
    try:
        return IPv4Address(text)
    except ValueError:
        reader.complain(
            host,
            field,
            f"{text} is not an IPv4 address",
            "write four numbers such as 192.0.2.11, without a prefix length",
        )
        return None
