"""What a steward's answer changes, and what it leaves as it was."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import structs

from clawlaw.core.snapshot import encode_room, encode_session
from clawlaw.gate.answers import Answer
from clawlaw.gate.peers import Peer
from clawlaw.gate.stewards import Stewards, answer_statement, generate, load
from clawlaw.gate.stewardship import Stewardship

STEWARD = Peer("", frozenset({"steward"}))
GATE = "example.org/gate"
PUSH = "git push origin main"


def state_of(subject: Any) -> tuple[bytes, bytes, str]:
    evaluator = subject.state.evaluator
    session, room = evaluator.session("s"), evaluator.room
    return encode_session(session), encode_room(room), evaluator.history


@pytest.mark.parametrize(
    ("word", "status"), [("approve", "approved"), ("deny", "denied")]
)
def test_an_answer_changes_no_budget_and_costs_nothing(
    subject: Any, tmp_path: Path, word: str, status: str
) -> None:
    generate(tmp_path / "ann.pem", "ann", "correct horse battery")
    key = load(tmp_path / "ann.pem", "correct horse battery")
    stewards = Stewards([key.steward.text], ["developer"])
    subject.propose(path="a")
    asked = subject.propose("exec", command=PUSH, mediated=True)["escalation"]["id"]
    before = state_of(subject)
    assert subject.state.evaluator.session("s").spend["actions"] > 0
    case = subject.state.escalations.case(asked)
    expires = subject.wall.now + 60_000 if word == "approve" else 0
    said = Answer(word, "looked at it", key.steward.key, expires)  # type: ignore[arg-type]  # a word
    signature = key.sign(answer_statement(GATE, case.asked, said))
    raw = msgspec.json.encode(structs.replace(said, signature=signature))
    desk = Stewardship(subject.gate, stewards, GATE)
    reply = desk.answer(STEWARD, asked, raw)
    subject.gate.flush()
    assert reply.status == 200
    assert case.status == status
    assert state_of(subject) == before
    subject.start()
    assert state_of(subject) == before
