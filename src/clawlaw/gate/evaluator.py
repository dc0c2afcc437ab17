"""From a proposal to its record: analyse, look, decide, and let it take effect.

One evaluator is one boundary: its sessions share a room, and what one decision leaves
behind counts for the next. Nothing is written; the caller keeps the records.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import msgspec
from msgspec import structs

from clawlaw.core import kernel, results
from clawlaw.core.actions import AnyEffect, Proposal
from clawlaw.core.analyse import analyse
from clawlaw.core.budget import increase, reconcile, reset
from clawlaw.core.canonical import Json, digest
from clawlaw.core.decision import Decision, Delta, Outcome
from clawlaw.core.errors import SessionError, StateError
from clawlaw.core.facts import Facts
from clawlaw.core.policy import Policy
from clawlaw.core.state import Label, Room, Scope, Session, State
from clawlaw.gate.facts import FactSource
from clawlaw.record import (
    VERSION,
    Bound,
    DecisionRecord,
    Opening,
    OutcomeRecord,
    decision_fields,
    extend,
    extend_struct,
)

START = digest("clawlaw history 1")


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A decision with everything that it rested on.

    Attributes:
        history: Digest of what came before it.
    """

    opening: Opening
    proposal: Proposal
    effects: tuple[AnyEffect, ...]
    facts: Facts
    decision: Decision
    history: str
    bindings: Bound

    def record(self) -> DecisionRecord:
        """The record of this decision."""
        return DecisionRecord(
            VERSION,
            self.history,
            self.bindings,
            self.opening,
            self.proposal,
            self.effects,
            self.facts,
            decision_fields(self.decision),
        )


