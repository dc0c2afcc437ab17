"""One typed model of the whole inventory, its rules, and what is derived from it."""

from forge.topology.findings import Finding, InvalidTopologyError
from forge.topology.model import Topology
from forge.topology.resolve import describe, examine, resolved
from forge.topology.sources import Source, read_sources

__all__ = [
    "Finding",
    "InvalidTopologyError",
    "Source",
    "Topology",
    "describe",
    "examine",
    "read_sources",
    "resolved",
]
