"""Plans written by hand, for tests of what is made of a plan."""

from typing import Any

import msgspec

from forge.change.model import (
    BlastRadius,
    Change,
    Effect,
    HostFacts,
    Impact,
    Inputs,
    Kind,
    Plan,
    Scope,
    plan_digest,
)

ROLES: dict[str, tuple[int, str, tuple[str, ...], tuple[str, ...]]] = {
    "control-01": (1, "control", ("k3s_cluster", "k3s_server", "control"), ()),
    "worker-01": (1, "registry", ("k3s_cluster", "k3s_agent"), ("harbor",)),
    "worker-04": (1, "storage", ("k3s_cluster", "k3s_agent"), ("minio",)),
    "worker-05": (1, "observability", ("k3s_cluster", "k3s_agent"), ("prometheus",)),
    "m4-pro": (2, "boundary", ("boundary",), ("clawlaw_gate",)),
    "mac-studio": (3, "studio", ("inference",), ("ollama",)),
}


def host(name: str, **other: Any) -> HostFacts:
    """One host of the room, or another one that is said to be like it."""
    tier, role, groups, components = ROLES.get(name, ROLES["control-01"])
    facts: dict[str, Any] = {
        "name": name,
        "tier": tier,
        "role": role,
        "groups": groups,
        "components": components,
        "is_server": "k3s_server" in groups,
        "is_node": "k3s_cluster" in groups,
    }
    return HostFacts(**(facts | other))


def room(*names: str) -> tuple[HostFacts, ...]:
    """Hosts by name; all of them where none is named."""
    return tuple(host(name) for name in names or ROLES)


def change(host: str = "worker-01", subject: str = "vars.x", **more: Any) -> Change:
    """One difference."""
    given = {"before": "a", "after": "b", "kind": Kind.CHANGED, **more}
    return Change(host=host, subject=subject, **given)


def impact(
    *effects: Effect, hosts: tuple[str, ...] = ("worker-01",), **more: Any
) -> Impact:
    """What one difference does; fields of the change are given with it."""
    return Impact(
        change=change(**{"host": hosts[0] if hosts else "*", **more}),
        hosts=hosts,
        effects=effects,
        services=(),
        minutes=1,
        why="for a test",
    )


def plan(*impacts: Impact, **more: Any) -> Plan:
    """A plan with these impacts; before and after it is the whole room."""
    sha = "sha256:" + "0" * 64
    given: dict[str, Any] = {
        "digest": "",
        "applied_digest": sha,
        "inputs": Inputs(
            inventory=sha, extra_vars=sha, pins=sha, tree=sha, ansible=sha
        ),
        "scope": Scope(),
        "is_first": False,
        "changes": tuple(i.change for i in impacts),
        "impacts": impacts,
        "blast": BlastRadius(),
        "hosts_before": room(),
        "hosts_after": room(),
        **more,
    }
    made = Plan(**given)
    return msgspec.structs.replace(made, digest=plan_digest(made))
