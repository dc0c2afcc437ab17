"""Plans judged by the kernel under policies/infra."""

from typing import Any

import pytest
from tests.unit.change.plans import host, impact, plan, room

from clawlaw.core.facts import Approval
from clawlaw.gate.evaluator import Evaluator
from forge.change.model import BlastRadius, Effect, Plan, Scope
from forge.change.proposal import Run, session_of
from forge.change.verdict import (
    Path,
    Verdict,
    by_gate,
    decide,
    policy_of,
    require,
)
from forge.errors import ForgeError

NOW = 1_800_000_000_000
SERVERS = tuple(host(f"control-0{n}") for n in (1, 2, 3, 4, 5))


def said(made: Plan, path: Path = Path.PREVIEW, **more: Any) -> Verdict:
    return decide(made, path, now=NOW, **more)


def rules(verdict: Verdict) -> set[str]:
    return {f.rule for f in verdict.findings}


def boundary_joins() -> Plan:
    joined = host("m4-pro", groups=("boundary", "k3s_agent"), is_node=True)
    return plan(hosts_after=(*room("control-01"), joined))


def named(name: str, effect: Effect) -> Plan:
    scope = Scope(limit=name, hosts=(name,))
    return plan(impact(effect, hosts=(name,)), scope=scope)


ORDINARY = [
    plan(),
    plan(impact(Effect.NOTHING)),
    plan(impact(Effect.SERVICE_RESTART, hosts=("worker-01", "m4-pro", "mac-studio"))),
    plan(impact(Effect.SERVICE_INTERRUPTION)),
    plan(impact(Effect.HOST_RESTART, hosts=("worker-01", "worker-04"))),
    plan(impact(Effect.FLOW_CLOSED), blast=BlastRadius(flows_closed=("x",))),
    plan(impact(Effect.CERTIFICATE_REISSUE)),
    plan(hosts_before=SERVERS[:3], hosts_after=SERVERS[:2]),
    plan(hosts_before=SERVERS[:2], hosts_after=SERVERS[:3]),
    plan(
        impact(
            Effect.VERSION_CHANGE, subject="pins.k3s", before="v1.35.1", after="v1.36.4"
        )
    ),
]
ASKING = [
    ("infra.flow-opened", plan(impact(Effect.FLOW_OPENED))),
    ("infra.trust", plan(impact(Effect.TRUST_CHANGE))),
    ("infra.policy-key", plan(impact(Effect.POLICY_KEY, hosts=("m4-pro",)))),
    ("infra.unknown", plan(impact(Effect.UNKNOWN))),
    (
        "infra.many-restarts",
        plan(impact(Effect.HOST_RESTART, hosts=("worker-01", "worker-04", "m4-pro"))),
    ),
    ("infra.destroy", named("worker-04", Effect.STORAGE_REMOVED)),
    ("infra.destroy", named("worker-04", Effect.HOST_REINSTALL)),
    ("infra.destroy", named("worker-04", Effect.DATA_LOSS)),
    (
        "infra.role-emptied",
        plan(hosts_before=room(), hosts_after=room("control-01", "worker-01")),
    ),
]
NEVER = [
    ("infra.boundary-node", boundary_joins()),
    (
        "infra.cluster-key",
        plan(impact(Effect.NOTHING, hosts=("m4-pro",), subject="vars.k3s_token")),
    ),
    (
        "infra.telemetry-taint",
        plan(
            impact(
                Effect.TAINT_CHANGE,
                hosts=("worker-05",),
                subject="vars.forge_taints",
                after=[],
            )
        ),
    ),
    ("infra.voters", plan(hosts_before=SERVERS[:5], hosts_after=SERVERS[:3])),
    ("infra.voters", plan(hosts_before=SERVERS[:1], hosts_after=SERVERS[:3])),
    (
        "infra.version-skew",
        plan(
            impact(
                Effect.VERSION_CHANGE, subject="pins.k3s", before="v1.34", after="v1.36"
            )
        ),
    ),
    (
        "infra.version-skew",
        plan(
            impact(
                Effect.VERSION_CHANGE, subject="pins.k3s", before="v1.36", after="v1.35"
            )
        ),
    ),
    ("lifecycle.unnamed-target", plan(impact(Effect.STORAGE_REMOVED))),
    ("lifecycle.unnamed-target", plan(impact(Effect.HOST_REINSTALL, hosts=()))),
]


@pytest.mark.parametrize("made", ORDINARY)
def test_ordinary_work_is_allowed(made: Plan) -> None:
    verdict = said(made)
    assert (verdict.verdict, verdict.exit_status) == ("allow", 0)
    assert verdict.gates == ()


@pytest.mark.parametrize(("rule", "made"), ASKING)
def test_what_reaches_far_asks(rule: str, made: Plan) -> None:
    verdict = said(made)
    assert (verdict.verdict, verdict.exit_status) == ("escalate", 4)
    assert rule in verdict.gates


