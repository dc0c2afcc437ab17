"""What a gate shows its stewards of what waits.

A view holds everything that a signature binds and everything that the action's digest
is made of, so that a steward's own program can compute both and sign nothing else.
"""

from typing import Any

from msgspec import Struct

from clawlaw.core.actions import Proposal
from clawlaw.core.facts import Facts
from clawlaw.evidence.schema import Escalated
from clawlaw.gate.answers import Case, steward_name


class Approved(Struct, frozen=True):
    """One approval that counts so far."""

    steward: str
    reason: str
    expires: int


class CaseView(Struct, frozen=True):
    """One escalation as a steward sees it.

    Attributes:
        asked: What a signature binds.
        state: As in :data:`clawlaw.gate.answers.Status`.
        due: When it ends by itself, milliseconds since the epoch; 0: it has ended.
        reason: Of the last answer, or of the decision while nobody answered.
        findings: (rule, what it says) of the rules that ask.
        proposal: Of the decision; `None` once it has ended.
        facts: Of the decision; with the proposal they give the action's digest.
        risk: Millionths.
    """

    asked: Escalated
    state: str
    due: int
    reason: str
    approvals: tuple[Approved, ...] = ()
    findings: tuple[tuple[str, str], ...] = ()
    proposal: Proposal | None = None
    facts: Facts | None = None
    risk: int = 0


class DeskView(Struct, frozen=True):
    """Everything that a gate shows its stewards.

    Attributes:
        gate: Origin of its log; part of every signature.
        now: Milliseconds since the epoch, by the gate's clock.
    """

    gate: str
    now: int
    escalations: tuple[CaseView, ...]


def view_of(case: Case) -> CaseView:
    """An escalation as a steward sees it."""
    approvals = tuple(
        Approved(steward_name(a.steward), a.reason, a.expires) for a in case.approvals
    )
    due = case.due if case.alive else 0
    if case.decided is None:
        return CaseView(case.asked, case.status, due, case.reason, approvals)
    record = case.decided.record
    decision: dict[str, Any] = record.decision
    gates = frozenset(case.asked.gates)
    findings = tuple(
        (f["rule"], f["reason"])
        for f in decision["findings"]
        if f["rule"] in gates and not f["waived"]
    )
    return CaseView(
        asked=case.asked,
        state=case.status,
        due=due,
        reason=case.reason or decision["reason"],
        approvals=approvals,
        findings=findings,
        proposal=record.proposal,
        facts=record.facts,
        risk=decision["risk"],
    )
