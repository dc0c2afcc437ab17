"""The borders between the packages (docs/adr/0015-two-wheels.md), read from imports."""

import ast
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src"
# What would make a decision depend on the machine, the hour or chance.
IMPURE = frozenset(
    {
        "asyncio",
        "datetime",
        "io",
        "multiprocessing",
        "os",
        "pathlib",
        "random",
        "secrets",
        "socket",
        "subprocess",
        "tempfile",
        "threading",
        "time",
        "uuid",
    }
)
BORDERS = [
    pytest.param("", {"ansible"}, id="src imports no Ansible"),
    pytest.param("clawlaw", {"forge", "ansible_runner"}, id="the gate stands alone"),
    pytest.param("clawlaw/core", IMPURE, id="the core is pure"),
]


def imports(source: str) -> set[str]:
    """Top-level packages that a module imports, wherever in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
    return found


def crossings(folder: Path, forbidden: set[str]) -> list[str]:
    """One line for each module that imports something forbidden."""
    return [
        f"{path.relative_to(folder)}: {name}"
        for path in sorted(folder.rglob("*.py"))
        for name in sorted(imports(path.read_text(encoding="utf-8")) & forbidden)
    ]


@pytest.mark.parametrize(("folder", "forbidden"), BORDERS)
def test_no_border_is_crossed(folder: str, forbidden: set[str]) -> None:
    assert any((SOURCE / folder).rglob("*.py"))
    assert crossings(SOURCE / folder, forbidden) == []


def test_the_core_imports_no_other_part_of_the_gate() -> None:
    outside = [
        f"{path.name}: {node.module}"
        for path in sorted((SOURCE / "clawlaw" / "core").rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom)
        and (node.module or "").startswith("clawlaw")
        and not f"{node.module}.".startswith("clawlaw.core.")
    ]
    assert outside == []


def test_both_wheels_have_one_version() -> None:
    files = (ROOT / "pyproject.toml", SOURCE / "clawlaw" / "pyproject.toml")
    versions = {
        tomllib.loads(file.read_text("utf-8"))["project"]["version"] for file in files
    }
    assert len(versions) == 1


def test_crossings_are_found(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "late.py").write_text("def f():\n    import os.path\n")
    (tmp_path / "direct.py").write_text("from time import monotonic\n")
    (tmp_path / "own.py").write_text("from .time import monotonic\nimport timeit\n")
    assert crossings(tmp_path, {"os", "time"}) == [
        "deep/late.py: os",
        "direct.py: time",
    ]