@pytest.mark.parametrize(("rule", "made"), NEVER)
@pytest.mark.parametrize("path", [Path.PREVIEW, Path.REPAIR])
def test_structure_is_denied(rule: str, made: Plan, path: Path) -> None:
    verdict = said(made, path)
    assert (verdict.verdict, verdict.exit_status) == ("deny", 3)
    assert rule in {f.rule for f in verdict.findings if f.verdict == "deny"}


@pytest.mark.parametrize(("rule", "made"), NEVER)
def test_no_approval_opens_the_structure(rule: str, made: Plan) -> None:
    first = said(made)
    every = tuple(f.rule for f in first.findings)
    given = Approval(first.action, first.policy, every, "alice", NOW + 1)
    verdict = said(made, approvals=[given])
    assert verdict.verdict == "deny"
    assert rule in rules(verdict)
    assert verdict.approvals == ()


@pytest.mark.parametrize(("rule", "made"), NEVER[:3])
def test_structure_holds_on_a_first_installation(rule: str, made: Plan) -> None:
    verdict = said(made, Path.INSTALL)
    assert verdict.verdict == "deny"
    assert rule in rules(verdict)


def test_first_installation_is_allowed_whatever_it_brings() -> None:
    everything = impact(*Effect, hosts=tuple(h.name for h in room()))
    first = plan(everything, hosts_before=(), is_first=True)
    verdict = said(first, Path.INSTALL)
    assert (verdict.verdict, verdict.principal) == ("allow", "forge-installer")
    assert verdict.path is Path.INSTALL


def test_repair_always_asks() -> None:
    verdict = said(plan(impact(Effect.NOTHING)), Path.REPAIR)
    assert verdict.verdict == "escalate"
    assert verdict.gates == ("infra.repair",)


# Approvals: exactly this action under exactly this policy.


def approved(verdict: Verdict, **other: Any) -> Approval:
    given: dict[str, Any] = {
        "action": verdict.action,
        "policy": verdict.policy,
        "gates": verdict.gates,
        "approver": "alice",
        "expires": NOW + 1,
    }
    return Approval(**(given | other))


def test_approval_of_what_was_asked_lets_it_pass_once() -> None:
    made = plan(impact(Effect.FLOW_OPENED), impact(Effect.TRUST_CHANGE))
    given = approved(said(made))
    evaluator = Evaluator(policy_of())
    first = said(made, approvals=[given], evaluator=evaluator)
    assert first.verdict == "allow"
    assert len(first.approvals) == 1
    assert {f.rule for f in first.findings if f.is_waived} == {
        "infra.flow-opened",
        "infra.trust",
    }
    again = said(made, approvals=[given], evaluator=evaluator)
    assert again.verdict == "escalate"


@pytest.mark.parametrize(
    "other",
    [
        {"action": "sha256:" + "1" * 64},
        {"policy": "sha256:" + "1" * 64},
        {"gates": ("infra.trust",)},
        {"approver": ""},
        {"approver": "forge-controller"},
        {"expires": NOW},
    ],
)
def test_approval_of_something_else_is_none(other: dict[str, Any]) -> None:
    made = plan(impact(Effect.FLOW_OPENED))
    verdict = said(made, approvals=[approved(said(made), **other)])
    assert verdict.verdict == "escalate"


def test_diff_that_changed_after_the_approval_asks_again() -> None:
    given = approved(said(plan(impact(Effect.FLOW_OPENED))))
    other = plan(impact(Effect.FLOW_OPENED, after="c"))
    assert said(other, approvals=[given]).verdict == "escalate"


# The declared window.


@pytest.mark.parametrize(
    ("opens", "closes", "verdict"),
    [
        (0, 0, "allow"),
        (NOW, NOW + 1, "allow"),
        (NOW - 1, NOW, "escalate"),
        (NOW + 1, NOW + 2, "escalate"),
    ],
)
def test_window(opens: int, closes: int, verdict: str) -> None:
    run = Run(opens=opens, closes=closes)
    found = said(plan(impact(Effect.NOTHING)), run=run)
    assert found.verdict == verdict
    assert found.gates == (("lifecycle.outside-window",) if verdict != "allow" else ())


# Across runs.


def test_quorum_is_not_emptied_one_voter_a_run() -> None:
    evaluator = Evaluator(policy_of())
    verdicts = []
    for n in (5, 4, 3, 2):
        made = plan(hosts_before=SERVERS[:n], hosts_after=SERVERS[: n - 1])
        verdicts.append(said(made, evaluator=evaluator).verdict)
    assert verdicts[:2] == ["allow", "allow"]
    assert verdicts[2] == "escalate"


