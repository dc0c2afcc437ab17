"""One escalation: what was asked, who answered, and which answer counts.

Nothing here keeps anything; :mod:`clawlaw.gate.escalations` does.
"""

from dataclasses import dataclass, field
from typing import Literal

from msgspec import Struct

from clawlaw.core.errors import ClawLawError
from clawlaw.evidence.schema import Answered, Decided, Escalated

type Status = Literal["pending", "approved", "denied", "expired", "revoked", "consumed"]
type Word = Literal["approve", "deny", "revoke"]
LIVE = frozenset({"pending", "approved"})
MAX_REASON = 400  # characters


class EscalationError(ClawLawError):
    """An answer does not count; the message says why and what would."""


class UnknownEscalationError(EscalationError):
    """There is no escalation of that id."""


class FullError(EscalationError):
    """Too many escalations wait; the proposal is denied."""


class Limits(Struct, frozen=True):
    """Bounds of what is kept.

    Attributes:
        waiting: Escalations that are pending or approved, of everybody.
        per_principal: Of one principal.
        finished: Kept for whoever still asks about them; older ones are forgotten.
        approval: Milliseconds that an approval may count at most.
    """

    waiting: int = 1024
    per_principal: int = 64
    finished: int = 1024
    approval: int = 8 * 3600 * 1000


class Answer(Struct, frozen=True, forbid_unknown_fields=True):
    """What a steward says to an escalation, as it is signed.

    Attributes:
        key: Id of the steward's key, `NAME+HASH`.
        expires: Of an approval, milliseconds since the epoch; else 0.
        signature: Base64; over :func:`clawlaw.gate.stewards.answer_statement`.
    """

    answer: Word
    reason: str
    key: str
    expires: int = 0
    signature: str = ""


@dataclass(slots=True)
class Case:
    """One escalation as it stands.

    Attributes:
        asked: As recorded.
        decided: The decision that waits; `None` once it is finished.
        approvals: That count, one of each steward.
        answers: How many were recorded; the next one's id has the next number.
        reason: Of the last answer.
    """

    asked: Escalated
    decided: Decided | None
    status: Status = "pending"
    approvals: list[Answered] = field(default_factory=list)
    answers: int = 0
    reason: str = ""

    @property
    def alive(self) -> bool:
        """It waits for an answer, or an approval waits to be used."""
        return self.status in LIVE

    @property
    def due(self) -> int:
        """When it ends by itself, milliseconds since the epoch."""
        ends = [a.expires for a in self.approvals]
        if self.status == "pending":
            ends.append(self.asked.deadline)
        return min(ends)

    @property
    def ran_out(self) -> str:
        """Why it ends by itself."""
        if self.approvals and self.due < self.asked.deadline:
            return "an approval ran out before it was used"
        return "it was not answered before its deadline"


def steward_name(key: str) -> str:
    """Whose key an id names: `alice` of `alice+0a1b2c3d`."""
    return key.rpartition("+")[0]


def check_answer(case: Case, answer: Answer, now: int, limits: Limits) -> None:
    """Refuse an answer that does not count.

    Args:
        case: What it answers.
        answer: Of a steward whose signature was verified.
        now: Milliseconds since the epoch.
        limits: Of the life of an approval.

    Raises:
        EscalationError: It is finished or overdue, the steward is who proposed or has
            approved already, or the reason or the life of the approval is wrong.
    """
    name = case.asked.id
    steward = steward_name(answer.key)
    if case.status not in LIVE:
        raise EscalationError(f"{name}: it is {case.status}, answers are over")
    if now >= case.due:
        raise EscalationError(f"{name}: {case.ran_out}")
    if not steward:
        raise EscalationError(f"{name}: key {answer.key!r} is not NAME+HASH")
    if steward == case.asked.principal:
        raise EscalationError(f"{name}: {steward} proposed it and cannot answer it")
    reason = answer.reason.strip()
    if not reason or len(reason) > MAX_REASON or not reason.isprintable():
        raise EscalationError(
            f"{name}: a reason is one printable line of 1 to {MAX_REASON} characters"
        )
    if answer.answer == "approve":
        _check_approval(case, steward, answer.expires, now, limits)
    else:
        _check_refusal(case, answer)


def _check_approval(
    case: Case, steward: str, expires: int, now: int, limits: Limits
) -> None:
    name = case.asked.id
    if case.status == "approved":
        raise EscalationError(f"{name}: it is approved already")
    if any(steward_name(a.steward) == steward for a in case.approvals):
        raise EscalationError(
            f"{name}: {steward} approved already; another steward must"
        )
    if not now < expires <= now + limits.approval:
        raise EscalationError(
            f"{name}: an approval lasts 1 to {limits.approval} ms from now, not "
            f"{expires - now}; give it another life, and look at both clocks"
        )


def _check_refusal(case: Case, answer: Answer) -> None:
    name = case.asked.id
    if answer.expires:
        raise EscalationError(f"{name}: only an approval expires")
    if answer.answer == "revoke" and not case.approvals:
        raise EscalationError(f"{name}: nothing is approved; deny it instead")
    if answer.answer == "deny" and case.status == "approved":
        raise EscalationError(f"{name}: it is approved; revoke it instead")


def gates_of(decided: Decided) -> tuple[str, ...]:
    """Ids of the rules that asked, sorted; an approval waives exactly these."""
    findings = decided.record.decision["findings"]
    return tuple(
        sorted(
            {
                f["rule"]
                for f in findings
                if f["verdict"] == "escalate" and not f["waived"]
            }
        )
    )
