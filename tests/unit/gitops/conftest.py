"""A checkout with a small GitOps tree."""

from collections.abc import Callable
from pathlib import Path

import pytest

from forge.artifacts import pinfile
from forge.artifacts.pins import Versions

ROOT = Path(__file__).resolve().parents[3]

type Tree = Callable[[dict[str, str]], Versions]


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """Make a checkout that has the project's pins and the files given."""

    def make(texts: dict[str, str]) -> Versions:
        (tmp_path / "versions.yml").write_bytes((ROOT / "versions.yml").read_bytes())
        for name, text in texts.items():
            path = tmp_path / "gitops" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return pinfile.load(tmp_path / "versions.yml")

    return make
