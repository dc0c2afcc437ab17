"""Real gates to be broken, ended with their test."""

from tests.integration.gate.conftest import house, make_house

__all__ = ["house", "make_house"]
