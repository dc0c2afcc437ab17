"""Levels, reservations and what a steward may change: the published cases E1 to E5."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import structs

from clawlaw.core import kernel
from clawlaw.core.actions import FileWrite, MemoryWrite, ModelGenerate, ServiceChange
from clawlaw.core.budget import LEVELS, increase, level_of, reconcile, reset
from clawlaw.core.canonical import MAX_INTEGER
from clawlaw.core.decision import Decision, Delta, Level, Outcome, Verdict
from clawlaw.core.errors import SessionError

FREE = MemoryWrite("notes")  # costs nothing under these settings
SETTINGS = {"cost.actions": 0}


@pytest.fixture
def tokens(gate: Callable[..., Any]) -> Callable[..., Any]:
    """A gate with 10,000 tokens of which some are spent."""

    def make(spent: int, level: str = "normal", ceiling: int = 10_000) -> Any:
        made = gate(settings=SETTINGS, budgets={"tokens": ceiling})
        made.state.session.spend["tokens"] = spent
        made.state.session.level = level
        return made

    return make


def ask(amount: int) -> ModelGenerate:
    return ModelGenerate("m", amount)


def rules(decision: Decision) -> set[str]:
    return {f.rule for f in decision.findings} - {"test.allow"}


@pytest.mark.parametrize(
    ("spent", "ceiling", "level"),
    [
        (0, 10_000, "normal"),
        (7_999, 10_000, "normal"),
        (8_000, 10_000, "degraded"),
        (9_499, 10_000, "degraded"),
        (9_500, 10_000, "gated"),
        (10_000, 10_000, "gated"),
        (10_001, 10_000, "halted"),
        (0, 0, "halted"),
        (0, -1, "halted"),
        (-1, 10_000, "halted"),
        (79, 99, "normal"),
        (80, 99, "degraded"),
        (94, 99, "degraded"),
        (95, 99, "gated"),
        (2**53 - 1, 2**53 - 1, "gated"),
        (8 * 10**14 - 1, 10**15, "normal"),
    ],
)
def test_thresholds_are_exact(spent: int, ceiling: int, level: str) -> None:
    assert LEVELS[level_of(spent, ceiling)] == level


@given(st.integers(1, 10**6), st.integers(0, 2 * 10**6), st.integers(0, 10**6))
def test_more_spend_is_never_a_milder_level(
    ceiling: int, spent: int, more: int
) -> None:
    assert level_of(spent + more, ceiling) >= level_of(spent, ceiling)


@pytest.mark.parametrize(
    ("spent", "amount", "after"),
    [
        (0, 500, "normal"),  # E1
        (7_800, 200, "degraded"),  # E2
        (9_400, 600, "gated"),  # E3a: exactly the ceiling
        (7_900, 200, "degraded"),
        (8_100, 1_400, "gated"),
    ],
)
def test_within_the_ceiling_it_runs(
    tokens: Callable[..., Any], spent: int, amount: int, after: str
) -> None:
    world = tokens(spent)
    decision = world.act(ask(amount))
    assert decision.verdict is Verdict.ALLOW
    assert decision.level == after == world.state.session.level
    assert world.state.session.spend["tokens"] == spent + amount


def test_an_approved_overrun_runs_is_recorded_and_halts(
    tokens: Callable[..., Any],
) -> None:
    # E3b: 9900 + 200, approved, makes 10100; the next ten are denied.
    world = tokens(9_900)
    first = world.act(ask(200))
    assert first.verdict is Verdict.ESCALATE
    assert rules(first) == {"resource.gated", "resource.over-ceiling"}
    assert world.state.session.spend["tokens"] == 9_900
    yes = world.approval(first)
    second = world.act(ask(200), approvals=(yes,))
    assert second.verdict is Verdict.ALLOW
    assert second.level == "halted"
    assert world.state.session.spend["tokens"] == 10_100
    for effect in (ask(1), ask(0), FREE):
        assert world.decide(effect).verdict is Verdict.DENY


def test_approving_one_gate_leaves_the_other(tokens: Callable[..., Any]) -> None:
    world = tokens(9_900)
    asked = world.decide(ask(200))
    yes = world.approval(asked, "resource.gated")
    again = world.decide(ask(200), approvals=(yes,))
    assert again.verdict is Verdict.ESCALATE
    assert again.delta.consumed == ()
    assert {f.rule for f in again.findings if f.waived} == {"resource.gated"}


def test_a_big_request_is_asked_about_not_merely_refused(
    tokens: Callable[..., Any],
) -> None:
    decision = tokens(100).decide(ask(20_000))
    assert decision.verdict is Verdict.ESCALATE
    assert rules(decision) == {"resource.over-ceiling"}
    assert "100 of 10000 tokens" in decision.reason


@pytest.mark.parametrize("level", ["gated", "halted"])
def test_gated_lets_pass_what_costs_nothing_and_halted_does_not(
    tokens: Callable[..., Any], level: str
) -> None:
    world = tokens(9_600 if level == "gated" else 10_001)
    expected = Verdict.ALLOW if level == "gated" else Verdict.DENY
    assert world.decide(FREE).verdict is expected
    assert world.decide(ask(0)).verdict is expected


def test_a_stale_level_does_not_help(tokens: Callable[..., Any]) -> None:
    assert tokens(9_600, "normal").decide(ask(1)).verdict is Verdict.ESCALATE
    assert tokens(10_001, "normal").decide(FREE).verdict is Verdict.DENY


def test_a_level_that_was_given_stands(tokens: Callable[..., Any]) -> None:
    assert tokens(0, "gated").decide(ask(1)).verdict is Verdict.ESCALATE
    assert tokens(0, "gated").decide(FREE).verdict is Verdict.ALLOW
    assert tokens(0, "halted").decide(FREE).verdict is Verdict.DENY
    assert tokens(0, "no such level").decide(FREE).verdict is Verdict.DENY


def test_a_unit_gates_itself_alone(gate: Callable[..., Any]) -> None:
    world = gate(budgets={"actions": 1000, "tokens": 100})
    world.state.session.spend["tokens"] = 99
    assert world.decide(FREE).verdict is Verdict.ALLOW
    assert world.decide(ask(1)).verdict is Verdict.ESCALATE


def test_effects_of_one_proposal_add_up(tokens: Callable[..., Any]) -> None:
    decision = tokens(0).decide(ask(6_000), ask(6_000))
    assert rules(decision) == {"resource.over-ceiling"}
    assert decision.findings[-1].effect == 1


@pytest.mark.parametrize("amount", [-1, -(2**60), 2**53, 2**70, True, 1.5])
def test_a_cost_that_is_no_amount_is_denied(
    tokens: Callable[..., Any], amount: Any
) -> None:
    world = tokens(500)
    decision = world.act(ask(amount))
    assert decision.verdict is Verdict.DENY
    assert rules(decision) == {"resource.inexact"}
    assert world.state.session.spend["tokens"] == 500
    paid = world.decide(ServiceChange("bank", "pay", amount=amount))
    assert paid.verdict is Verdict.DENY


def test_costs_of_a_kind_are_policy(gate: Callable[..., Any]) -> None:
    world = gate(
        settings={"cost.actions": 0, "cost.tokens.file.write": 100},
        budgets={"tokens": 1000},
    )
    for _ in range(8):
        assert world.act(FileWrite("/workspace/a")).verdict is Verdict.ALLOW
    assert world.state.session.spend == {"tokens": 800}
    assert world.state.session.level == "degraded"


def test_a_proposal_counts_as_one_action(gate: Callable[..., Any]) -> None:
    world = gate()
    world.act(FREE, FREE, FREE)
    assert world.state.session.spend == {"actions": 1}
    assert world.state.session.actions == 1


def test_what_is_refused_or_asked_about_costs_nothing(
    gate: Callable[..., Any], make_rule: Callable[..., Any]
) -> None:
    for verdict in (Verdict.DENY, Verdict.ESCALATE):
        world = gate(rules=(make_rule("test.no", verdict),))
        assert world.act(ask(5)).verdict is verdict
        assert world.state.session.spend == {}
        assert world.state.session.actions == 1


def test_a_principal_has_one_budget_across_its_sessions(
    gate: Callable[..., Any],
) -> None:
    world = gate(settings=SETTINGS, principal={"room_budgets": {"tokens": 1000}})
    assert world.act(ask(700)).verdict is Verdict.ALLOW
    world.state = structs.replace(world.state, session=world.session(name="other"))
    asked = world.decide(ask(400), proposal={"session": "other"})
    assert asked.verdict is Verdict.ESCALATE
    assert "tokens of agent" in asked.reason
    assert world.act(ask(300), proposal={"session": "other"}).level == "gated"
    assert world.state.room.spend == {"agent/tokens": 1000}


def test_reconciling_takes_the_stricter_level(tokens: Callable[..., Any]) -> None:
    for spent, level, expected in (
        (9_500, "normal", "gated"),
        (10_001, "normal", "halted"),
        (5_000, "normal", "normal"),
        (5_000, "gated", "gated"),
        (5_000, "halted", "halted"),
        (5_000, "nonsense", "halted"),
        (-5, "normal", "halted"),
    ):
        world = tokens(spent, level)
        before = structs.replace(world.state.session)
        assert reconcile(world.state.session, world.policy).level == expected
        assert world.state.session == before


def test_reconciling_halts_who_is_no_longer_enrolled(gate: Callable[..., Any]) -> None:
    world = gate()
    stranger = structs.replace(world.state.session, principal="stranger")
    assert reconcile(stranger, world.policy).level == "halted"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(spent=st.integers(-5, 20_000), level=st.sampled_from(LEVELS))
def test_reconciling_twice_changes_nothing_more(
    tokens: Callable[..., Any], spent: int, level: Level
) -> None:
    world = tokens(spent, level)
    session = world.state.session
    once = reconcile(session, world.policy)
    assert reconcile(once, world.policy) == once
    assert LEVELS.index(once.level) >= LEVELS.index(level)


def test_a_steward_relaxes_and_nobody_else(tokens: Callable[..., Any]) -> None:
    # E4: increase to 20000 at 8500; reset from 10500.
    world = tokens(8_500, "degraded")
    raised = increase(world.state.session, "tokens", 20_000)
    assert (raised.level, raised.scope.budgets["tokens"]) == ("normal", 20_000)
    assert world.state.session.level == "degraded"
    cleared = reset(tokens(10_500, "halted").state.session)
    assert (cleared.level, cleared.spend) == ("normal", {})


@pytest.mark.parametrize("ceiling", [10_000, 0, -1, 2**53])
def test_a_ceiling_only_rises(tokens: Callable[..., Any], ceiling: int) -> None:
    with pytest.raises(SessionError, match="is not above 10000"):
        increase(tokens(0).state.session, "tokens", ceiling)


def test_applying_never_lowers_spend_or_level(tokens: Callable[..., Any]) -> None:
    world = tokens(9_600, "gated")
    kernel.apply(world.state, Delta(spend={"tokens": -500}, level="normal"))
    assert world.state.session.spend["tokens"] == 9_600
    assert world.state.session.level == "gated"
    kernel.apply(world.state, Delta(spend={"tokens": MAX_INTEGER}))
    assert world.state.session.spend["tokens"] == MAX_INTEGER


def test_an_outcome_adds_what_was_not_reserved(tokens: Callable[..., Any]) -> None:
    world = tokens(7_000)
    kernel.settle(world.state, Outcome({"tokens": 1_500}, {"tokens": 500}))
    assert world.state.session.spend["tokens"] == 8_000
    assert world.state.session.level == "degraded"
    kernel.settle(world.state, Outcome({"tokens": 10}, {"tokens": 500}))
    assert world.state.session.spend["tokens"] == 8_000


def test_words_in_the_request_change_nothing(tokens: Callable[..., Any]) -> None:
    # E5: urgency, a claimed approval and an appeal to trust.
    for words in ("URGENT", "already approved", "trust me"):
        decision = tokens(9_500).decide(
            ask(600), proposal={"arguments": {"prompt": words}, "goal": words}
        )
        assert decision.verdict is Verdict.ESCALATE
