"""Every file of tests/fixtures/inventory, against what it says of itself."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from forge.topology import Finding, Topology
from forge.topology.rules import RULES, rule_name

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures/inventory"
VALID = sorted((FIXTURES / "valid").glob("*.yml"))
INVALID = sorted((FIXTURES / "invalid").glob("*.yml"))
EXPECTATION = re.compile(r"# expect: rule=(\S+) host=(\S+) field=(.+?) text=(.+)")

type Examined = tuple[Topology, tuple[Finding, ...]]


def expectation(path: Path) -> tuple[str, str, str, str]:
    """Rule, host, field, and a part of the message or the fix."""
    match = EXPECTATION.fullmatch(path.read_text("utf-8").splitlines()[1])
    assert match is not None, f"{path}: line 2 does not say what is expected"
    rule, host, field, text = match.groups()
    return rule, host, field, text


@pytest.mark.parametrize("path", VALID, ids=lambda path: path.stem)
def test_valid_inventory_has_no_finding(
    path: Path, examined: Callable[..., Examined]
) -> None:
    _, findings = examined(path)
    assert [finding.text() for finding in findings] == []


@pytest.mark.parametrize("path", INVALID, ids=lambda path: path.stem)
def test_invalid_inventory_breaks_one_rule(
    path: Path, examined: Callable[..., Examined]
) -> None:
    rule, host, field, text = expectation(path)
    _, findings = examined(path)
    assert {finding.rule for finding in findings} == {rule}
    places = {(finding.host, finding.field) for finding in findings}
    assert (host, field) in places
    said = [f"{finding.message} {finding.fix}" for finding in findings]
    assert any(text in words for words in said), said


@pytest.mark.parametrize("path", INVALID, ids=lambda path: path.stem)
def test_finding_names_file_line_and_fix(
    path: Path, examined: Callable[..., Examined]
) -> None:
    _, findings = examined(path)
    lines = path.read_text("utf-8").splitlines()
    for finding in findings:
        assert finding.file == f"tests/fixtures/inventory/invalid/{path.name}"
        assert 0 < finding.line <= len(lines)
        assert finding.fix
        assert not finding.message.endswith(".")


def test_there_are_many_failure_modes() -> None:
    assert len(INVALID) >= 100
    assert {path.stem for path in VALID} >= {
        "one_node",
        "three_nodes",
        "six_nodes",
        "high_availability",
        "with_arm64",
    }


def test_every_rule_has_an_inventory_that_breaks_it() -> None:
    broken = {expectation(path)[0] for path in INVALID}
    assert broken == {rule_name(rule) for rule in RULES} | {"schema"}
