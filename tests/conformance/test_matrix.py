"""The page of docs is what the matrix says, and the matrix names tests that exist."""

import importlib.machinery
import importlib.util
import json
import re
from pathlib import Path

import pytest
import yaml

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
LISTS = yaml.safe_load((HERE / "matrix.yaml").read_text(encoding="utf-8"))["lists"]
ROWS = [row for one in LISTS for row in one["rows"]]


def test_the_page_is_as_it_is_written() -> None:
    path = str(ROOT / "scripts" / "conformance")
    loader = importlib.machinery.SourceFileLoader("conformance", path)
    spec = importlib.util.spec_from_loader("conformance", loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    written = (ROOT / "docs" / "conformance.md").read_text(encoding="utf-8")
    assert written == module.page(), "make conformance"


SHOWN = [
    (fixture["name"], fixture["shown"])
    for path in sorted((HERE / "cases").glob("*.json"))
    for fixture in json.loads(path.read_text(encoding="utf-8"))
    if "shown" in fixture
]
NAMED = [(row["id"], row["tests"]) for row in ROWS] + SHOWN


@pytest.mark.parametrize(("name", "tests"), NAMED, ids=[name for name, _ in NAMED])
def test_what_is_named_exists(name: str, tests: list[str]) -> None:
    assert tests, name
    for test in tests:
        path, _, function = test.partition("::")
        if path.startswith("cases/"):
            path = f"conformance/{path}.json"
        file = ROOT / "tests" / path
        assert file.exists(), test
        if function:
            source = file.read_text(encoding="utf-8")
            assert re.search(rf"^def {function}\(", source, re.MULTILINE), test


def test_every_list_is_whole() -> None:
    ids = [[row["id"] for row in one["rows"]] for one in LISTS]
    assert ids == [
        [f"0{n}" for n in range(1, 10)],
        [str(n) for n in range(11)],
        [f"R{n}" for n in range(1, 10)],
        [f"ASI{n:02}" for n in range(1, 11)],
    ]


def test_what_is_not_met_says_what_it_waits_for() -> None:
    assert all((row["state"] == "met") != bool(row.get("open")) for row in ROWS)
