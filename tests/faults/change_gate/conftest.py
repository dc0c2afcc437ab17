"""The rooms of the change gate's own tests."""

from tests.integration.change_gate.conftest import boundary, forge, make_house

__all__ = ["boundary", "forge", "make_house"]
