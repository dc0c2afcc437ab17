"""The rooms of the change gate's own tests."""

from tests.integration.change_gate.conftest import forge

__all__ = ["forge"]
