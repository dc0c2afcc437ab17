"""The log alone says how the gate stood, and every decision in it can be made again."""

import dataclasses
import json
from typing import Any

import msgspec
import pytest

from clawlaw.core.analyse import analyse
from clawlaw.core.snapshot import encode_room, encode_session
from clawlaw.evidence.schema import (
    Activated,
    Closed,
    Decided,
    Opened,
    Performed,
    decode_entry,
)
from clawlaw.gate.evaluator import Evaluator
from clawlaw.gate.peers import Peer
from clawlaw.gate.rebuild import RebuildError
from clawlaw.gate.stewardship import activate
from clawlaw.record import encode

AGENT = Peer("developer", frozenset({"propose"}))
COMMANDS = (
    "ls",
    "git push origin main",
    "sudo reboot",
    "cat ~/.ssh/id_rsa",
    "pytest -q",
    "curl https://docs.python.org/3/",
)


@pytest.fixture
def lived(subject: Any) -> Any:
    """A gate that did a bit of everything."""
    for number, command in enumerate(COMMANDS * 2):
        answer = subject.propose(
            "exec", command=command, mediated=True, session=f"s{number % 2}"
        )
        if answer["verdict"] == "allow" and number % 3:
            subject.ask(
                subject.gate.outcome, AGENT, id=answer["id"], text="see evil.example"
            )
    subject.propose(session="s1", cwd=5)  # refused
    evaluator = subject.state.evaluator
    subject.state.quarantine("s1", "test")
    activate(subject.gate, subject.policy, "start")
    subject.propose(path="a", session="s2")
    subject.ask(subject.gate.close_session, AGENT, session="s2")
    assert evaluator.knows("s0")
    return subject


def stood(subject: Any) -> dict[str, object]:
    state = subject.state
    evaluator = state.evaluator
    return {
        "history": evaluator.history,
        "sessions": {
            o.session: encode_session(evaluator.session(o.session))
            for o in evaluator.openings()
        },
        "room": encode_room(evaluator._room),
        "quarantined": state.sessions.quarantined(),
        "open": sorted(state.allowed._by_id),
        "waiting": [(c.asked.id, c.status) for c in state.escalations.cases()],
        "time": state.ledger.last,
    }


def test_a_restart_stands_where_the_last_run_did(lived: Any) -> None:
    before = stood(lived)
    told = lived.start()
    assert told.entries == lived.log.size
    assert not told.clean
    assert told.policy == lived.policy.digest
    assert stood(lived) == before
    assert lived.propose(path="a", session="s1")["verdict"] == "deny"  # quarantined
    assert lived.propose(path="a", session="s0")["verdict"] == "allow"


def test_every_recorded_decision_is_decided_again_byte_for_byte(lived: Any) -> None:
    evaluator = Evaluator(lived.policy)
    again = 0
    for payload in lived.log.entries:
        match decode_entry(payload).body:
            case Opened(opening=opening):
                evaluator.open(opening)
            case Performed() as body:
                evaluator.take(body.session, body.outcome)
            case Closed(session=session, reason=reason) if not reason:
                evaluator.close(session)
            case Decided(record=then):
                analysis = analyse(then.proposal, lived.policy)
                now = evaluator.judge(then.proposal, analysis.effects, then.facts)
                evaluator.commit(now)
                assert encode(now.record()) == encode(then)
                again += 1
            case _:
                pass
    assert again == len(COMMANDS) * 2 + 1


def changed(payload: bytes, **fields: object) -> bytes:
    return json.dumps(json.loads(payload) | fields).encode()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda entries: entries.pop(1),
        lambda entries: entries.insert(1, entries[1]),
        lambda entries: entries.__setitem__(1, b"{}"),
        lambda entries: entries.__setitem__(2, changed(entries[2], time=1)),
        lambda entries: entries.__setitem__(2, changed(entries[2], seq=7)),
    ],
    ids=["cut out", "repeated", "no entry", "older", "misnumbered"],
)
def test_a_log_that_does_not_say_how_it_stood_stops_the_start(
    lived: Any, spoil: Any
) -> None:
    spoil(lived.log.entries)
    with pytest.raises(RebuildError, match=r"entry [12] of the log"):
        lived.start()


def test_a_decision_moved_in_the_log_is_noticed(lived: Any) -> None:
    entries = lived.log.entries
    places = [i for i, e in enumerate(entries) if b'"kind":"decided"' in e][:2]
    bodies = [json.loads(entries[i])["body"] for i in places]
    for place, body in zip(places, reversed(bodies), strict=True):
        entries[place] = changed(entries[place], body=body)
    with pytest.raises(RebuildError, match="follows another history"):
        lived.start()


def test_a_session_that_the_policy_of_now_refuses_is_halted(subject: Any) -> None:
    subject.propose(path="a")
    principals = {
        name: p for name, p in subject.policy.principals.items() if name != "developer"
    }
    subject.policy = dataclasses.replace(subject.policy, principals=principals)
    subject.start()
    assert subject.state.evaluator.session("s").level == "halted"
    assert subject.propose(path="a")["verdict"] == "deny"


def test_a_policy_activated_while_serving_binds_the_next_decision(subject: Any) -> None:
    subject.propose(path="a")
    digest = "sha256:" + "0" * 64
    other = dataclasses.replace(subject.policy, digest=digest)
    activate(subject.gate, other, "reload")
    subject.propose(path="a")
    kinds = [type(b) for b in subject.log.bodies()]
    assert kinds[-2:] == [Activated, Decided]
    assert subject.log.bodies()[-1].record.decision["policy"] == digest
    assert msgspec.to_builtins(subject.log.bodies()[-2])["by"] == "reload"
