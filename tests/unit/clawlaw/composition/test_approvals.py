"""Approvals and sequences, through the whole kernel."""

from collections.abc import Callable
from typing import Any

from clawlaw.core.actions import FileWrite, ProcessExec
from clawlaw.core.decision import Decision, Verdict

type Make = Callable[..., Any]

SCRIPT = "/workspace/x.sh"
RUN = ProcessExec("sh", (SCRIPT,), code="file", script=SCRIPT)


def rules(decision: Decision) -> set[str]:
    return {f.rule for f in decision.findings if f.verdict is Verdict.ESCALATE}


def test_an_approval_does_not_outlive_a_change_of_the_script(gate: Make) -> None:
    world = gate()
    world.act(FileWrite(SCRIPT))
    asked = world.act(RUN)
    assert rules(asked) == {"composition.write_then_execute"}
    before = world.approval(asked)
    world.act(FileWrite(SCRIPT, inert=True))
    for _ in range(2):  # asking again does not make the old answer good
        again = world.act(RUN, approvals=(before,))
        assert again.verdict is Verdict.ESCALATE
        assert "composition.approve_then_change" in rules(again)
    after = world.approval(again)
    assert world.act(RUN, approvals=(after,)).verdict is Verdict.ALLOW
    fresh = world.approval(world.decide(RUN), "composition.write_then_execute")
    later = world.decide(RUN, approvals=(fresh,))
    assert "composition.approve_then_change" not in rules(later)


def test_an_approval_waives_what_a_pattern_asks(gate: Make) -> None:
    world = gate()
    world.act(FileWrite(SCRIPT))
    yes = world.approval(world.act(RUN))
    assert world.act(RUN, approvals=(yes,)).verdict is Verdict.ALLOW


def test_no_approval_waives_what_a_pattern_denies(gate: Make) -> None:
    world = gate()
    world.act(FileWrite(SCRIPT, source="network"))
    denied = world.decide(RUN)
    assert denied.verdict is Verdict.DENY
    yes = world.approval(denied, "composition.staged_download")
    assert world.decide(RUN, approvals=(yes,)).verdict is Verdict.DENY
