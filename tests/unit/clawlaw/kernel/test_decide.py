"""The order of verdicts, what nothing allows, approvals, what is refused at once."""

from collections.abc import Callable
from typing import Any

import pytest
from msgspec import structs

from clawlaw.core.actions import (
    MAX_EFFECTS,
    FileDelete,
    FileRead,
    FileWrite,
    Opaque,
    PolicyChange,
    SystemRead,
)
from clawlaw.core.decision import Verdict
from clawlaw.core.kernel import EVALUATED, apply
from clawlaw.core.state import Scope

READ = FileRead("/workspace/a")
WRITE = FileWrite("/workspace/a")
STATUS = SystemRead("uptime")

type Make = Callable[..., Any]


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ((Verdict.ALLOW, Verdict.ESCALATE, Verdict.DENY), Verdict.DENY),
        ((Verdict.ALLOW, Verdict.ESCALATE), Verdict.ESCALATE),
        ((Verdict.ALLOW, Verdict.DENY), Verdict.DENY),
        ((Verdict.ALLOW,), Verdict.ALLOW),
        ((Verdict.ESCALATE,), Verdict.ESCALATE),
        ((Verdict.ABSTAIN,), Verdict.DENY),
        ((Verdict.ALLOW, Verdict.ABSTAIN), Verdict.ALLOW),
        ((), Verdict.DENY),
    ],
)
def test_the_strictest_rule_decides(
    gate: Make, make_rule: Make, verdicts: tuple[Verdict, ...], expected: Verdict
) -> None:
    for order in (verdicts, verdicts[::-1]):
        rules = tuple(make_rule(f"test.r{i}", v) for i, v in enumerate(order))
        decision = gate(rules=rules).decide(STATUS)
        assert decision.verdict is expected
        # All of them are in the trace, whatever decided.
        said = {f.rule for f in decision.findings if f.rule.startswith("test.")}
        assert said == {r.id for r in rules}


def test_the_worst_effect_decides(gate: Make, make_rule: Make) -> None:
    rules = (
        make_rule("test.read", Verdict.ALLOW, "file.read"),
        make_rule("test.delete", Verdict.DENY, "file.delete"),
    )
    world = gate(rules=rules)
    decision = world.decide(READ, FileDelete("/workspace/a"), READ)
    assert decision.verdict is Verdict.DENY
    assert decision.reason == "test.delete applies"
    assert decision.remedy == "remedy of test.delete"
    assert [f.effect for f in decision.findings] == [0, 1, 2]


def test_what_no_law_allows_is_denied(gate: Make, make_rule: Make) -> None:
    decision = gate(rules=(make_rule("t.a", Verdict.ALLOW, "file.read"),)).decide(
        READ, STATUS
    )
    assert decision.verdict is Verdict.DENY
    assert decision.reason == "no law allows system.read here"


def test_an_escalation_of_the_kernel_claims_nothing(gate: Make) -> None:
    # Were the gate of the budget waived, the effect would still be allowed by nobody.
    world = gate(rules=(), budgets={"actions": 100})
    world.state.session.spend["actions"] = 95
    decision = world.decide(STATUS)
    assert {f.rule for f in decision.findings} == {
        "authority.unclaimed",
        "resource.gated",
    }
    assert decision.verdict is Verdict.DENY


def test_what_is_not_understood_escalates(gate: Make) -> None:
    decision = gate(rules=()).decide(Opaque("a coprocess", "coproc x"))
    assert decision.verdict is Verdict.ESCALATE
    assert decision.reason == "not understood: a coprocess"


def test_every_law_is_evaluated(gate: Make) -> None:
    decision = gate().decide(STATUS)
    assert decision.laws == EVALUATED == (0, 1, 2, 3, 4, 5, 6, 8, 9, 10)


@pytest.mark.parametrize("law", EVALUATED)
def test_a_rule_of_every_law_is_heard(gate: Make, make_rule: Make, law: int) -> None:
    allow = make_rule("test.allow", Verdict.ALLOW)
    world = gate(rules=(allow, make_rule("test.no", Verdict.DENY, law=law)))
    finding = next(f for f in world.decide(STATUS).findings if f.rule == "test.no")
    assert (finding.law, finding.verdict) == (law, Verdict.DENY)


