"""How a gate stands, as plain data, and back: what a replay of its log would make.

Permits are not in it: they end with the process that gave them. Neither are timers,
counts and indexes that follow from the rest.
"""

from msgspec import Struct

from clawlaw.core.actions import AnyEffect
from clawlaw.core.budget import reconcile
from clawlaw.core.state import Room, Session
from clawlaw.evidence.schema import Answered, Decided, Escalated
from clawlaw.gate.allowed import Allowed
from clawlaw.gate.answers import Case, Status
from clawlaw.gate.applied import AppliedState
from clawlaw.gate.sessions import Known
from clawlaw.gate.state import GateState
from clawlaw.record import Opening


class OpenAction(Struct, frozen=True, forbid_unknown_fields=True):
    """An allowed action."""

    id: str
    tool: str
    effects: tuple[AnyEffect, ...]
    number: int
    permit: str
    call: str


class OpenSession(Struct, frozen=True, forbid_unknown_fields=True):
    """One session.

    Attributes:
        raised: Ceilings that a steward raised, by unit.
        actions: Allowed, and not reported.
        calls: Mediated, by the client's names, whether reported or not.
    """

    opening: Opening
    state: Session
    client: str
    used: int
    quarantine: str
    raised: dict[str, int]
    actions: tuple[OpenAction, ...]
    calls: tuple[OpenAction, ...]


class Escalation(Struct, frozen=True, forbid_unknown_fields=True):
    """One case, as :class:`clawlaw.gate.answers.Case` has it."""

    asked: Escalated
    decided: Decided | None
    status: Status
    approvals: tuple[Answered, ...]
    answers: int
    reason: str


class Standing(Struct, frozen=True, forbid_unknown_fields=True):
    """All of it.

    Attributes:
        time: Of the newest entry, milliseconds since the epoch.
        sessions: In the order in which they began.
        live: Escalations that wait, in the order in which they were asked.
        finished: Those that are kept for whoever still asks, the oldest first.
        granted: Ids of those that are approved, in the order of the approvals.
        applied: What controllers said is applied.
    """

    time: int
    history: str
    room: Room
    sessions: tuple[OpenSession, ...]
    live: tuple[Escalation, ...]
    finished: tuple[Escalation, ...]
    granted: tuple[str, ...]
    applied: tuple[AppliedState, ...]


def standing(state: GateState) -> Standing:
    """How a gate stands; shares its records of state, so encode it at once."""
    evaluator, escalations = state.evaluator, state.escalations
    live, finished = escalations.kept()
    return Standing(
        state.ledger.newest,
        evaluator.history,
        evaluator.room,
        tuple(_session(state, opening) for opening in evaluator.openings()),
        tuple(map(_escalation, live)),
        tuple(map(_escalation, finished)),
        escalations.granted(),
        tuple(state.applied.every()),
    )


def _session(state: GateState, opening: Opening) -> OpenSession:
    name = opening.session
    known = state.sessions.get(name)
    assert known is not None  # noqa: S101  # whatever is open is known
    return OpenSession(
        opening,
        state.evaluator.session(name),
        known.client,
        known.used,
        known.quarantine,
        state.evaluator.raised(name),
        tuple(_action(*found) for found in state.allowed.of(name)),
        tuple(_action(*found) for found in state.allowed.calls(name)),
    )


def _action(name: str, a: Allowed) -> OpenAction:
    return OpenAction(name, a.tool, a.effects, a.number, a.permit, a.call)


def _escalation(case: Case) -> Escalation:
    return Escalation(
        case.asked,
        case.decided,
        case.status,
        tuple(case.approvals),
        case.answers,
        case.reason,
    )


def stand(state: GateState, found: Standing) -> None:
    """Let a gate that has nothing yet stand so.

    Args:
        state: As new, under the policy that the standing was made under.
        found: As decoded; becomes the gate's.
    """
    evaluator, policy = state.evaluator, state.evaluator.policy
    evaluator.resume(found.history, found.room)
    for said in found.sessions:
        opening = said.opening
        session = reconcile(said.state, policy)
        evaluator.put(opening, session, dict(said.raised))
        known = Known(opening.principal, said.client, said.used, said.quarantine)
        state.sessions.put(opening.session, known)
        for action in said.actions:
            state.allowed.put(action.id, _allowed(opening, action))
        for action in said.calls:
            state.allowed.call(action.id, _allowed(opening, action))
    live, finished = (
        [
            Case(e.asked, e.decided, e.status, list(e.approvals), e.answers, e.reason)
            for e in some
        ]
        for some in (found.live, found.finished)
    )
    state.escalations.resume(live, finished, found.granted)
    for said_last in found.applied:
        state.applied.put(said_last)
    state.ledger.went(found.time)


def _allowed(opening: Opening, action: OpenAction) -> Allowed:
    return Allowed(
        opening.principal,
        opening.session,
        action.tool,
        action.effects,
        action.number,
        action.permit,
        action.call,
    )


__all__ = ["Standing", "stand", "standing"]
