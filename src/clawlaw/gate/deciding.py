"""One proposal to one recorded decision.

    bytes -> strict JSON -> secrets replaced -> proposal of the caller
          -> effects -> facts, approvals -> decision -> entries -> effect -> answer

Secrets are replaced before anything is decided, so that the recorded bytes are the
decided bytes; what the executor needs of them stays with its permit, in memory.
"""

from collections.abc import Callable, Mapping, Sequence
from time import perf_counter
from typing import Any, Final

from msgspec import structs

from clawlaw.core import kernel
from clawlaw.core.actions import KIND_OF
from clawlaw.core.decision import Verdict
from clawlaw.core.decode import read_strictly
from clawlaw.core.errors import ProposalError, SessionError
from clawlaw.core.facts import Facts
from clawlaw.evidence.redact import is_hidden, restore
from clawlaw.evidence.schema import Decided, Escalated, Opened
from clawlaw.gate import replies
from clawlaw.gate.allowed import Allowed
from clawlaw.gate.analyses import Analyses
from clawlaw.gate.answers import FullError, gates_of
from clawlaw.gate.evaluator import Evaluation
from clawlaw.gate.facts import FactSource
from clawlaw.gate.peers import Peer
from clawlaw.gate.permits import PermittedAction, PermittedTarget
from clawlaw.gate.replies import Reply
from clawlaw.gate.requests import Call, to_call
from clawlaw.gate.state import GateState
from clawlaw.record import Opening

STAGES: Final = ("decode", "analyse", "facts", "decide", "record")

type Originals = Mapping[str, str]
# Names of stages in their order, and seconds of a clock: of each one's begin, and of
# the last one's end.
type Timed = Callable[[Sequence[str], Sequence[float]], None]
type Redact = Callable[[Any, bytes], tuple[Any, Originals]]


def _as_it_is(value: Any, raw: bytes) -> tuple[Any, Originals]:  # noqa: ANN401  # any JSON
    del raw
    return value, {}


class Hooks:
    """What else takes part in a decision; each does nothing unless it is given."""

    def __init__(
        self,
        *,
        unprotected: Callable[[], str] = lambda: "",
        redact: Redact = _as_it_is,
        keep: Callable[[Originals], None] = lambda _originals: None,
        timed: Timed = lambda _stages, _times: None,
        judged: Callable[[Decided, Evaluation], None] = lambda _decided, _done: None,
        asked: Callable[[Escalated, Decided], None] = lambda _asked, _decided: None,
    ) -> None:
        """Take them.

        Args:
            unprotected: Why nothing may be allowed now; "" where it may.
            redact: Secrets of a value, and of the bytes that it was read from, to
                keyed digests; gives the originals by digest.
            keep: Takes originals before the decision is recorded.
            timed: Is told when the stages of a request began and the last one ended.
            judged: Is told every decision.
            asked: Is told every new escalation; must return at once.
        """
        self.unprotected = unprotected
        self.redact = redact
        self.keep = keep
        self.timed = timed
        self.judged = judged
        self.asked = asked


