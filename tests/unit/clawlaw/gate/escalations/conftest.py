"""Decisions that escalate, as the log holds them, for tests of what waits."""

from typing import Protocol

import pytest

from clawlaw.core.actions import Proposal
from clawlaw.core.facts import Facts
from clawlaw.core.kernel import action_digest
from clawlaw.evidence.schema import Decided
from clawlaw.record import Bound, DecisionRecord, Opening

POLICY = "sha256:" + "0" * 64


class MakeDecided(Protocol):
    """Loader of a decision that escalates."""

    def __call__(
        self,
        number: int = 1,
        *,
        action: str = "",
        principal: str = "coder",
        gates: tuple[str, ...] = ("test.ask",),
    ) -> Decided: ...


@pytest.fixture(scope="session")
def decided() -> MakeDecided:
    return _decided


def _decided(
    number: int = 1,
    *,
    action: str = "",
    principal: str = "coder",
    gates: tuple[str, ...] = ("test.ask",),
) -> Decided:
    findings = [
        {"law": 8, "rule": gate, "verdict": "escalate", "reason": "", "waived": False}
        for gate in gates
    ]
    proposal = Proposal(
        id=f"p{number}",
        principal=principal,
        session="s1",
        tool="Bash",
        arguments={"command": f"make install-{number}"},
        cwd="/workspace",
    )
    decision = {
        "verdict": "escalate",
        "action": action or action_digest(proposal, Facts(0)),
        "policy": POLICY,
        "findings": findings,
        "reason": "a steward must see it",
        "risk": 300_000,
    }
    record = DecisionRecord(
        version=1,
        history="sha256:h",
        bindings=Bound(("/workspace",), "/home/agent"),
        opening=Opening(principal, "s1"),
        proposal=proposal,
        effects=(),
        facts=Facts(0),
        decision=decision,
    )
    return Decided(id=f"d{number}", record=record)
