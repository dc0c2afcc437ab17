"""What the effects table asks about a host: its groups, components, tier and role."""

import json
from collections.abc import Mapping

from forge.change.model import HostFacts
from forge.change.snapshot import GROUPS, VARS, Facts, Snapshot

COMPONENT = "component:"
_TIERS = (("boundary", 2), ("inference", 3), ("k3s_cluster", 1))
_NODES = frozenset({"k3s_cluster", "k3s_server", "k3s_agent"})
_WANTED = (GROUPS, VARS + "forge_components", VARS + "forge_role")


def host_facts(snapshot: Snapshot) -> dict[str, HostFacts]:
    """Return what is asked about every host of a snapshot."""
    return {name: _read(name, facts) for name, facts in snapshot.hosts.items()}


def touched(facts: HostFacts, where: tuple[str, ...]) -> bool:
    """Whether a row is about a host.

    Args:
        facts: Of the host, before or after the change.
        where: Groups and ``component:NAME``; empty for every host.
    """
    if not where:
        return True
    # A host whose components cannot be told may run any of them.
    every = facts.components == (UNTOLD,)
    return any(
        (every or word.removeprefix(COMPONENT) in facts.components)
        if word.startswith(COMPONENT)
        else word in facts.groups
        for word in where
    )


UNTOLD = "?"  # in place of components that are a template or not a list


def _read(name: str, facts: Facts) -> HostFacts:
    groups, components, role = (
        json.loads(facts[subject]) if subject in facts else None for subject in _WANTED
    )
    groups = tuple(groups or ())
    return HostFacts(
        name=name,
        tier=next((tier for group, tier in _TIERS if group in groups), 0),
        role=role if isinstance(role, str) else "",
        groups=groups,
        components=_components(components),
        is_server="k3s_server" in groups,
        is_node=not _NODES.isdisjoint(groups),
    )


def _components(value: object) -> tuple[str, ...]:
    if value is None:
        return ()
    if isinstance(value, list) and all(
        isinstance(item, str) and "{" not in item for item in value
    ):
        return tuple(sorted(set(value)))
    return (UNTOLD,)


def by_name(found: Mapping[str, HostFacts]) -> tuple[HostFacts, ...]:
    """Return facts in the order of their hosts' names."""
    return tuple(found[name] for name in sorted(found))
