"""The CI workflow runs what people run, with actions that cannot change."""

import re
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[3]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
USES = re.compile(r"uses:\s*(\S.*)")
PINNED = re.compile(r"[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+(\.\d+)*")
MAKE = re.compile(r"\bmake ([a-z][a-z-]*)")


def unpinned(text: str) -> list[str]:
    """The actions that are not pinned by commit with their version beside it."""
    return [item for item in USES.findall(text) if not PINNED.fullmatch(item)]


def test_every_action_is_pinned_by_commit() -> None:
    assert WORKFLOWS
    for file in WORKFLOWS:
        text = file.read_text(encoding="utf-8")
        assert USES.search(text)
        assert unpinned(text) == [], file.name


def test_workflows_call_targets_of_the_makefile() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    called = {name for file in WORKFLOWS for name in MAKE.findall(file.read_text())}
    assert {"check", "test"} <= called
    for name in called:
        assert re.search(rf"^{name}:", makefile, re.MULTILINE), name


def test_workflows_may_only_read_the_repository() -> None:
    for file in WORKFLOWS:
        workflow = yaml.safe_load(file.read_text(encoding="utf-8"))
        assert workflow["permissions"] == {"contents": "read"}, file.name


def test_unpinned_actions_are_found() -> None:
    good = f"actions/checkout@{'a' * 40} # v5.0.0"
    bad = ["actions/checkout@v5", f"actions/checkout@{'a' * 40}", "a/b@main # v1"]
    text = "\n".join(f"- uses: {item}" for item in [good, *bad])
    assert unpinned(text) == bad
