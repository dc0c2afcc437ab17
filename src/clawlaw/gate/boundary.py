"""The gate without its sockets: requests in, answers out, everything recorded between.

Every method takes one request and returns one answer at once; an answer that rests on
an entry is not durable, and must not be sent, before `flush` has been called. Nothing
raises: whatever goes wrong on the way to an answer is a denial that is recorded.
"""

import hashlib
from collections.abc import Callable
from time import perf_counter

import msgspec
from msgspec import structs

from clawlaw.core.errors import ProposalError, SessionError
from clawlaw.core.state import Label
from clawlaw.evidence.schema import Opened, Performed, Refused
from clawlaw.gate import replies
from clawlaw.gate.allowed import Allowed
from clawlaw.gate.answers import EscalationError
from clawlaw.gate.applied import AppliedRequest
from clawlaw.gate.deciding import Decider, Hooks
from clawlaw.gate.facts import FactSource
from clawlaw.gate.peers import Peer
from clawlaw.gate.permits import PermitError
from clawlaw.gate.replies import Reply
from clawlaw.gate.requests import (
    CloseRequest,
    OpenRequest,
    OutcomeRequest,
    RedeemRequest,
    read,
)
from clawlaw.gate.settling import settled
from clawlaw.gate.state import GateState, LostError
from clawlaw.record import VERSION, Opening, RefusalRecord

MAX_REASON = 400  # characters of a refusal's reason


