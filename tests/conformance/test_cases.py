"""Every behavioural case of the specification, against what was ruled of it."""

import json
from pathlib import Path
from typing import Any

import pytest

from clawlaw.core.decision import Decision

from .properties import PROPERTIES
from .reference import NUMBERS, WORDS, Case, Fixture, said

CASES = Path(__file__).parent / "cases"
FIXTURES: list[tuple[str, Fixture]] = [
    (f"{path.stem}/{fixture['name']}", fixture)
    for path in sorted(CASES.glob("*.json"))
    for fixture in json.loads(path.read_text(encoding="utf-8"))
]
RUN = [(name, f) for name, f in FIXTURES if not {"open", "shown"} & f.keys()]


def check_after(case: Case, after: dict[str, Any]) -> None:
    if "spend" in after:
        assert case.spend == after["spend"]
    if "level" in after:
        assert case.session.level == after["level"]
    if "ceiling" in after:
        assert case.session.scope.budgets["tokens"] == after["ceiling"]


def check(case: Case, expected: dict[str, Any], decision: Decision | None) -> None:
    if "decision" in expected:
        word = "deny" if decision is None else WORDS[decision.verdict]
        assert word == expected["decision"], decision and decision.reason
    for law, wanted in expected.get("trace", {}).items():
        assert decision is not None
        assert NUMBERS.get(law, 8) in decision.laws
        assert wanted in {"any", said(law, decision)}
    if "reason_contains" in expected:
        assert decision is not None
        reasons = " ".join(finding.reason for finding in decision.findings)
        assert any(word in reasons for word in synonyms(expected["reason_contains"]))
    if "consumed" in expected:
        assert decision is not None
        assert len(decision.delta.consumed) == expected["consumed"]
    if expected.get("action_id"):
        assert decision is not None
        assert decision.action.startswith("sha256:")
    if "policy" in expected:
        assert case.policy.name == expected["policy"]
    if expected.get("cost") == 0:
        assert case.spend == 0
    check_after(case, expected.get("after", {}))
    if "level" in expected:
        assert case.session.level == expected["level"]


def synonyms(word: str) -> tuple[str, ...]:
    """The published word, and how this kernel says it to a person."""
    return (word, {"gated": "nearly used up", "budget": "are spent"}.get(word, word))


@pytest.mark.parametrize(("name", "fixture"), RUN, ids=[name for name, _ in RUN])
def test_case(name: str, fixture: Fixture) -> None:
    expected = fixture["expected"]["ruled"]
    if "property" in expected:
        PROPERTIES[expected["property"]](fixture)
        return
    if expected.get("state") == "refused":
        PROPERTIES["corrupt_state_refused"](fixture)
        return
    case = Case(fixture)
    given = fixture["input"]
    for action, wanted in zip(
        given.get("steps", []), expected.get("steps", []), strict=True
    ):
        check(case, wanted, case.act(action))
    decision = case.act(given["action"]) if "action" in given else None
    check(case, {k: v for k, v in expected.items() if k != "steps"}, decision)
    assert "steps" in given or len(expected) > 0, name


def test_a_ruling_is_named_wherever_it_differs() -> None:
    for name, fixture in FIXTURES:
        expected = fixture["expected"]
        if expected["published"] != expected["ruled"]:
            assert expected["ruling"], name


def test_what_is_open_says_what_it_waits_for() -> None:
    waiting = {
        fixture["open"].partition(":")[0]
        for _, fixture in FIXTURES
        if "open" in fixture
    }
    assert waiting <= {"log", "queue"}
