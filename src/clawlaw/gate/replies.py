"""What the gate answers, and whether what an answer rests on is durable yet."""

from typing import Any, Final

import msgspec
from msgspec import Struct

from clawlaw.core.decision import Decision, Verdict
from clawlaw.evidence.schema import Decided, Escalated

OK: Final = 200
BAD_REQUEST: Final = 400
FORBIDDEN: Final = 403
NOT_FOUND: Final = 404
CONFLICT: Final = 409
UNAVAILABLE: Final = 503

_ENCODE: Final = msgspec.json.Encoder().encode
NAMES: Final = {verdict: verdict.name.lower() for verdict in Verdict}

NOT_RECORDED: Final = "evidence cannot be written"
OVERLOADED: Final = "the gate is overloaded"


class Said(Struct, frozen=True, omit_defaults=True):
    """One finding as the client sees it."""

    law: int
    rule: str
    verdict: str
    reason: str


class Waiting(Struct, frozen=True):
    """The escalation that an action waits in."""

    id: str
    deadline: int


class VerdictAnswer(Struct, frozen=True, omit_defaults=True):
    """The answer to a proposal.

    Attributes:
        verdict: What the client must do: "allow", "escalate" or "deny".
        observed: In observe mode: what the verdict would have been.
        permit: For the executor, where the action is mediated.
    """

    id: str
    verdict: str
    reason: str
    remedy: str = ""
    findings: tuple[Said, ...] = ()
    risk: int = 0
    level: str = ""
    permit: str = ""
    escalation: Waiting | None = None
    observed: str = ""


class Reply:
    """One answer on its way.

    Attributes:
        status: Of HTTP.
        body: Of the media type `kind`.
        durable: What it rests on is recorded; before that it must not be sent.
    """

    __slots__ = ("body", "durable", "kind", "status")

    def __init__(
        self,
        status: int,
        body: bytes,
        *,
        durable: bool = True,
        kind: bytes = b"application/json",
    ) -> None:
        """Answer `body`."""
        self.status = status
        self.body = body
        self.durable = durable
        self.kind = kind

    def deny_instead(self) -> None:
        """Put a denial in the place of what could not be recorded."""
        self.status = UNAVAILABLE
        self.body = unavailable(NOT_RECORDED).body
        self.durable = True


def problem(status: int, what: str, where: str, remedy: str) -> Reply:
    """A request that is not answered, and why."""
    said = {"what": what, "where": where, "remedy": remedy}
    return Reply(status, _ENCODE({"error": said}))


def unavailable(reason: str) -> Reply:
    """A denial without an entry of its own; it is counted and recorded in summary."""
    remedy = {
        OVERLOADED: "wait a moment and propose again",
        NOT_RECORDED: "an operator must repair the evidence log and restart the gate",
    }[reason]
    said = VerdictAnswer("", "deny", reason, remedy)
    return Reply(UNAVAILABLE, _ENCODE(said))


def fields(value: dict[str, Any], status: int = OK, *, durable: bool = True) -> Reply:
    """An answer of named fields."""
    return Reply(status, _ENCODE(value), durable=durable)


def struct(value: Struct) -> Reply:
    """An answer that is a struct."""
    return Reply(OK, _ENCODE(value))


def refused(name: str, reason: str) -> Reply:
    """The denial of what was no proposal."""
    said = VerdictAnswer(name, "deny", reason, "send a proposal as docs/gate.md says")
    return Reply(OK, _ENCODE(said), durable=False)


def verdict(
    decided: Decided, decision: Decision, permit: str, escalated: Escalated | None
) -> Reply:
    """The answer to a proposal that was decided."""
    name = NAMES[decision.verdict]
    reason, remedy = decision.reason, decision.remedy
    waiting = None
    if escalated is not None:
        waiting = Waiting(escalated.id, escalated.deadline)
        reason = f"denied for now, pending {escalated.id}: {reason}"
        remedy = (
            remedy or "a steward may approve it; propose the same action again then"
        )
    elif decision.verdict is Verdict.ESCALATE and not decided.observe:
        name = "deny"
        reason = f"too many escalations wait, nobody can be asked: {reason}"
    observed = ""
    if decided.observe and decision.verdict is not Verdict.ALLOW:
        observed, name = name, "allow"
    findings = tuple(
        [
            Said(f.law, f.rule, "allow" if f.waived else NAMES[f.verdict], f.reason)
            for f in decision.findings
        ]
    )
    said = VerdictAnswer(
        decided.id,
        name,
        reason,
        remedy,
        findings,
        decision.risk,
        decision.level,
        permit,
        waiting,
        observed,
    )
    return Reply(OK, _ENCODE(said), durable=False)


def failed() -> Reply:
    """The denial of a request on which the gate itself failed."""
    remedy = "ask again; the gate's log says what failed"
    said = VerdictAnswer("", "deny", "the gate failed", remedy)
    return Reply(UNAVAILABLE, _ENCODE(said))