class Evaluator:
    """Sessions under one policy, and the facts they are judged by.

    Attributes:
        policy: In force.
        history: Digest of everything that took effect.
        changed: Another policy was in force before.
    """

    def __init__(self, policy: Policy, source: FactSource | None = None) -> None:
        """Begin with an empty room.

        Args:
            policy: Compiled.
            source: Answers for the world; none where all facts are given.
        """
        self.policy = policy
        self._history = START
        self._latest: Delta | None = None  # took effect and is not in the digest yet
        self.changed = False
        self._source = source
        self._room = Room()
        self._sessions: dict[str, Session] = {}
        self._openings: dict[str, Opening] = {}
        self._raised: dict[str, dict[str, int]] = {}  # ceilings, by session and unit
        self._bound = Bound(policy.workspace, policy.home)

    @property
    def history(self) -> str:
        """Digest of everything that took effect; worked out when it is asked for."""
        if self._latest is not None:
            self._history = extend_struct(self._history, "delta", self._latest)
            self._latest = None
        return self._history

    def open(self, opening: Opening) -> None:
        """Open a session, unless it is open already.

        Raises:
            SessionError: The policy does not let it begin so.
        """
        if opening.session not in self._sessions:
            self._begin(opening, self.opened(opening))

    def opened(self, opening: Opening) -> Session:
        """A session as it would begin; nothing changes.

        Raises:
            SessionError: The policy does not let it begin so.
        """
        parent = self._sessions.get(opening.parent) if opening.parent else None
        return kernel.open_session(
            self.policy, opening.principal, opening.session, opening.scope, parent
        )

    def reopen(self, opening: Opening) -> None:
        """Open a recorded session; one that the policy of now refuses is halted."""
        try:
            self.open(opening)
        except SessionError:
            nothing = Scope(purpose="")
            session = Session(opening.session, opening.principal, nothing)
            session.level = "halted"
            self._begin(opening, session)

    def _begin(self, opening: Opening, session: Session) -> None:
        self._sessions[opening.session] = session
        self._openings[opening.session] = opening
        self._history = self.history_of(self.history, opening)

    @staticmethod
    def history_of(before: str, opening: Opening) -> str:
        """Digest of a history in which a session opens next."""
        return extend(before, {"opening": msgspec.to_builtins(opening)})

    def knows(self, session: str) -> bool:
        """Whether a session of that id is open."""
        return session in self._sessions

    def evaluate(self, proposal: Proposal, facts: Facts | None = None) -> Evaluation:
        """Decide a proposal and let the decision take effect.

        Args:
            proposal: Of a session; one that is not open is opened with the whole
                ceiling of its principal.
            facts: In place of those that the source would give.

        Raises:
            SessionError: The session cannot be opened.
            ProposalError: The arguments are none that the tool takes; that is a denial.
        """
        self.open(Opening(proposal.principal, proposal.session))
        analysis = analyse(proposal, self.policy)
        if facts is None:
            source = self._source
            facts = source.gather(analysis.request) if source else Facts(now=0)
        done = self.judge(proposal, analysis.effects, facts)
        self.commit(done)
        return done

    def judge(
        self, proposal: Proposal, effects: tuple[AnyEffect, ...], facts: Facts
    ) -> Evaluation:
        """Decide a proposal of an open session; nothing changes yet."""
        state = State(self._sessions[proposal.session], self._room)
        decision = kernel.decide(proposal, effects, facts, state, self.policy)
        return Evaluation(
            self._openings[proposal.session],
            proposal,
            effects,
            facts,
            decision,
            self.history,
            self._bound,
        )

    def commit(self, done: Evaluation) -> None:
        """Let the decision that was judged last take effect."""
        self._apply(done.proposal.session, done.decision.delta)

    def _apply(self, session: str, delta: Delta) -> None:
        before = self.history
        kernel.apply(State(self._sessions[session], self._room), delta)
        self._history, self._latest = before, delta

    def restore(self, record: DecisionRecord) -> None:
        """Let a recorded decision take effect again, without deciding it again.

        Raises:
            StateError: It was made after another history, or in no open session.
        """
        session = record.proposal.session
        if record.history != self.history or session not in self._sessions:
            raise StateError(f"{session}: its decision follows another history")
        self._apply(session, msgspec.convert(record.decision["delta"], Delta))

    def settle(
        self, done: Evaluation, text: str, *, untrusted: bool = False, labels: int = 0
    ) -> OutcomeRecord:
        """Take in what came back from an action, with what its tool's answers carry."""
        proposal = done.proposal
        outcome = self.learn(
            proposal.session,
            proposal.tool,
            done.effects,
            text,
            untrusted=untrusted,
            labels=labels,
        )
        return self.take(proposal.session, outcome)

    def learn(
        self,
        session: str,
        tool: str,
        effects: tuple[AnyEffect, ...],
        text: str,
        *,
        untrusted: bool = False,
        labels: int = 0,
        action: int | None = None,
    ) -> Outcome:
        """What the result of an action teaches; nothing changes yet.

        Args:
            session: Of the action.
            tool: Whose answers may carry labels of their own.
            effects: Of the action.
            text: What came back, as the agent will see it.
            untrusted: Others wrote it.
            labels: Bits that are known of it besides.
            action: Its number in the session; none: the last one decided.
        """
        for carried in getattr(self.policy.tools.get(tool), "returns", ()):
            labels |= Label[carried.upper()]
        state = State(self._sessions[session], self._room)
        return results.outcome(
            state,
            text,
            untrusted=untrusted,
            labels=labels,
            effects=effects,
            action=action,
        )

    def take(self, session: str, outcome: Outcome) -> OutcomeRecord:
        """Let an outcome take effect."""
        record = OutcomeRecord(VERSION, self.history, session, outcome)
        kernel.settle(State(self._sessions[session], self._room), outcome)
        self._history = extend(
            self.history, {"outcome": msgspec.to_builtins(outcome), "session": session}
        )
        return record

    def session(self, session: str) -> Session:
        """The state of an open session, to be read.

        Raises:
            KeyError: It is not open.
        """
        return self._sessions[session]

    @property
    def room(self) -> Room:
        """What the sessions share, to be read."""
        return self._room

    def raised(self, session: str) -> dict[str, int]:
        """Ceilings that stewards raised for a session, by unit."""
        return dict(self._raised.get(session, {}))

    def resume(self, history: str, room: Room) -> None:
        """Go on from a room and its history; sessions are put in after."""
        self._history, self._latest = history, None
        self._room = room

    def put(self, opening: Opening, session: Session, raised: dict[str, int]) -> None:
        """Put in a session as it stood; the history already tells of it."""
        self._sessions[opening.session] = session
        self._openings[opening.session] = opening
        if raised:
            self._raised[opening.session] = raised

    def openings(self) -> Iterator[Opening]:
        """How every open session began."""
        return iter(self._openings.values())

    def close(self, session: str) -> None:
        """Forget a session; what it left in the room stays."""
        del self._sessions[session]
        del self._openings[session]
        self._raised.pop(session, None)

    def adjust(self, session: str, unit: str, ceiling: int) -> None:
        """Let a steward's change of a budget take effect.

        Args:
            session: Open.
            unit: Whose ceiling is raised; "" sets the spend to zero instead.
            ceiling: New one.

        Raises:
            SessionError: The ceiling is not above the present one.
        """
        before = self._sessions[session]
        after = increase(before, unit, ceiling) if unit else reset(before)
        self._sessions[session] = after
        if unit:
            self._raised.setdefault(session, {})[unit] = ceiling
        said: Json = {"ceiling": ceiling, "session": session, "unit": unit}
        self._history = extend(self.history, {"adjusted": said})

    def activate(self, policy: Policy) -> None:
        """Judge under another policy from now on.

        Open sessions keep what they did and what they carry. Their scope is cut to the
        new ceiling; a session that could not be opened so any more is halted.
        """
        self.changed = self.changed or policy.digest != self.policy.digest
        self.policy = policy
        self._bound = Bound(policy.workspace, policy.home)
        for name, session in self._sessions.items():
            self._sessions[name] = self._under(session, policy)

    def _under(self, session: Session, policy: Policy) -> Session:
        parent = self._sessions.get(session.parent) if session.parent else None
        # Of a parent that has ended, what it handed on is in the session's own scope.
        ended = parent is None and bool(session.parent)
        scope = session.scope if ended else self._openings[session.id].scope
        try:
            cut = kernel.open_session(
                policy, session.principal, session.id, scope, parent
            )
        except SessionError:
            return structs.replace(session, level="halted")
        budgets = {**cut.scope.budgets, **self._raised.get(session.id, {})}
        scope = structs.replace(cut.scope, budgets=budgets)
        return reconcile(structs.replace(session, scope=scope), policy)
