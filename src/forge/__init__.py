"""The Forge: topology, artifacts and testbed of a governed AI platform."""

__version__ = "0.1.0"
