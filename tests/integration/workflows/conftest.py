from pathlib import Path

import pytest
from tests.integration.workflows.actions import Clone, make_clone

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    return make_clone(ROOT, tmp_path)