@pytest.mark.parametrize("law", EVALUATED)
@pytest.mark.parametrize(
    ("asks", "verdict"),
    [
        (Verdict.ALLOW, Verdict.ALLOW),
        (Verdict.ESCALATE, Verdict.ESCALATE),
        (Verdict.DENY, Verdict.DENY),
        (Verdict.ABSTAIN, Verdict.DENY),  # all abstain
    ],
)
def test_a_law_alone_allows_asks_refuses_or_abstains(
    gate: Make, make_rule: Make, law: int, asks: Verdict, verdict: Verdict
) -> None:
    decision = gate(rules=(make_rule("test.one", asks, law=law),)).decide(STATUS)
    assert decision.verdict is verdict
    assert ("authority.unclaimed" in {f.rule for f in decision.findings}) == (
        asks is Verdict.ABSTAIN
    )


@pytest.mark.parametrize("law", EVALUATED)
def test_a_law_whose_rule_does_not_apply_says_nothing(
    gate: Make, make_rule: Make, law: int
) -> None:
    other = make_rule("test.other", Verdict.DENY, law=law, test=lambda *_: False)
    decision = gate(rules=(make_rule("test.allow", Verdict.ALLOW), other)).decide(
        STATUS
    )
    assert decision.verdict is Verdict.ALLOW
    assert {f.rule for f in decision.findings} == {"test.allow"}


def test_a_rule_that_raises_denies(gate: Make, make_rule: Make) -> None:
    def broken(_effect: object, _view: object) -> bool:
        raise ZeroDivisionError

    for verdict in (Verdict.ALLOW, Verdict.ESCALATE, Verdict.DENY):
        rules = (
            make_rule("test.allow", Verdict.ALLOW),
            make_rule("test.broken", verdict, test=broken),
        )
        decision = gate(rules=rules).decide(STATUS)
        assert decision.verdict is Verdict.DENY
        assert decision.reason == "the rule cannot be evaluated (ZeroDivisionError)"


@pytest.mark.parametrize("answer", [None, 1, 0, "yes", ""])
def test_a_rule_that_says_neither_yes_nor_no_denies(
    gate: Make, make_rule: Make, answer: object
) -> None:
    rules = (make_rule("test.odd", Verdict.ALLOW, test=lambda *_: answer),)
    assert gate(rules=rules).decide(STATUS).verdict is Verdict.DENY


@pytest.mark.parametrize("verdict", [2**70, 1, True, -1, None, "allow"])
def test_a_rule_that_asks_for_no_verdict_denies(
    gate: Make, make_rule: Make, verdict: Any
) -> None:
    rules = (make_rule("test.allow", Verdict.ALLOW), make_rule("test.odd", verdict))
    assert gate(rules=rules).decide(STATUS).verdict is Verdict.DENY


@pytest.mark.parametrize(
    ("changed", "rule"),
    [
        ({"principal": "stranger"}, "authority.unknown-principal"),
        ({"session": "other"}, "authority.other-session"),
        ({"purpose": "rule the world"}, "authority.unknown-purpose"),
    ],
)
def test_who_asks_must_be_known(gate: Make, changed: Any, rule: str) -> None:
    decision = gate().decide(STATUS, proposal=changed)
    assert decision.verdict is Verdict.DENY
    assert rule in {f.rule for f in decision.findings}
    assert decision.laws == EVALUATED


def test_a_purpose_of_someone_else_is_none(gate: Make) -> None:
    world = gate(principal={"purposes": ("develop",)})
    assert world.decide(STATUS, proposal={"purpose": "review"}).verdict is Verdict.DENY


def test_a_session_ends(gate: Make) -> None:
    world = gate(scope=Scope("develop", expires=5000))
    assert world.decide(STATUS, now=4999).verdict is Verdict.ALLOW
    late = world.decide(STATUS, now=5000)
    assert (late.verdict, late.reason) == (Verdict.DENY, "the session has expired")


def test_time_before_the_epoch_is_no_time(gate: Make) -> None:
    assert gate().decide(STATUS, now=-1).verdict is Verdict.DENY


def test_nothing_and_too_much_are_denied(gate: Make) -> None:
    assert gate().decide().reason == "nothing is proposed"
    assert gate().decide(*[STATUS] * MAX_EFFECTS).verdict is Verdict.ALLOW
    over = gate().decide(*[STATUS] * (MAX_EFFECTS + 1))
    assert over.verdict is Verdict.DENY
    assert "at most 64" in over.reason


def test_a_policy_without_a_law_that_all_have_denies(gate: Make) -> None:
    for laws in (frozenset(), frozenset({4, 8}), frozenset({0, 8}), frozenset({0, 4})):
        decision = gate(laws=laws).decide(STATUS)
        assert decision.verdict is Verdict.DENY
        assert "protocol.missing-law" in {f.rule for f in decision.findings}


