"""Every module's documentation is YAML, as `ansible-doc` needs it."""

import ast
from pathlib import Path

import pytest
import yaml

MODULES = Path(__file__).parents[3] / (
    "collections/ansible_collections/forge/platform/plugins/modules"
)


@pytest.mark.parametrize("path", sorted(MODULES.glob("*.py")), ids=lambda p: p.stem)
def test_documentation_examples_and_returns_are_yaml(path: Path) -> None:
    found = {
        node.targets[0].id: yaml.safe_load(str(node.value.value))
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and isinstance(node.value, ast.Constant)
        and node.targets[0].id in {"DOCUMENTATION", "EXAMPLES", "RETURN"}
    }
    assert found["DOCUMENTATION"]["module"] == path.stem
    assert found["EXAMPLES"]
    assert found["RETURN"]
