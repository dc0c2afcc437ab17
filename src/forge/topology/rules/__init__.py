"""Every rule between the parts of an inventory, and the check that applies them.

A rule is a function of the topology that yields findings. Its name, with hyphens,
is the rule's name in reports; the first line of its docstring is its row in
docs/inventory.md. Rules are pure and do not depend on each other's order.
"""

from collections.abc import Callable, Iterator

import msgspec

from forge.topology.findings import Finding
from forge.topology.model import Topology
from forge.topology.rules import (
    cluster,
    flows,
    hosts,
    models,
    placement,
    separation,
    wires,
)

type Rule = Callable[[Topology], Iterator[Finding]]

RULES: tuple[Rule, ...] = (
    *wires.RULES,
    *hosts.RULES,
    *cluster.RULES,
    *placement.RULES,
    *flows.RULES,
    *separation.RULES,
    *models.RULES,
)


def rule_name(rule: Rule) -> str:
    """Return the name of a rule as reports show it."""
    return rule.__name__.replace("_", "-")


def check(topology: Topology) -> list[Finding]:
    """Return the findings of all rules, each with its rule's name."""
    return [
        msgspec.structs.replace(finding, rule=rule_name(rule))
        for rule in RULES
        for finding in rule(topology)
    ]
