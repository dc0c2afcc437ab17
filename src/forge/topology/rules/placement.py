"""Rules on what runs where, and at which pinned version."""

from collections.abc import Iterator

from forge.topology.findings import Finding, did_you_mean
from forge.topology.model import (
    ARCHITECTURES,
    COMPONENTS,
    TELEMETRY_COMPONENTS,
    Host,
    Topology,
)

REQUIRED = "forge_components_required"


def unknown_component(topology: Topology) -> Iterator[Finding]:
    """Components are known ones, where placed and where required."""
    for name in topology.components_required:
        if name not in COMPONENTS:
            yield Finding(
                host="all",
                field=f"{REQUIRED}[{name}]",
                message=f"{name} is not a component",
                fix=did_you_mean(name, COMPONENTS),
            )
    for host in topology.hosts.values():
        for name in host.components:
            if name not in COMPONENTS:
                yield Finding(
                    host=host.name,
                    field=f"forge_components[{name}]",
                    message=f"{name} is not a component",
                    fix=did_you_mean(name, COMPONENTS),
                )


def unplaced_component(topology: Topology) -> Iterator[Finding]:
    """Every required component is placed."""
    placed = {name for host in topology.hosts.values() for name in host.components}
    # A misspelt placement is one mistake, not two.
    if not topology.is_complete or placed - COMPONENTS.keys():
        return
    for name in topology.components_required:
        if name in COMPONENTS and name not in placed:
            tiers = " or ".join(str(tier) for tier in sorted(COMPONENTS[name]))
            yield Finding(
                host="all",
                field=f"{REQUIRED}[{name}]",
                message=f"no host has {name}",
                fix=f"add {name} to forge_components of one host of tier {tiers}",
            )


def component_placed_twice(topology: Topology) -> Iterator[Finding]:
    """No required component is placed twice, on two hosts or on one."""
    for name in dict.fromkeys(topology.components_required):
        owners = [
            host.name
            for host in topology.hosts.values()
            for component in host.components
            if component == name
        ]
        for second in owners[1:]:
            yield Finding(
                host=second,
                field=f"forge_components[{name}]",
                message=f"{name} is already placed on {owners[0]}",
                fix=f"remove {name} from {owners[0]} or from {second}",
            )


def component_in_wrong_tier(topology: Topology) -> Iterator[Finding]:
    """Components stay in their tier: the gate on the boundary, managers in cluster."""
    for host in topology.hosts.values():
        for name in host.components:
            tiers = COMPONENTS.get(name)
            if tiers is not None and host.tier and host.tier not in tiers:
                allowed = " or ".join(str(tier) for tier in sorted(tiers))
                yield Finding(
                    host=host.name,
                    field=f"forge_components[{name}]",
                    message=f"{name} must not run in tier {host.tier}",
                    fix=f"move {name} to a host of tier {allowed}",
                )


def telemetry_elsewhere(topology: Topology) -> Iterator[Finding]:
    """Telemetry runs on the observability node, where there is one."""
    nodes = [host for host in topology.in_tier(1) if host.role == "observability"]
    if not nodes:
        return
    for host in topology.hosts.values():
        for name in host.components:
            if name in TELEMETRY_COMPONENTS and host not in nodes:
                yield Finding(
                    host=host.name,
                    field=f"forge_components[{name}]",
                    message=f"{name} is outside the isolated node {nodes[0].name}",
                    fix=f"move {name} to {nodes[0].name}",
                )


def unknown_version(topology: Topology) -> Iterator[Finding]:
    """What a host pins, and the K3s that nodes run, is an entry of versions.yml."""
    if topology.pins is None:
        return
    for host in topology.hosts.values():
        for field, name in _pinned(host):
            if name not in topology.pins:
                yield Finding(
                    host=host.name,
                    field=field,
                    message=f"{name} is not in versions.yml",
                    fix=did_you_mean(name, topology.pins),
                )


def no_pin_for_architecture(topology: Topology) -> Iterator[Finding]:
    """What a host runs is pinned for the host's architecture."""
    for host in topology.hosts.values():
        for field, name in _pinned(host):
            pin = (topology.pins or {}).get(name)
            if pin is None or pin.arches is None or host.arch not in ARCHITECTURES:
                continue
            if host.arch not in pin.arches:
                known = ", ".join(sorted(pin.arches))
                yield Finding(
                    host=host.name,
                    field=field,
                    message=f"{name} {pin.version} is pinned for {known} only, "
                    f"but the host is {host.arch}",
                    fix=f"add {name}.release.{host.arch} to versions.yml",
                )


def _pinned(host: Host) -> Iterator[tuple[str, str]]:
    """Yield field and name in versions.yml of everything that a host pins."""
    for component, name in host.pinned().items():
        is_own = component in host.pins
        yield f"forge_pins.{component}" if is_own else "k3s_artifact", name


RULES = (
    unknown_component,
    unplaced_component,
    component_placed_twice,
    component_in_wrong_tier,
    telemetry_elsewhere,
    unknown_version,
    no_pin_for_architecture,
)
