"""What stewards ask of the gate: every act signed by a steward's own key and recorded.

The listener has shown which account asks; the signature shows which person. A signed
statement names the gate, the act, everything that it changes and when it was made, so
that it counts here, once, and not for long.
"""

from collections.abc import Callable
from typing import Annotated, Literal

from msgspec import Meta, Struct

from clawlaw.core.canonical import Json
from clawlaw.core.policy import Policy
from clawlaw.evidence.schema import Activated, Adjusted
from clawlaw.gate import replies
from clawlaw.gate.answers import EscalationError, UnknownEscalationError
from clawlaw.gate.boundary import Boundary
from clawlaw.gate.desk import Desk, DeskError
from clawlaw.gate.peers import Peer
from clawlaw.gate.replies import Reply
from clawlaw.gate.requests import read
from clawlaw.gate.stewards import StewardError, Stewards, statement

FRESH = 300_000  # milliseconds between a statement's time and the gate's

Key = Annotated[str, Meta(min_length=1, max_length=100)]
Reason = Annotated[str, Meta(min_length=1, max_length=400)]


class Signed(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An act with its proof.

    Attributes:
        key: Id of the steward's key.
        at: When it was signed, milliseconds since the epoch; later than any before.
        signature: Base64, over :func:`clawlaw.gate.stewards.statement`.
    """

    key: Key
    at: int
    signature: Annotated[str, Meta(max_length=200)]


class BudgetRequest(Signed, frozen=True):
    """A budget of a session is raised, or what it spent is set to zero."""

    act: Literal["increase", "reset"]
    unit: Annotated[str, Meta(max_length=64)] = ""
    ceiling: Annotated[int, Meta(ge=0, le=2**53 - 1)] = 0


class PolicyRequest(Signed, frozen=True):
    """Another policy is put into force: the one in a folder, with this digest."""

    path: Annotated[str, Meta(pattern="^/", max_length=4096)]
    digest: str


class SessionRequest(Signed, frozen=True):
    """A session is shut off, or closed."""

    reason: Reason


class Stewardship:
    """The stewards' side of one boundary."""

    def __init__(self, boundary: Boundary, stewards: Stewards, gate: str) -> None:
        """Serve the stewards of a gate.

        Args:
            boundary: With everything that they decide on.
            stewards: Whose signatures count.
            gate: Origin of the log.
        """
        self._boundary = boundary
        self._state = boundary.state
        self._stewards = stewards
        self._desk = Desk(gate, stewards, boundary.state.escalations)
        self._gate = gate
        self._last: dict[str, int] = {}

    def escalations(self, *, finished: bool) -> Reply:
        """Everything that waits, and what has ended where that is wanted."""
        return replies.struct(
            self._desk.view(self._state.ledger.now(), finished=finished)
        )

    def escalation(self, name: str) -> Reply:
        """One escalation."""
        try:
            return replies.struct(self._desk.case(name, self._state.ledger.now()))
        except UnknownEscalationError as error:
            return replies.problem(404, str(error), name[:64], "list what waits")

    def answer(self, peer: Peer, name: str, raw: bytes) -> Reply:
        """Take a steward's answer to an escalation."""
        return self._act(peer, raw, name, lambda: self._answer(name, raw))

    def budget(self, peer: Peer, session: str, raw: bytes) -> Reply:
        """Change a budget of a session."""
        return self._act(peer, raw, session, lambda: self._budget(session, raw))

    def quarantine(self, peer: Peer, session: str, raw: bytes) -> Reply:
        """Shut a session off."""
        return self._act(peer, raw, session, lambda: self._shut(session, raw))

    def close(self, peer: Peer, session: str, raw: bytes) -> Reply:
        """Close a session, quarantined or not."""
        return self._act(peer, raw, session, lambda: self._close(session, raw))

    def checked_policy(self, raw: bytes) -> PolicyRequest:
        """A request for another policy, by a steward.

        Raises:
            ProposalError: It is no such request.
            StewardError: Its signature does not count.
        """
        asked = read(raw, PolicyRequest)
        self._verify(asked, "policy", {"path": asked.path, "digest": asked.digest})
        return asked

    def activate(self, policy: Policy, by: str) -> Reply:
        """Put a policy into force for every decision from now on."""
        activate(self._boundary, policy, by)
        said = {"name": policy.name, "version": policy.version, "policy": policy.digest}
        return self._boundary.hold(replies.fields(said))

    def _act(
        self, peer: Peer, raw: bytes, where: str, serve: Callable[[], Reply]
    ) -> Reply:
        def checked() -> Reply:
            try:
                return serve()
            except UnknownEscalationError as error:
                return replies.problem(404, str(error), where, "list what waits")
            except (StewardError, EscalationError, DeskError) as error:
                return replies.problem(409, str(error), where, "nothing has changed")

        return self._boundary.enter(peer, raw, checked)

    def _answer(self, name: str, raw: bytes) -> Reply:
        body = self._desk.answer(name, raw, self._state.ledger.now())
        self._state.ledger.add(body)
        state = self._state.escalations.case(name).status
        return replies.fields({"id": name, "state": state}, durable=False)

    def _budget(self, session: str, raw: bytes) -> Reply:
        asked = read(raw, BudgetRequest)
        known = self._open(session)
        if known is not None:
            return known
        said: dict[str, Json] = {
            "session": session,
            "act": asked.act,
            "unit": asked.unit,
            "ceiling": asked.ceiling,
        }
        self._verify(asked, "budget", said)
        increase = asked.act == "increase"
        evaluator = self._state.evaluator
        before = evaluator.session(session).scope.budgets.get(asked.unit, 0)
        if increase and asked.ceiling <= before:
            what = f"{asked.unit or 'no unit'}: {asked.ceiling} is not above {before}"
            return replies.problem(409, what, session, "give a higher ceiling")
        unit, ceiling = (asked.unit, asked.ceiling) if increase else ("", 0)
        body = Adjusted(
            session, asked.act, asked.key, asked.unit, asked.ceiling, asked.signature
        )
        self._state.record(body, lambda: evaluator.adjust(session, unit, ceiling))
        level = evaluator.session(session).level
        return replies.fields({"session": session, "level": level}, durable=False)

    def _shut(self, session: str, raw: bytes) -> Reply:
        asked = read(raw, SessionRequest)
        self._verify(asked, "quarantine", {"session": session, "reason": asked.reason})
        if not self._state.quarantine(session, f"{asked.key}: {asked.reason}"):
            what = "not open, or shut off already"
            return replies.problem(409, what, session, "nothing has changed")
        return replies.fields({"session": session, "quarantined": True}, durable=False)

    def _close(self, session: str, raw: bytes) -> Reply:
        asked = read(raw, SessionRequest)
        known = self._open(session)
        if known is not None:
            return known
        self._verify(asked, "close", {"session": session, "reason": asked.reason})
        self._state.close(session, f"{asked.key}: {asked.reason}")
        return replies.fields({"session": session, "closed": True}, durable=False)

    def _open(self, session: str) -> Reply | None:
        if self._state.sessions.get(session) is not None:
            return None
        return replies.problem(404, "no such session", session, "name an open one")

    def _verify(self, asked: Signed, about: str, said: dict[str, Json]) -> None:
        """Check whose act it is, that it is of now, and that it is not a copy.

        Raises:
            StewardError: It does not count.
        """
        bound = statement(self._gate, about, {**said, "key": asked.key, "at": asked.at})
        self._stewards.verify(asked.key, bound, asked.signature)
        now = self._state.ledger.now()
        if abs(now - asked.at) > FRESH:
            raise StewardError(
                f"signed {asked.at - now} ms from the gate's time; sign it again, and "
                "look at both clocks"
            )
        if asked.at <= self._last.get(asked.key, 0):
            raise StewardError("signed before an act that was done; sign it again")
        self._last[asked.key] = asked.at


def activate(boundary: Boundary, policy: Policy, by: str) -> None:
    """Record a policy and judge by it from now on.

    Raises:
        LostError: It did not take effect; the gate is latched.
    """
    state = boundary.state
    body = Activated(policy.name, policy.version, policy.digest, policy.kernel, by)
    state.record(body, lambda: state.evaluator.activate(policy))
