"""Escalations: what waits for stewards, and what their answers allow.

A state machine over entry bodies of the evidence log. Every command returns the body
to be recorded and lets it take effect at once; `take` lets a recorded body take effect
again, so that the log alone rebuilds everything. No clock, no file, no socket: the
caller gives the time and appends what is returned before it answers anybody.

    pending --approve (needed stewards)--> approved --consume--> consumed
       |  deny -> denied   deadline -> expired   revoke -> revoked  |
       +------------------------------------------------------------+

A consumption is recorded before the ALLOW that it buys, so a crash between the two
has used the approval up. Nothing that is finished comes back.
"""

import heapq
from collections.abc import Iterable

from clawlaw.core.approval import approval_id
from clawlaw.core.facts import Approval
from clawlaw.evidence.schema import Answered, AnyBody, Consumed, Decided, Escalated
from clawlaw.gate.answers import (
    LIVE,
    Answer,
    Case,
    EscalationError,
    FullError,
    Limits,
    Status,
    UnknownEscalationError,
    check_answer,
    gates_of,
    steward_name,
)


class Escalations:
    """All escalations of one gate."""

    def __init__(self, limits: Limits | None = None) -> None:
        """Begin with none; `take` adds what a log holds."""
        self.limits = limits or Limits()
        self._cases: dict[str, Case] = {}
        self._waiting: dict[tuple[str, str, tuple[str, ...]], str] = {}
        self._live: dict[str, int] = {}  # by principal
        self._granted: dict[tuple[str, str], dict[str, tuple[Approval, ...]]] = {}
        self._timers: list[tuple[int, str]] = []
        self._finished: dict[str, None] = {}
        self._before: Decided | None = None

    @property
    def grants(self) -> bool:
        """Whether anything is approved and not used; else nothing need be looked up."""
        return bool(self._granted)

    def case(self, escalation: str) -> Case:
        """One escalation.

        Raises:
            UnknownEscalationError: No such id, or long finished and forgotten.
        """
        found = self._cases.get(escalation)
        if found is None:
            raise UnknownEscalationError(
                f"{escalation}: no escalation of that id; `clawlaw steward list` "
                "names those that wait"
            )
        return found

    def cases(self) -> list[Case]:
        """Those that are pending or approved, the oldest first, then the finished."""
        live = [c for c in self._cases.values() if c.status in LIVE]
        return live + [self._cases[name] for name in self._finished]

    def kept(self) -> tuple[list[Case], list[Case]]:
        """Live ones in the order in which they were asked, and finished ones."""
        live = [case for case in self._cases.values() if case.status in LIVE]
        return live, [self._cases[name] for name in self._finished]

    def granted(self) -> tuple[str, ...]:
        """Ids of those that are approved, in the order of the approvals."""
        return tuple(name for found in self._granted.values() for name in found)

    def resume(
        self, live: Iterable[Case], finished: Iterable[Case], granted: Iterable[str]
    ) -> None:
        """Go on with cases as they stood.

        Raises:
            EscalationError: One that is granted does not wait to be used.
        """
        for case in live:
            self._asked(case.asked, case.decided)
            self._cases[case.asked.id] = case
            heapq.heappush(self._timers, (case.due, case.asked.id))
        for case in finished:
            self._cases[case.asked.id] = case
            self._finished[case.asked.id] = None
        for name in granted:
            self._grant(self._alive(name, "granted"))

    def waiting(self, action: str, policy: str, gates: Iterable[str]) -> Case | None:
        """The escalation that already asks the same; asking twice makes no second."""
        found = self._waiting.get((action, policy, tuple(gates)))
        return None if found is None else self._cases[found]

    def ask(
        self, escalation: str, decided: Decided, *, deadline: int, needed: int = 1
    ) -> Escalated:
        """Let a decision wait for stewards.

        Args:
            escalation: Id, new in the log.
            decided: A decision to escalate.
            deadline: Milliseconds since the epoch; then it is denied.
            needed: Stewards who must approve, at least 1.

        Returns:
            The body to record.

        Raises:
            FullError: Too many wait, of this principal or of all.
            EscalationError: The id is known, or `needed` is no number of stewards.
        """
        proposal = decided.record.proposal
        decision = decided.record.decision
        if escalation in self._cases or needed < 1:
            raise EscalationError(f"{escalation}: known already, or needs nobody")
        self._room_for(proposal.principal)
        asked = Escalated(
            id=escalation,
            decision=decided.id,
            action=decision["action"],
            policy=decision["policy"],
            gates=gates_of(decided),
            deadline=deadline,
            needed=needed,
            principal=proposal.principal,
            session=proposal.session,
        )
        self._asked(asked, decided)
        return asked

    def answer(self, escalation: str, answer: Answer, now: int) -> Answered:
        """Let a steward's answer count. Who signed it was verified before.

        Args:
            escalation: Id.
            answer: With a verified signature.
            now: Milliseconds since the epoch.

        Returns:
            The body to record.

        Raises:
            UnknownEscalationError: No such id.
            EscalationError: It is finished or overdue, the steward is who proposed or
                has approved already, the reason or the life of the approval is wrong.
        """
        case = self.case(escalation)
        check_answer(case, answer, now, self.limits)
        body = Answered(
            id=f"{escalation}/{case.answers + 1}",
            escalation=escalation,
            answer=answer.answer,
            steward=answer.key,
            reason=answer.reason.strip(),
            expires=answer.expires,
            signature=answer.signature,
        )
        self.take(body)
        return body

    def next_due(self) -> int | None:
        """When something ends by itself, milliseconds since the epoch, if ever.

        May be earlier than what then ends: an answer does not take a timer back.
        """
        return self._timers[0][0] if self._timers else None

    def due(self, now: int) -> list[Answered]:
        """End what nobody answered, and approvals that nobody used, in time.

        Returns:
            The bodies to record; each of them means DENY.
        """
        ended = []
        while self._timers and self._timers[0][0] <= now:
            _, name = heapq.heappop(self._timers)
            case = self._cases.get(name)
            if case is None or case.status not in LIVE or case.due > now:
                continue
            body = Answered(
                id=f"{name}/{case.answers + 1}",
                escalation=name,
                answer="expire",
                reason=case.ran_out,
            )
            self.take(body)
            ended.append(body)
        return ended

    def approvals_for(self, action: str, policy: str, now: int) -> tuple[Approval, ...]:
        """What stewards approved for exactly this action under exactly this policy.

        Returns:
            Nothing of an escalation of which one needed approval ran out.
        """
        found = self._granted.get((action, policy))
        if not found:
            return ()
        return tuple(
            approval
            for name, approvals in found.items()
            if self._cases[name].due > now
            for approval in approvals
        )

    def consume(
        self, decision: str, action: str, policy: str, used: Iterable[str]
    ) -> tuple[Consumed, ...]:
        """Use approvals up, before the decision that they let pass takes effect.

        Args:
            decision: Id.
            action: Digest in the decision.
            policy: Digest in the decision.
            used: `Delta.consumed`: ids of approvals.

        Returns:
            Bodies to record before the decision, one an escalation.
        """
        wanted = frozenset(used)
        found = self._granted.get((action, policy), {})
        bodies = tuple(
            Consumed(escalation=name, decision=decision)
            for name, approvals in found.items()
            if any(approval_id(a) in wanted for a in approvals)
        )
        for body in bodies:
            self.take(body)
        return bodies

    def take(self, body: AnyBody) -> None:
        """Let a recorded body take effect; bodies of other kinds have none.

        Raises:
            EscalationError: It cannot follow what was recorded before it.
        """
        match body:
            case Decided():
                self._before = body
            case Escalated():
                if body.id in self._cases:
                    raise EscalationError(f"{body.id}: escalated twice in the log")
                before = self._before
                self._before = None
                same = before is not None and before.id == body.decision
                self._asked(body, before if same else None)
            case Answered():
                self._answered(self._alive(body.escalation, body.answer), body)
            case Consumed():
                case = self._alive(body.escalation, "consumed")
                self._finish(case, "consumed", f"used by {body.decision}")
            case _:
                pass

    def _alive(self, name: str, act: str) -> Case:
        case = self._cases.get(name)
        if case is None or case.status not in LIVE:
            status = "unknown" if case is None else case.status
            raise EscalationError(f"{name}: {act} of what is {status}")
        return case

    def _room_for(self, principal: str) -> None:
        limits = self.limits
        if len(self._cases) - len(self._finished) >= limits.waiting:
            raise FullError(
                f"{limits.waiting} escalations wait, the most; stewards must answer"
            )
        if self._live.get(principal, 0) >= limits.per_principal:
            raise FullError(
                f"{limits.per_principal} escalations of {principal} wait, the most; "
                "stewards must answer"
            )

    def _asked(self, asked: Escalated, decided: Decided | None) -> None:
        self._cases[asked.id] = Case(asked, decided)
        self._waiting[asked.action, asked.policy, asked.gates] = asked.id
        self._live[asked.principal] = self._live.get(asked.principal, 0) + 1
        heapq.heappush(self._timers, (asked.deadline, asked.id))

    def _answered(self, case: Case, body: Answered) -> None:
        case.answers += 1
        case.reason = body.reason
        match body.answer:
            case "approve":
                case.approvals.append(body)
                if len(case.approvals) >= case.asked.needed:
                    self._grant(case)
                heapq.heappush(self._timers, (case.due, case.asked.id))
            case "deny":
                self._finish(case, "denied", body.reason)
            case "expire":
                self._finish(case, "expired", body.reason)
            case "revoke":
                self._finish(case, "revoked", body.reason)

    def _grant(self, case: Case) -> None:
        asked = case.asked
        case.status = "approved"
        self._granted.setdefault((asked.action, asked.policy), {})[asked.id] = tuple(
            Approval(
                action=asked.action,
                policy=asked.policy,
                gates=asked.gates,
                approver=steward_name(a.steward),
                expires=a.expires,
            )
            for a in case.approvals
        )

    def _finish(self, case: Case, status: Status, reason: str) -> None:
        asked = case.asked
        case.status, case.reason, case.decided = status, reason, None
        key = asked.action, asked.policy
        granted = self._granted.get(key, {})
        granted.pop(asked.id, None)
        if not granted:
            self._granted.pop(key, None)
        if self._waiting.get((*key, asked.gates)) == asked.id:
            del self._waiting[(*key, asked.gates)]
        self._live[asked.principal] -= 1
        if not self._live[asked.principal]:
            del self._live[asked.principal]
        self._finished[asked.id] = None
        if len(self._finished) > self.limits.finished:
            oldest = next(iter(self._finished))
            del self._finished[oldest], self._cases[oldest]