@pytest.mark.parametrize("law", [7, 11])
def test_a_rule_of_a_law_that_nobody_judges_denies(
    gate: Make, make_rule: Make, law: int
) -> None:
    rules = (
        make_rule("test.allow", Verdict.ALLOW),
        make_rule("test.spatial", Verdict.DENY, law=law, test=lambda *_: False),
    )
    assert gate(rules=rules).decide(STATUS).verdict is Verdict.DENY


def test_an_unexpected_kind_is_denied(gate: Make) -> None:
    decision = gate().decide(object())
    assert decision.verdict is Verdict.DENY
    assert decision.findings[0].rule == "authority.fault"


def asking(gate: Make, make_rule: Make, *more: Any) -> Any:
    rules = (
        make_rule("test.one", Verdict.ESCALATE),
        make_rule("test.two", Verdict.ESCALATE),
        *more,
    )
    return gate(rules=rules)


def test_an_approval_waives_what_it_lists_and_nothing_else(
    gate: Make, make_rule: Make
) -> None:
    world = asking(gate, make_rule)
    asked = world.decide(STATUS)
    partly = world.decide(STATUS, approvals=(world.approval(asked, "test.one"),))
    assert partly.verdict is Verdict.ESCALATE
    assert partly.reason == "test.two applies"
    assert partly.delta.consumed == ()
    wholly = world.decide(STATUS, approvals=(world.approval(asked),))
    assert wholly.verdict is Verdict.ALLOW
    assert [f.rule for f in wholly.findings if f.waived] == ["test.one", "test.two"]


def test_two_approvals_may_waive_a_gate_each(gate: Make, make_rule: Make) -> None:
    world = asking(gate, make_rule)
    asked = world.decide(STATUS)
    both = tuple(world.approval(asked, name) for name in ("test.one", "test.two"))
    decision = world.decide(STATUS, approvals=both)
    assert decision.verdict is Verdict.ALLOW
    assert len(decision.delta.consumed) == 2


def test_an_approval_does_not_open_what_is_denied(gate: Make, make_rule: Make) -> None:
    no = make_rule("test.no", Verdict.DENY)
    world = asking(gate, make_rule, no)
    asked = world.decide(STATUS)
    yes = world.approval(asked, "test.one", "test.two", "test.no")
    again = world.decide(STATUS, approvals=(yes,))
    assert (again.verdict, again.reason) == (Verdict.DENY, "test.no applies")


def test_a_rule_says_whether_it_may_be_waived(gate: Make, make_rule: Make) -> None:
    rules = (
        make_rule("test.firm", Verdict.ESCALATE, "file.read", waivable=False),
        make_rule("test.soft", Verdict.DENY, "file.write", waivable=True),
        make_rule("test.allow", Verdict.ALLOW),
    )
    world = gate(rules=rules)
    for effect, name, verdict in (
        (READ, "test.firm", Verdict.ESCALATE),
        (WRITE, "test.soft", Verdict.ALLOW),
    ):
        yes = world.approval(world.decide(effect), name)
        assert world.decide(effect, approvals=(yes,)).verdict is verdict


def test_an_approval_is_used_once(gate: Make, make_rule: Make) -> None:
    world = asking(gate, make_rule)
    yes = world.approval(world.decide(STATUS))
    first = world.act(STATUS, approvals=(yes,))
    assert first.verdict is Verdict.ALLOW
    again = world.decide(STATUS, approvals=(yes,))
    assert again.verdict is Verdict.ESCALATE
    fresh = structs.replace(yes, expires=yes.expires + 1)
    assert world.decide(STATUS, approvals=(yes, fresh)).verdict is Verdict.ALLOW


def test_an_approval_is_not_used_by_a_refusal(gate: Make, make_rule: Make) -> None:
    world = asking(gate, make_rule)
    yes = world.approval(world.decide(STATUS))
    world.act(STATUS, approvals=(structs.replace(yes, gates=("test.one",)),))
    assert world.decide(STATUS, approvals=(yes,)).verdict is Verdict.ALLOW