class Decider:
    """Decides proposals of one gate, in the order in which they come."""

    def __init__(
        self, state: GateState, source: Callable[[str], FactSource], hooks: Hooks
    ) -> None:
        """Decide by `state`; `source` answers for the world, by principal."""
        self._state = state
        self._source = source
        self._hooks = hooks
        self._analyses = Analyses()

    def propose(self, peer: Peer, raw: bytes, trace: str) -> Reply:
        """Decide and record; the answer is durable after a flush.

        Raises:
            ProposalError: No proposal.
            SessionError: Its session is another's, shut off, or cannot be opened.
            LostError: The decision did not take effect; the gate is latched.
        """
        state = self._state
        begin = perf_counter()
        late = self._hooks.unprotected()
        if late:
            raise ProposalError("evidence", late)
        value, originals = self._hooks.redact(read_strictly(raw), raw)
        call = to_call(value, peer.principal)
        proposal = call.proposal
        client = self._session_of(call)
        decoded = perf_counter()
        analysis = self._analyses.of(proposal, state.evaluator.policy)
        if is_hidden(analysis.effects):
            raise ProposalError("arguments", "a secret names what would be touched")
        analysed = perf_counter()
        found = self._source(proposal.principal).gather(analysis.request)
        facts = self._facts(call, found)
        gathered = perf_counter()
        done = state.evaluator.judge(proposal, analysis.effects, facts)
        judged = perf_counter()
        if originals:
            self._hooks.keep(originals)
        reply = self._record(call, done, (client, trace), originals)
        times = (begin, decoded, analysed, gathered, judged, perf_counter())
        self._hooks.timed(STAGES, times)
        return reply

    def _session_of(self, call: Call) -> str:
        """The client of the proposal's session, which is opened where it is new."""
        proposal, state = call.proposal, self._state
        known = state.sessions.get(proposal.session)
        if known is None:
            state.begin(Opened(Opening(proposal.principal, proposal.session)))
            return ""
        if known.principal != proposal.principal:
            raise SessionError("the session belongs to someone else")
        if known.quarantine:
            raise SessionError(f"{known.quarantine}; a steward must look at it")
        return known.client

    def _facts(self, call: Call, found: Facts) -> Facts:
        state = self._state
        now = state.ledger.now()
        sandbox = state.settings.sandbox and call.mediated
        facts = Facts(
            now,
            found.paths,
            found.globs,
            found.programs,
            sandbox=sandbox,
            mediated=call.mediated,
        )
        if not state.escalations.grants:
            return facts
        action = kernel.action_digest(call.proposal, facts)
        policy = state.evaluator.policy.digest
        approvals = state.escalations.approvals_for(action, policy, now)
        return structs.replace(facts, approvals=approvals) if approvals else facts

    def _record(
        self,
        call: Call,
        done: Evaluation,
        said: tuple[str, str],
        originals: Originals,
    ) -> Reply:
        state, decision = self._state, done.decision
        observe = state.settings.observe
        passes = decision.verdict is Verdict.ALLOW or observe
        mediated = passes and call.mediated
        token, permit = state.permits.issue() if mediated else ("", "")
        decided = Decided(
            f"d{state.ledger.next}",
            done.record(),
            "mediated" if call.mediated else "advisory",
            observe,
            permit,
            *said,
        )
        self._consume(decided, done)
        state.effect(lambda: self._took(done))
        escalated = None
        if decision.verdict is Verdict.ESCALATE and not observe:
            escalated = self._escalate(decided, done)
        if passes:
            self._passed(decided, done, originals)
        self._hooks.judged(decided, done)
        return replies.verdict(decided, decision, token, escalated)

    def _took(self, done: Evaluation) -> None:
        """Let a recorded decision take effect; its session was used just now."""
        state, session = self._state, done.proposal.session
        state.evaluator.commit(done)
        known = state.sessions.get(session)
        if known is not None:
            known.used = state.ledger.newest

    def _consume(self, decided: Decided, done: Evaluation) -> None:
        """Record a decision, and before it what it uses up."""
        state, decision = self._state, done.decision
        if not decision.delta.consumed:
            state.ledger.add(decided)
            return
        used = state.escalations.consume(
            decided.id, decision.action, decision.policy, decision.delta.consumed
        )
        state.ledger.add(*used, decided)

    def _escalate(self, decided: Decided, done: Evaluation) -> Escalated | None:
        """Ask stewards, unless the same is asked already or too much is."""
        state = self._state
        decision = done.decision
        waiting = state.escalations.waiting(
            decision.action, decision.policy, gates_of(decided)
        )
        if waiting is not None:
            return waiting.asked
        kinds = {KIND_OF[type(effect)] for effect in done.effects}
        needed = max((state.settings.needed.get(kind, 1) for kind in kinds), default=1)
        deadline = state.ledger.now() + state.settings.deadline
        try:
            escalated = state.escalations.ask(
                f"e{state.ledger.next}", decided, deadline=deadline, needed=needed
            )
        except FullError:
            return None  # nobody can be asked: the answer is a denial
        state.ledger.add(escalated)
        self._hooks.asked(escalated, decided)
        return escalated

    def _passed(self, decided: Decided, done: Evaluation, originals: Originals) -> None:
        """Remember what may be performed now, and for whom its permit stands."""
        state, proposal = self._state, done.proposal
        number = state.evaluator.session(proposal.session).actions
        state.allowed.put(
            decided.id,
            Allowed(
                proposal.principal,
                proposal.session,
                proposal.tool,
                done.effects,
                number,
                decided.permit,
                proposal.id,
            ),
        )
        state.applied.take(decided)
        if decided.permit:
            deadline = state.ledger.now() + state.settings.permit
            action = permitted(decided, originals, deadline)
            state.permits.enter(decided.permit, action)


def permitted(decided: Decided, originals: Originals, deadline: int) -> PermittedAction:
    """What a permit stands for: the action as it was judged, with its secrets."""
    record = decided.record
    proposal, facts = record.proposal, record.facts
    return PermittedAction(
        id=decided.id,
        principal=proposal.principal,
        session=proposal.session,
        tool=proposal.tool,
        arguments=restored(proposal.arguments, originals),
        cwd=proposal.cwd,
        effects=record.effects,
        targets=tuple(
            PermittedTarget(path, f.resolved, f.device, f.inode, f.kind)
            for path, f in facts.paths.items()
        ),
        programs={name: fact.resolved for name, fact in facts.programs.items()},
        deadline=deadline,
    )


def restored(arguments: dict[str, Any], originals: Originals) -> dict[str, Any]:
    """Arguments with their secrets, for the executor."""
    found = restore(arguments, dict(originals))
    assert isinstance(found, dict)  # noqa: S101  # as it was
    return found
