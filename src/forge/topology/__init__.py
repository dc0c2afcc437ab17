"""One typed model of the whole inventory, its rules, and what is derived from it."""

from forge.topology.findings import Finding, InvalidTopologyError, report
from forge.topology.hostvars import examine_hostvars
from forge.topology.model import Topology
from forge.topology.resolve import describe, examine
from forge.topology.sources import Source, read_sources

__all__ = [
    "Finding",
    "InvalidTopologyError",
    "Source",
    "Topology",
    "describe",
    "examine",
    "examine_hostvars",
    "read_sources",
    "report",
]
