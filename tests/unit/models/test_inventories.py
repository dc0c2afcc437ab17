"""What the inventories declare of models, against the files where they are known."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from forge.models.inspect import differences, inspect
from forge.testbed import models as model_files
from forge.testbed import noise
from forge.topology.model import UNRESOLVED, Model
from forge.topology.read_models import read_models
from forge.topology.schema import Reader

ROOT = Path(__file__).resolve().parents[3]

type Declared = Callable[[str], dict[str, Model]]


@pytest.fixture
def declared() -> Declared:
    files = {"forge": "forge/group_vars/all/models.yml", "testbed": "testbed/hosts.yml"}

    def read(inventory: str) -> dict[str, Model]:
        text = (ROOT / "inventory" / files[inventory]).read_text("utf-8")
        data: dict[str, Any] = yaml.safe_load(text)
        data = data.get("all", {}).get("vars", data)
        reader = Reader()
        found = read_models(reader, data["forge_models"])
        assert reader.findings == []
        return {model.name: model for model in found}

    return read


def test_generated_model_is_the_declared_one(
    declared: Declared, tmp_path: Path
) -> None:
    noise.write(tmp_path)
    assert differences(inspect(tmp_path), declared("testbed")["noise-mlx"]) == []


def test_real_small_model_is_the_pinned_one(declared: Declared) -> None:
    model = declared("testbed")["gemma3-270m"]
    assert model.digest == f"sha256:{model_files.GGUF_SHA256}"


def test_every_model_of_the_testbed_has_its_digest(declared: Declared) -> None:
    for model in declared("testbed").values():
        assert model.digest != UNRESOLVED
        assert set(model.hosts) == {"m4-pro", "mac-studio"}


def test_each_engine_has_a_small_and_a_large_model(declared: Declared) -> None:
    """8 and 70 billion parameters: the sizes that are compared on the machines."""
    found = {(m.engine, m.size > 30 * 10**9) for m in declared("forge").values()}
    assert found == {(e, large) for e in ("ollama", "mlx") for large in (True, False)}
