"""Gates and proxies of their own suites."""

from tests.integration.gate.conftest import make_house
from tests.integration.inference.conftest import make_lab, own_engine

__all__ = ["make_house", "make_lab", "own_engine"]
