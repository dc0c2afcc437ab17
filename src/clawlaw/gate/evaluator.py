"""From a proposal to its record: analyse, look, decide, and let it take effect.

One evaluator is one boundary: its sessions share a room, and what one decision leaves
behind counts for the next. Nothing is written; the caller keeps the records.
"""

from dataclasses import dataclass

import msgspec

from clawlaw.core import kernel, results
from clawlaw.core.actions import AnyEffect, Proposal
from clawlaw.core.analyse import analyse
from clawlaw.core.canonical import digest
from clawlaw.core.decision import Decision, Outcome
from clawlaw.core.facts import Facts
from clawlaw.core.policy import Policy
from clawlaw.core.state import Label, Room, Session, State
from clawlaw.gate.facts import FactSource
from clawlaw.record import (
    VERSION,
    Bound,
    DecisionRecord,
    Opening,
    OutcomeRecord,
    decision_fields,
    extend,
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
    """Sessions under one policy, and the facts they are judged by."""

    def __init__(self, policy: Policy, source: FactSource | None = None) -> None:
        """Begin with an empty room.

        Args:
            policy: Compiled.
            source: Answers for the world; none where all facts are given.
        """
        self.policy = policy
        self.history = START
        self._source = source
        self._room = Room()
        self._sessions: dict[str, Session] = {}
        self._openings: dict[str, Opening] = {}
        self._bound = Bound(policy.workspace, policy.home)

    def open(self, opening: Opening) -> None:
        """Open a session, unless it is open already.

        Raises:
            SessionError: The policy does not let it begin so.
        """
        if opening.session in self._sessions:
            return
        parent = self._sessions.get(opening.parent) if opening.parent else None
        session = kernel.open_session(
            self.policy, opening.principal, opening.session, opening.scope, parent
        )
        self._sessions[opening.session] = session
        self._openings[opening.session] = opening
        self.history = self.history_of(self.history, opening)

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
        session = self._sessions[proposal.session]
        analysis = analyse(proposal, self.policy)
        if facts is None:
            source = self._source
            facts = source.gather(analysis.request) if source else Facts(now=0)
        state = State(session, self._room)
        decision = kernel.decide(proposal, analysis.effects, facts, state, self.policy)
        done = Evaluation(
            self._openings[proposal.session],
            proposal,
            analysis.effects,
            facts,
            decision,
            self.history,
            self._bound,
        )
        kernel.apply(state, decision.delta)
        self.history = extend(
            self.history, {"delta": msgspec.to_builtins(decision.delta)}
        )
        return done

    def settle(
        self, done: Evaluation, text: str, *, untrusted: bool = False, labels: int = 0
    ) -> OutcomeRecord:
        """Take in what came back from an action, with what its tool's answers carry."""
        taught = self.policy.tools.get(done.proposal.tool)
        for carried in getattr(taught, "returns", ()):
            labels |= Label[carried.upper()]
        state = State(self._sessions[done.proposal.session], self._room)
        outcome = results.outcome(
            state, text, untrusted=untrusted, labels=labels, effects=done.effects
        )
        return self.take(done.proposal.session, outcome)

    def take(self, session: str, outcome: Outcome) -> OutcomeRecord:
        """Let an outcome take effect."""
        record = OutcomeRecord(VERSION, self.history, session, outcome)
        kernel.settle(State(self._sessions[session], self._room), outcome)
        self.history = extend(
            self.history, {"outcome": msgspec.to_builtins(outcome), "session": session}
        )
        return record
