"""docs/composition.md says what the code does."""

import ast
import re
from importlib.resources import files
from pathlib import Path

from clawlaw.core import composition

ROOT = Path(__file__).resolve().parents[4]
PAGE = (ROOT / "docs" / "composition.md").read_text(encoding="utf-8")


def test_every_setting_stands_there_with_its_default() -> None:
    rows = re.findall(r"^\| `([\w.]+)` \| (\d+) \|", PAGE, re.MULTILINE)
    assert {name: int(value) for name, value in rows} == composition.SETTINGS
    assert [name for name, _ in rows] == sorted(composition.SETTINGS)


def test_every_pattern_stands_there_with_its_law() -> None:
    rows = re.findall(r"^\| ([a-z_]+) \| (\d+) \|", PAGE, re.MULTILINE)
    found = {m.PATTERN.name: m.PATTERN.law for m in composition.PATTERNS}
    assert {name: int(law) for name, law in rows} == found


def test_every_module_says_what_it_means_and_from_when() -> None:
    for module in composition.PATTERNS:
        # Of the source: a compiled module has none.
        file = files(composition).joinpath(f"{module.PATTERN.name}.py")
        text = ast.get_docstring(ast.parse(file.read_text("utf-8"))) or ""
        for word in ("Meaning:", "Window:", "Threshold:"):
            assert f"\n\n{word}" in text, (module.PATTERN.name, word)
        for name, value in module.PATTERN.settings.items():
            assert f"`{name}`" in text, name
            assert f"({value:,}" in text, name