def test_voters_that_come_back_are_forgotten() -> None:
    evaluator = Evaluator(policy_of())
    for turn in range(6):
        out = plan(
            impact(Effect.NOTHING, after=turn),
            hosts_before=SERVERS[:3],
            hosts_after=SERVERS[:2],
        )
        back = plan(
            impact(Effect.NOTHING, after=turn),
            hosts_before=SERVERS[:2],
            hosts_after=SERVERS[:3],
        )
        for made in (out, back):
            assert said(made, evaluator=evaluator).verdict == "allow"


def test_same_plan_after_a_failed_run_counts_once() -> None:
    evaluator = Evaluator(policy_of())
    made = plan(hosts_before=SERVERS[:3], hosts_after=SERVERS[:2])
    for _ in range(3):
        assert said(made, evaluator=evaluator).verdict == "allow"


def test_role_is_not_emptied_one_replica_a_run() -> None:
    evaluator = Evaluator(policy_of())
    nodes = [
        host(f"worker-1{n}", role="storage", is_server=False, components=())
        for n in range(3)
    ]
    found = []
    for n in (3, 2, 1):
        made = plan(hosts_before=tuple(nodes[:n]), hosts_after=tuple(nodes[: n - 1]))
        found.append(said(made, evaluator=evaluator))
    assert [v.verdict for v in found] == ["allow", "allow", "escalate"]
    assert "composition.infra_walk" in found[2].gates


def opened(turn: int) -> Plan:
    flow = f"tcp {9000 + turn} cluster worker-01 -> worker-04"
    return plan(impact(Effect.FLOW_OPENED), blast=BlastRadius(flows_opened=(flow,)))


def test_firewall_is_not_walked_open() -> None:
    evaluator = Evaluator(policy_of())
    gates = []
    for turn in range(5):
        first = said(opened(turn), evaluator=evaluator)
        gates.append(first.gates)
        given = approved(first)
        assert said(opened(turn), evaluator=evaluator, approvals=[given]).verdict == (
            "allow"
        )
    assert gates[:4] == [("infra.flow-opened",)] * 4
    assert gates[4] == ("composition.infra_walk", "infra.flow-opened")


# Who asks.


def test_runner_in_the_cluster_reaches_tier_one_alone(monkeypatch: Any) -> None:
    from forge.change import verdict as module  # noqa: PLC0415  # its table is changed

    principals = {**module.PRINCIPALS, Path.PREVIEW: "forge-runner"}
    monkeypatch.setattr(module, "PRINCIPALS", principals)
    assert said(plan(impact(Effect.SERVICE_RESTART))).verdict == "allow"
    beyond = said(plan(impact(Effect.SERVICE_RESTART, hosts=("m4-pro",))))
    assert (beyond.verdict, beyond.gates) == ("escalate", ("infra.elsewhere",))


# What the gate answered.


def answer(made: Plan, **more: Any) -> dict[str, Any]:
    given = {"id": "d7", "verdict": "allow", "reason": "x", "session": session_of(made)}
    return {**given, **more}


def test_answer_of_the_gate_is_read() -> None:
    made = plan(impact(Effect.FLOW_OPENED))
    found = {
        "law": 0,
        "rule": "infra.flow-opened",
        "verdict": "escalate",
        "reason": "would open",
    }
    waiting = {"id": "e7", "deadline": 9}
    given = answer(made, verdict="escalate", findings=[found], escalation=waiting)
    verdict = by_gate(made, given)
    assert (verdict.path, verdict.exit_status) == (Path.GATE, 4)
    assert (verdict.escalation, verdict.deadline) == ("e7", 9)
    assert verdict.gates == ("infra.flow-opened",)


@pytest.mark.parametrize(
    "more",
    [
        {"verdict": "yes"},
        {"verdict": None},
        {"id": None},
        {"session": "plan-0"},
        {"session": None},
    ],
)
def test_what_is_no_answer_to_this_plan_allows_nothing(more: dict[str, Any]) -> None:
    made = plan(impact(Effect.NOTHING))
    with pytest.raises(ForgeError, match="nothing is allowed"):
        by_gate(made, answer(made, **more))


# What a role demands.


def test_verdict_of_the_gate_lets_exactly_its_plan_run() -> None:
    made = plan(impact(Effect.NOTHING))
    verdict = by_gate(made, answer(made))
    require(verdict, made)
    with pytest.raises(ForgeError, match="run the change gate again"):
        require(verdict, plan(impact(Effect.NOTHING, after="c")))


def test_preview_lets_nothing_run() -> None:
    made = plan(impact(Effect.NOTHING))
    with pytest.raises(ForgeError, match="preview"):
        require(said(made), made)


def test_denial_lets_nothing_run() -> None:
    with pytest.raises(ForgeError, match="DENY"):
        require(said(boundary_joins(), Path.INSTALL), boundary_joins())


def test_gate_does_not_decide_here() -> None:
    with pytest.raises(ForgeError, match="does not decide"):
        said(plan(), Path.GATE)


def test_verdict_is_the_same_bytes_each_time() -> None:
    made = plan(impact(*Effect))
    assert said(made) == said(made)
    assert said(made).record
