"""What waits for stewards, and what their answers allow."""

from collections.abc import Callable

import pytest

from clawlaw.core.approval import approval_id
from clawlaw.evidence.schema import (
    Answered,
    AnyBody,
    Consumed,
    Decided,
    Entry,
    Escalated,
    decode_entry,
    encode_entry,
)
from clawlaw.gate.answers import (
    Answer,
    EscalationError,
    FullError,
    Limits,
    UnknownEscalationError,
    Word,
)
from clawlaw.gate.escalations import Escalations

type Make = Callable[..., Decided]

NOW = 1_700_000_000_000
MINUTE = 60_000
DEADLINE = NOW + 30 * MINUTE
POLICY = "sha256:" + "0" * 64
ALICE = "alice+00000001"
BOB = "bob+00000002"


def said(
    answer: Word = "approve",
    key: str = ALICE,
    *,
    expires: int = NOW + 10 * MINUTE,
    reason: str = "it is mine",
) -> Answer:
    return Answer(answer, reason, key, expires if answer == "approve" else 0, "c2ln")


class Kept:
    """Escalations whose bodies are kept as a log keeps them."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits
        self.live = Escalations(limits)
        self.bodies: list[AnyBody] = []

    def ask(self, name: str, decided: Decided, *, needed: int = 1) -> Escalated:
        asked = self.live.ask(name, decided, deadline=DEADLINE, needed=needed)
        self.bodies += [decided, asked]
        return asked

    def answer(self, name: str, answer: Answer, now: int = NOW) -> Answered:
        body = self.live.answer(name, answer, now)
        self.bodies.append(body)
        return body

    def due(self, now: int) -> list[Answered]:
        bodies = self.live.due(now)
        self.bodies += bodies
        return bodies

    def rebuilt(self) -> Escalations:
        """What the log alone makes, through the bytes of its entries."""
        found = Escalations(self.limits)
        for seq, body in enumerate(self.bodies):
            data = encode_entry(Entry(1, seq, NOW, "b", body))
            found.take(decode_entry(data).body)
        return found


def test_approval_covers_the_shown_gates_of_one_action_under_one_policy(
    decided: Make,
) -> None:
    kept = Kept()
    asked = kept.ask("e1", decided(gates=("b.ask", "a.ask", "a.ask")))
    assert asked.gates == ("a.ask", "b.ask")
    assert kept.live.approvals_for(asked.action, POLICY, NOW) == ()
    kept.answer("e1", said())
    (approval,) = kept.live.approvals_for(asked.action, POLICY, NOW)
    assert approval.gates == ("a.ask", "b.ask")
    assert approval.approver == "alice"
    assert approval.expires == NOW + 10 * MINUTE
    assert kept.live.approvals_for("sha256:other", POLICY, NOW) == ()
    assert kept.live.approvals_for(asked.action, "sha256:other", NOW) == ()


def test_waived_gates_are_not_asked_again(decided: Make) -> None:
    made = decided(gates=("a.ask", "b.ask"))
    made.record.decision["findings"][0]["waived"] = True
    assert Kept().ask("e1", made).gates == ("b.ask",)


@pytest.mark.parametrize("word", ["approve", "deny", "revoke"])
def test_answers_to_unknown_ids_are_errors(word: Word) -> None:
    with pytest.raises(UnknownEscalationError, match="no escalation of that id"):
        Escalations().answer("e1", said(word), NOW)


def test_proposer_never_answers(decided: Make) -> None:
    kept = Kept()
    kept.ask("e1", decided(principal="alice"))
    for word in ("approve", "deny"):
        with pytest.raises(EscalationError, match="alice proposed it"):
            kept.answer("e1", said(word))
    kept.answer("e1", said(key=BOB))
    assert kept.live.case("e1").status == "approved"


def test_several_stewards_must_approve_and_each_counts_once(decided: Make) -> None:
    kept = Kept()
    asked = kept.ask("e1", decided(), needed=2)
    kept.answer("e1", said())
    assert kept.live.case("e1").status == "pending"
    assert kept.live.approvals_for(asked.action, POLICY, NOW) == ()
    # Another key of the same person is the same person.
    for key in (ALICE, "alice+00000009"):
        with pytest.raises(EscalationError, match="alice approved already"):
            kept.answer("e1", said(key=key))
    kept.answer("e1", said(key=BOB))
    approvals = kept.live.approvals_for(asked.action, POLICY, NOW)
    assert [a.approver for a in approvals] == ["alice", "bob"]


def test_one_denial_ends_it_whatever_was_approved(decided: Make) -> None:
    kept = Kept()
    asked = kept.ask("e1", decided(), needed=2)
    kept.answer("e1", said())
    kept.answer("e1", said("deny", BOB))
    assert kept.live.case("e1").status == "denied"
    assert kept.live.approvals_for(asked.action, POLICY, NOW) == ()
    with pytest.raises(EscalationError, match="it is denied"):
        kept.answer("e1", said(key="carol+00000003"))


def test_deadline_denies(decided: Make) -> None:
    kept = Kept()
    kept.ask("e1", decided())
    assert kept.live.next_due() == DEADLINE
    assert kept.due(DEADLINE - 1) == []
    with pytest.raises(EscalationError, match="not answered before its deadline"):
        kept.answer("e1", said(expires=DEADLINE + MINUTE), DEADLINE)
    (body,) = kept.due(DEADLINE)
    assert (body.answer, body.steward, body.signature) == ("expire", "", "")
    assert kept.live.case("e1").status == "expired"
    assert kept.live.next_due() is None


def test_unused_approval_runs_out(decided: Make) -> None:
    kept = Kept()
    asked = kept.ask("e1", decided())
    kept.answer("e1", said(expires=NOW + 5))
    assert kept.live.approvals_for(asked.action, POLICY, NOW + 5) == ()
    (body,) = kept.due(NOW + 5)
    assert body.reason == "an approval ran out before it was used"
    assert kept.due(DEADLINE) == []


def test_approval_outlives_the_deadline_of_the_question(decided: Make) -> None:
    kept = Kept()
    asked = kept.ask("e1", decided())
    late = DEADLINE - 1
    kept.answer("e1", said(expires=late + 10 * MINUTE), late)
    assert kept.due(DEADLINE) == []
    assert kept.live.approvals_for(asked.action, POLICY, DEADLINE + MINUTE)


def test_one_needed_approval_that_ran_out_takes_all(decided: Make) -> None:
    kept = Kept()
    asked = kept.ask("e1", decided(), needed=2)
    kept.answer("e1", said(expires=NOW + 5))
    kept.answer("e1", said(key=BOB))
    assert len(kept.live.approvals_for(asked.action, POLICY, NOW)) == 2
    assert kept.live.approvals_for(asked.action, POLICY, NOW + 5) == ()
    with pytest.raises(EscalationError, match="ran out"):
        kept.answer("e1", said("revoke"), NOW + 5)


def test_partial_approval_that_ran_out_ends_the_question(decided: Make) -> None:
    kept = Kept()
    kept.ask("e1", decided(), needed=2)
    kept.answer("e1", said(expires=NOW + 5))
    with pytest.raises(EscalationError, match="ran out"):
        kept.answer("e1", said(key=BOB), NOW + 5)
    assert [b.answer for b in kept.due(NOW + 5)] == ["expire"]


def test_revocation_takes_an_approval_back(decided: Make) -> None:
    kept = Kept()
    asked = kept.ask("e1", decided())
    with pytest.raises(EscalationError, match="deny it instead"):
        kept.answer("e1", said("revoke"))
    kept.answer("e1", said())
    with pytest.raises(EscalationError, match="revoke it instead"):
        kept.answer("e1", said("deny", BOB))
    kept.answer("e1", said("revoke", BOB))
    assert kept.live.approvals_for(asked.action, POLICY, NOW) == ()
    assert kept.rebuilt().case("e1").status == "revoked"


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (said(reason=""), "a reason is"),
        (said(reason=" \t"), "a reason is"),
        (said(reason="two\nlines"), "a reason is"),
        (said(reason="x" * 401), "a reason is"),
        (said(reason="hidden\u202eword"), "a reason is"),
        (said(key="alice"), "not NAME"),
        (said(key="+00000001"), "not NAME"),
        (said(expires=NOW), "an approval lasts"),
        (said(expires=NOW + 9 * 3600 * 1000), "an approval lasts"),
        (Answer("deny", "no", ALICE, NOW + 5), "only an approval expires"),
    ],
)
def test_answers_that_do_not_count_change_nothing(
    decided: Make, answer: Answer, problem: str
) -> None:
    kept = Kept()
    asked = kept.ask("e1", decided())
    with pytest.raises(EscalationError, match=problem):
        kept.answer("e1", answer)
    assert kept.live.case("e1").status == "pending"
    assert kept.live.approvals_for(asked.action, POLICY, NOW) == ()


def test_approval_is_used_once_and_a_crash_counts_as_use(decided: Make) -> None:
    kept = Kept()
    asked = kept.ask("e1", decided())
    kept.answer("e1", said())
    (approval,) = kept.live.approvals_for(asked.action, POLICY, NOW)
    used = (approval_id(approval),)
    (body,) = kept.live.consume("d2", asked.action, POLICY, used)
    assert body == Consumed("e1", "d2")
    assert kept.live.consume("d3", asked.action, POLICY, used) == ()
    # The log ends here: whether the decision was recorded is not known.
    kept.bodies.append(body)
    found = kept.rebuilt()
    assert found.approvals_for(asked.action, POLICY, NOW) == ()
    assert found.case("e1").status == "consumed"
    with pytest.raises(EscalationError, match="it is consumed"):
        found.answer("e1", said("revoke"), NOW)


def test_approval_that_waived_nothing_is_not_used(decided: Make) -> None:
    kept = Kept()
    asked = kept.ask("e1", decided())
    kept.answer("e1", said())
    assert kept.live.consume("d2", asked.action, POLICY, ()) == ()
    assert kept.live.approvals_for(asked.action, POLICY, NOW)


def test_same_question_waits_once(decided: Make) -> None:
    kept = Kept()
    asked = kept.ask("e1", decided(1, action="sha256:a"))
    found = kept.live.waiting("sha256:a", POLICY, asked.gates)
    assert found is not None
    assert found.asked.id == "e1"
    assert kept.live.waiting("sha256:a", POLICY, ("other.ask",)) is None
    kept.answer("e1", said("deny"))
    assert kept.live.waiting("sha256:a", POLICY, asked.gates) is None


def test_more_gates_add_to_what_was_approved(decided: Make) -> None:
    kept = Kept()
    kept.ask("e1", decided(1, action="sha256:a", gates=("a.ask",)))
    kept.answer("e1", said())
    kept.ask("e2", decided(2, action="sha256:a", gates=("b.ask",)))
    kept.answer("e2", said(key=BOB))
    both = kept.live.approvals_for("sha256:a", POLICY, NOW)
    assert [a.gates for a in both] == [("a.ask",), ("b.ask",)]
    bodies = kept.live.consume("d3", "sha256:a", POLICY, map(approval_id, both))
    assert [b.escalation for b in bodies] == ["e1", "e2"]


def test_full_refuses_and_an_answer_makes_room(decided: Make) -> None:
    kept = Kept(Limits(waiting=3, per_principal=2))
    kept.ask("e1", decided(1))
    kept.ask("e2", decided(2))
    with pytest.raises(FullError, match="2 escalations of coder wait"):
        kept.ask("e3", decided(3))
    kept.ask("e3", decided(3, principal="other"))
    with pytest.raises(FullError, match="3 escalations wait"):
        kept.ask("e4", decided(4, principal="third"))
    kept.answer("e1", said("deny"))
    kept.ask("e4", decided(4, principal="third"))


def test_finished_are_forgotten_the_oldest_first_and_live_ones_never(
    decided: Make,
) -> None:
    kept = Kept(Limits(finished=2))
    kept.ask("e0", decided(0))
    for number in (1, 2, 3):
        kept.ask(f"e{number}", decided(number))
        kept.answer(f"e{number}", said("deny"))
    assert [c.asked.id for c in kept.live.cases()] == ["e0", "e2", "e3"]
    assert [c.asked.id for c in kept.rebuilt().cases()] == ["e0", "e2", "e3"]


def test_finished_holds_no_decision(decided: Make) -> None:
    kept = Kept()
    kept.ask("e1", decided())
    assert kept.rebuilt().case("e1").decided is not None
    kept.answer("e1", said("deny"))
    assert kept.live.case("e1").decided is None


@pytest.mark.parametrize(
    "body",
    [
        Answered("e1/1", "e1", "approve", ALICE, "yes", NOW + 5),
        Consumed("e1", "d1"),
    ],
)
def test_log_that_answers_what_was_not_asked_is_refused(body: AnyBody) -> None:
    with pytest.raises(EscalationError, match="of what is unknown"):
        Escalations().take(body)


def test_log_that_asks_twice_under_one_id_is_refused(decided: Make) -> None:
    kept = Kept()
    asked = kept.ask("e1", decided())
    with pytest.raises(EscalationError, match="escalated twice"):
        kept.live.take(asked)
    with pytest.raises(EscalationError, match="known already"):
        kept.ask("e1", decided())
    with pytest.raises(EscalationError, match="needs nobody"):
        kept.ask("e2", decided(2), needed=0)