class Boundary:
    """One enforcement point; one thread calls it."""

    def __init__(
        self,
        state: GateState,
        source: Callable[[str], FactSource],
        hooks: Hooks | None = None,
    ) -> None:
        """Serve by `state`; `source` answers for the world, by principal."""
        self.state = state
        self.hooks = hooks or Hooks()
        self._decider = Decider(state, source, self.hooks)
        self._waiting: list[Reply] = []

    @property
    def waiting(self) -> int:
        """Answers that wait for a flush."""
        return len(self._waiting)

    def propose(self, peer: Peer, raw: bytes, trace: str = "") -> Reply:
        """Decide one proposal."""
        return self.enter(
            peer, raw, lambda: self._decider.propose(peer, raw, trace[:128])
        )

    def open_session(self, peer: Peer, raw: bytes) -> Reply:
        """Begin a session with what it declares."""
        return self.enter(peer, raw, lambda: self._open(peer, raw))

    def close_session(self, peer: Peer, raw: bytes) -> Reply:
        """End a session of the caller's."""
        return self.enter(peer, raw, lambda: self._close(peer, raw))

    def redeem(self, peer: Peer, raw: bytes) -> Reply:
        """Tell an executor what its permit stands for, once."""
        return self.enter(peer, raw, lambda: self._redeem(peer, raw))

    def outcome(self, peer: Peer, raw: bytes) -> Reply:
        """Take in what became of an allowed action."""
        return self.enter(peer, raw, lambda: self._outcome(peer, raw))

    def applied(self, peer: Peer, raw: bytes) -> Reply:
        """Tell a controller what it said last is applied."""
        return self.enter(peer, raw, lambda: self._applied(peer, raw))

    def escalation(self, peer: Peer, name: str) -> Reply:
        """How one of the caller's escalations stands."""
        try:
            case = self.state.escalations.case(name)
        except EscalationError:
            case = None
        if case is None or case.asked.principal != peer.principal:
            remedy = "ask with the id that the answer to the proposal has"
            return replies.problem(404, "no such escalation", name[:64], remedy)
        return replies.fields(
            {
                "id": name,
                "state": case.status,
                "deadline": case.asked.deadline,
                "reason": case.reason,
            }
        )

    def flush(self) -> bool:
        """Make everything that was recorded durable, and so its answers.

        Returns:
            Whether the gate can still record. Where it cannot, every answer that was
            waiting has become a denial.
        """
        waiting, self._waiting = self._waiting, []
        ledger = self.state.ledger
        begin = perf_counter()
        durable = ledger.flush()
        for reply in waiting:
            if durable:
                reply.durable = True
            else:
                reply.deny_instead()
        if waiting:
            self.hooks.timed(("sync",), (begin, perf_counter()))
        if waiting and not durable:
            ledger.uncounted("latched", ledger.now(), len(waiting))
        return durable

    def rest(self) -> None:
        """Do what no answer waited for."""
        _ = self.state.evaluator.history

    def hold(self, reply: Reply) -> Reply:
        """Let an answer wait until everything recorded so far is durable."""
        reply.durable = False
        self._waiting.append(reply)
        return reply

    def enter(self, peer: Peer, raw: bytes, serve: Callable[[], Reply]) -> Reply:
        """Serve one request that may record something; whatever is wrong, deny.

        Args:
            peer: Who asks.
            raw: What was asked; only its digest is recorded where it is refused.
            serve: Does it.
        """
        ledger = self.state.ledger
        if ledger.latched:
            ledger.uncounted("latched", ledger.now())
            return replies.unavailable(replies.NOT_RECORDED)
        if len(self._waiting) >= self.state.settings.queue:
            ledger.uncounted("overload", ledger.now())
            return replies.unavailable(replies.OVERLOADED)
        try:
            reply = serve()
        except ProposalError as error:
            reply = self._refuse(peer, raw, error.field, error.reason)
        except SessionError as error:
            reply = self._refuse(peer, raw, "session", str(error))
        except LostError:
            return self.hold(replies.unavailable(replies.NOT_RECORDED))
        except Exception as error:  # noqa: BLE001  # whatever it is, it denies
            reason = f"the gate failed ({type(error).__name__})"
            reply = self._refuse(peer, raw, "", reason)
        return reply if reply.durable else self.hold(reply)

    def _refuse(self, peer: Peer, raw: bytes, where: str, reason: str) -> Reply:
        ledger = self.state.ledger
        reason = reason.encode("utf-8", "backslashreplace").decode()[:MAX_REASON]
        taken = "sha256:" + hashlib.sha256(raw).hexdigest()
        history = self.state.evaluator.history
        record = RefusalRecord(VERSION, history, taken, where, reason)
        name = f"d{ledger.next}"
        ledger.add(Refused(name, record, peer.principal))
        return replies.refused(name, f"{where}: {reason}" if where else reason)

    def _open(self, peer: Peer, raw: bytes) -> Reply:
        asked = read(raw, OpenRequest)
        opening = Opening(peer.principal, asked.session, asked.scope, asked.parent)
        self.state.begin(Opened(opening, asked.client, asked.goal))
        session = self.state.evaluator.session(asked.session)
        said = {
            "session": session.id,
            "scope": structs.asdict(session.scope),
            "level": session.level,
            "observe": self.state.settings.observe,
        }
        return replies.fields(said, durable=False)

    def _close(self, peer: Peer, raw: bytes) -> Reply:
        asked = read(raw, CloseRequest)
        known = self.state.sessions.get(asked.session)
        if known is None or known.principal != peer.principal:
            remedy = "close a session that you opened"
            return replies.problem(404, "no such session", asked.session, remedy)
        if known.quarantine:
            remedy = "a steward must look at it and close it"
            return replies.problem(409, known.quarantine, asked.session, remedy)
        self.state.close(asked.session)
        return replies.fields({"session": asked.session}, durable=False)

    def _redeem(self, peer: Peer, raw: bytes) -> Reply:
        asked = read(raw, RedeemRequest)
        state, settings = self.state, self.state.settings
        now = state.ledger.now()
        try:
            action = state.permits.redeem(asked.permit, peer.principal, now)
        except PermitError as error:
            return replies.problem(
                409, str(error), "permit", "propose the action again"
            )
        said = msgspec.to_builtins(action)
        del said["principal"], said["session"]
        said["home"] = state.evaluator.policy.home
        said["workspace"] = state.evaluator.policy.workspace
        said["sandbox"] = {
            "write": settings.write or state.evaluator.policy.workspace,
            "read": settings.read,
            "hide": settings.hide,
            "network": settings.network,
        }
        return replies.fields(said)

    def _applied(self, peer: Peer, raw: bytes) -> Reply:
        asked = read(raw, AppliedRequest)
        found = self.state.applied.of(peer.principal, asked.platform)
        return replies.fields(structs.asdict(found), durable=False)

    def _outcome(self, peer: Peer, raw: bytes) -> Reply:
        asked = read(raw, OutcomeRequest)
        allowed = self.state.allowed.get(asked.id)
        if allowed is None or allowed.principal != peer.principal:
            remedy = "report an outcome once, by the id of the answer that allowed it"
            return replies.problem(404, "no open action", asked.id, remedy)
        self._settle(asked, allowed)
        quarantined = asked.status == "mismatch" and self.state.quarantine(
            allowed.session, f"{asked.id} ran as something else than was judged"
        )
        said = {"id": asked.id, "quarantined": quarantined}
        return replies.fields(said, durable=False)

    def _settle(self, asked: OutcomeRequest, allowed: Allowed) -> None:
        evaluator = self.state.evaluator
        labels = 0
        for name in asked.labels:
            labels |= Label[name.upper()]
        outcome = evaluator.learn(
            allowed.session,
            allowed.tool,
            allowed.effects,
            asked.text,
            untrusted=asked.untrusted,
            labels=labels,
            action=allowed.number,
        )
        outcome, exchange = settled(asked, allowed, outcome)
        performed = Performed(
            asked.id,
            allowed.session,
            outcome,
            evaluator.history,
            asked.status,
            asked.exit,
            asked.duration,
            asked.bytes_out,
            asked.files,
            asked.sandbox,
            exchange,
        )
        self.state.record(performed, lambda: evaluator.take(allowed.session, outcome))
        self.state.allowed.remove(asked.id)
