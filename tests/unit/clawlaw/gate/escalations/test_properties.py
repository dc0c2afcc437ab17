"""Laws that hold for every order of questions, answers, time and restarts."""

from collections.abc import Callable

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from clawlaw.core.approval import approval_id
from clawlaw.core.facts import Approval
from clawlaw.evidence.schema import AnyBody, Consumed, Decided
from clawlaw.gate.answers import LIVE, Answer, EscalationError, Limits
from clawlaw.gate.escalations import Escalations

START = 1_700_000_000_000
POLICY = "sha256:" + "0" * 64
LIMITS = Limits(waiting=6, per_principal=4, finished=5, approval=100)

ids = st.integers(0, 7).map("e{}".format)
people = st.sampled_from(["alice+1", "bob+2", "carol+3", "alice+9"])
actions = st.sampled_from(["sha256:a", "sha256:b"])


class Life(RuleBasedStateMachine):
    """Random commands; what counts is kept apart and compared."""

    make: Callable[..., Decided]

    @initialize()
    def begin(self) -> None:
        self.now = START
        self.live = Escalations(LIMITS)
        self.bodies: list[AnyBody] = []
        self.bought: list[str] = []  # escalations whose approval let something pass
        self.number = 0

    @rule(
        name=ids,
        who=st.sampled_from(["coder", "alice"]),
        action=actions,
        needed=st.integers(1, 3),
        life=st.integers(1, 60),
    )
    def ask(self, name: str, who: str, action: str, needed: int, life: int) -> None:
        self.number += 1
        made = type(self).make(self.number, action=action, principal=who)
        try:
            asked = self.live.ask(name, made, deadline=self.now + life, needed=needed)
        except EscalationError:
            return
        self.bodies += [made, asked]

    @rule(
        name=ids,
        who=people,
        word=st.sampled_from(["approve", "approve", "deny", "revoke"]),
        life=st.integers(-1, 110),
    )
    def answer(self, name: str, who: str, word: str, life: int) -> None:
        expires = self.now + life if word == "approve" else 0
        given = Answer(word, "because", who, expires, "s")  # type: ignore[arg-type]
        try:
            self.bodies.append(self.live.answer(name, given, self.now))
        except EscalationError:
            return

    @rule(passed=st.integers(0, 40))
    def wait(self, passed: int) -> None:
        self.now += passed
        self.bodies += self.live.due(self.now)

    @rule(action=actions, some=st.booleans())
    def use(self, action: str, some: bool) -> None:  # noqa: FBT001  # drawn
        found = self.live.approvals_for(action, POLICY, self.now)
        used = [approval_id(a) for a in (found[:1] if some else found)]
        bodies = self.live.consume("d", action, POLICY, used)
        assert bool(bodies) == bool(found)
        self.bought += [b.escalation for b in bodies]
        self.bodies += bodies

    @rule()
    def restart(self) -> None:
        before = self.shown(self.live)
        self.live = Escalations(LIMITS)
        for body in self.bodies:
            self.live.take(body)
        assert self.shown(self.live) == before
        self.bodies += self.live.due(self.now)

    def shown(self, escalations: Escalations) -> object:
        return (
            [
                (c.asked, c.status, c.approvals, c.answers, c.decided is None)
                for c in escalations.cases()
            ],
            [
                escalations.approvals_for(action, POLICY, self.now)
                for action in ("sha256:a", "sha256:b")
            ],
        )

    @invariant()
    def nothing_is_allowed_that_enough_stewards_did_not_allow(self) -> None:
        granted: list[Approval] = []
        for case in self.live.cases():
            names = {a.steward.split("+")[0] for a in case.approvals}
            assert len(names) == len(case.approvals)
            assert case.asked.principal not in names
            if case.status == "approved":
                assert len(names) >= case.asked.needed
                if all(a.expires > self.now for a in case.approvals):
                    granted += [
                        Approval(
                            case.asked.action,
                            POLICY,
                            case.asked.gates,
                            a.steward.split("+")[0],
                            a.expires,
                        )
                        for a in case.approvals
                    ]
        found = [
            a
            for action in ("sha256:a", "sha256:b")
            for a in self.live.approvals_for(action, POLICY, self.now)
        ]
        assert sorted(map(approval_id, found)) == sorted(map(approval_id, granted))

    @invariant()
    def an_approval_is_used_once(self) -> None:
        recorded = [b.escalation for b in self.bodies if isinstance(b, Consumed)]
        assert recorded == self.bought

    @invariant()
    def bounds_hold(self) -> None:
        cases = self.live.cases()
        alive = [c for c in cases if c.status in LIVE]
        assert len(alive) <= LIMITS.waiting
        assert len(cases) - len(alive) <= LIMITS.finished


def test_every_order_of_questions_answers_time_and_restarts(
    decided: Callable[..., Decided],
) -> None:
    bound = type("Bound", (Life,), {"make": staticmethod(decided)})
    run_state_machine_as_test(
        bound, settings=settings(max_examples=60, stateful_step_count=40, deadline=None)
    )