@pytest.mark.parametrize(
    "changed",
    [
        {"action": "sha256:other"},
        {"policy": "sha256:other"},
        {"expires": 1000},
        {"expires": 0},
        {"approver": "agent"},
        {"approver": ""},
        {"gates": ()},
    ],
)
def test_an_approval_that_does_not_fit_waives_nothing(
    gate: Make, make_rule: Make, changed: Any
) -> None:
    world = asking(gate, make_rule)
    yes = structs.replace(world.approval(world.decide(STATUS)), **changed)
    decision = world.decide(STATUS, approvals=(yes,))
    assert decision.verdict is Verdict.ESCALATE
    assert not any(f.waived for f in decision.findings)


@pytest.mark.parametrize(
    "changed",
    [
        {"tool": "write"},
        {"arguments": {"command": "true "}},
        {"cwd": "/workspace/b"},
        {"purpose": "develop"},
        {"effects": (STATUS,)},
    ],
)
def test_an_approval_is_for_one_action(
    gate: Make, make_rule: Make, changed: Any
) -> None:
    world = asking(gate, make_rule)
    yes = world.approval(world.decide(STATUS))
    again = world.decide(STATUS, approvals=(yes,), proposal=changed)
    assert again.verdict is Verdict.ESCALATE


def test_an_approval_is_for_what_the_paths_were(gate: Make, make_rule: Make) -> None:
    world = asking(gate, make_rule)
    asked = world.decide(READ)
    yes = world.approval(asked)
    fact = world.look(READ).paths[READ.path]
    for other in ({"inode": 2}, {"resolved": "/workspace/b"}, {"kind": "directory"}):
        moved = {READ.path: structs.replace(fact, **other)}
        again = world.decide(READ, approvals=(yes,), paths=moved)
        assert again.verdict is Verdict.ESCALATE
    assert world.decide(READ, approvals=(yes,)).verdict is Verdict.ALLOW


def test_the_id_and_the_goal_of_a_call_are_not_the_action(
    gate: Make, make_rule: Make
) -> None:
    world = asking(gate, make_rule)
    yes = world.approval(world.decide(STATUS))
    again = world.decide(
        STATUS, approvals=(yes,), proposal={"id": "again", "goal": "x"}
    )
    assert again.verdict is Verdict.ALLOW


def test_an_approval_opens_no_steward_kind(gate: Make) -> None:
    world = gate()
    change = PolicyChange("budget")
    asked = world.decide(change)
    yes = world.approval(asked, "authority.steward-only")
    assert world.decide(change, approvals=(yes,)).verdict is Verdict.DENY


def test_the_full_table_of_used_approvals_takes_none(
    gate: Make, make_rule: Make
) -> None:
    world = asking(gate, make_rule)
    yes = world.approval(world.decide(STATUS))
    for number in range(4097):
        used = structs.replace(
            world.decide(STATUS).delta, consumed=(f"sha256:{number}",)
        )
        world.state = apply(world.state, structs.replace(used, marks=(), tables=()))
    assert world.decide(STATUS, approvals=(yes,)).verdict is Verdict.ESCALATE


def test_risk_is_combined_and_listed(gate: Make, make_rule: Make) -> None:
    rules = (
        make_rule("test.allow", Verdict.ALLOW),
        make_rule("test.b", Verdict.ALLOW, risk=400_000),
        make_rule("test.a", Verdict.ALLOW, "system.read", risk=500_000),
    )
    decision = gate(rules=rules).decide(STATUS, WRITE)
    assert [(c.name, c.risk) for c in decision.contributions] == [
        ("test.a", 500_000),
        ("test.b", 400_000),
    ]
    assert decision.risk == 700_000
    assert decision.verdict is Verdict.ESCALATE
    assert decision.reason == "the risk is 700000 millionths, the limit 600000"
    milder = gate(rules=rules, settings={"risk.escalate": 700_001})
    assert milder.decide(STATUS).verdict is Verdict.ALLOW
    harder = gate(rules=rules, settings={"risk.deny": 700_000})
    assert harder.decide(STATUS).verdict is Verdict.DENY


def test_a_steward_may_take_a_risk_but_not_every_one(
    gate: Make, make_rule: Make
) -> None:
    rules = (make_rule("test.allow", Verdict.ALLOW, risk=700_000),)
    world = gate(rules=rules)
    yes = world.approval(world.decide(STATUS), "authority.risk")
    assert world.decide(STATUS, approvals=(yes,)).verdict is Verdict.ALLOW
    strict = gate(rules=rules, settings={"risk.deny": 700_000})
    yes = strict.approval(strict.decide(STATUS), "authority.risk-deny")
    assert strict.decide(STATUS, approvals=(yes,)).verdict is Verdict.DENY
