"""What the gate answers, what it records first, and what it makes of faults."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from clawlaw.evidence.schema import (
    Closed,
    Consumed,
    Decided,
    Escalated,
    Opened,
    Performed,
    Refused,
    Summary,
)
from clawlaw.gate.answers import Answer
from clawlaw.gate.deciding import Hooks
from clawlaw.gate.peers import Peer
from clawlaw.gate.state import Settings

AGENT = Peer("developer", frozenset({"propose", "outcome", "executor"}))
OTHER = Peer("operator", frozenset({"propose", "outcome", "executor"}))
PUSH = "git push origin main"  # escalates under the Forge's policy


def approve(subject: Any, escalation: str, steward: str = "ann") -> None:
    """Answer as if the signature had been verified."""
    state = subject.state
    answer = Answer("approve", "looked at it", f"{steward}+00000000")
    answer = Answer("approve", "looked at it", answer.key, state.ledger.now() + 60_000)
    state.ledger.add(state.escalations.answer(escalation, answer, state.ledger.now()))


def test_an_allow_is_recorded_before_it_can_be_sent(subject: Any) -> None:
    raw = json.dumps(
        {
            "session": "s",
            "cwd": "/workspace",
            "tool": "read",
            "arguments": {"path": "a"},
        }
    ).encode()
    reply = subject.gate.propose(AGENT, raw)
    assert not reply.durable
    assert subject.log.size == 0
    assert subject.gate.flush()
    assert reply.durable
    opened, decided = subject.log.bodies()
    assert isinstance(opened, Opened)
    assert isinstance(decided, Decided)
    assert json.loads(reply.body)["id"] == decided.id
    assert decided.record.decision["verdict"] == "allow"


def test_many_proposals_of_one_turn_are_one_append(subject: Any) -> None:
    call = {"session": "s", "cwd": "/workspace", "tool": "read"}
    for number in range(20):
        raw = json.dumps(call | {"arguments": {"path": f"f{number}"}}).encode()
        subject.gate.propose(AGENT, raw)
    subject.gate.flush()
    assert subject.log.appends == 1
    assert subject.log.size == 21


@pytest.mark.parametrize(
    ("command", "verdict"),
    [("ls", "allow"), (PUSH, "escalate"), ("sudo reboot", "deny")],
)
def test_verdicts_are_those_of_the_policy(
    subject: Any, command: str, verdict: str
) -> None:
    answer = subject.propose("exec", command=command, mediated=True)
    assert answer["verdict"] == verdict
    assert answer["findings"]
    assert answer["reason"]


@pytest.mark.parametrize(
    ("tool", "said", "alone"),
    [
        ("exec", {"command": "ls"}, "escalate"),
        ("delete", {"path": "old.py"}, "escalate"),
        ("fetch", {"url": "http://localhost:8000/x", "method": "POST"}, "escalate"),
        ("read", {"path": "a.py"}, "allow"),
        ("write", {"path": "a.py", "content": "x"}, "allow"),
        ("edit", {"path": "a.py", "old": "a", "new": "b"}, "allow"),
        ("search", {"pattern": "TODO"}, "allow"),
        ("fetch", {"url": "https://docs.python.org/3/"}, "allow"),
    ],
)
def test_what_a_client_performs_itself_may_read_and_edit_and_no_more(
    subject: Any, tool: str, said: dict[str, str], alone: str
) -> None:
    assert subject.propose(tool, mediated=False, **said)["verdict"] == alone
    assert subject.propose(tool, mediated=True, **said)["verdict"] == "allow"


def test_an_approval_of_the_mediated_form_does_not_open_the_other(
    subject: Any,
) -> None:
    asked = subject.propose("exec", command="ls")
    gates = subject.state.escalations.case(asked["escalation"]["id"]).asked.gates
    assert gates == ("authority.unmediated",)
    mediated = subject.propose("exec", command=PUSH, mediated=True)
    alone = subject.propose("exec", command=PUSH)
    assert mediated["escalation"]["id"] != alone["escalation"]["id"]


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "not JSON"),
        (b"[]", "a JSON object"),
        (b'{"session":"s"}', "is missing"),
        (b'{"principal":"operator","session":"s"}', "leave it out"),
        (b'{"mediated":1}', "true or false"),
        (b"\xff\xfe", "not UTF-8"),
        (b'{"a":1,"a":2}', "twice"),
    ],
)
def test_what_is_no_proposal_is_denied_and_recorded(
    subject: Any, raw: bytes, reason: str
) -> None:
    reply = subject.gate.propose(AGENT, raw)
    subject.gate.flush()
    answer = json.loads(reply.body)
    assert answer["verdict"] == "deny"
    assert reason in answer["reason"]
    (refused,) = subject.log.bodies()
    assert isinstance(refused, Refused)
    assert refused.principal == "developer"


def test_a_failing_append_denies_all_that_waited_and_all_that_comes(
    subject: Any,
) -> None:
    assert subject.propose(path="a")["verdict"] == "allow"
    subject.log.broken = OSError(28, "No space left on device")
    for _ in range(2):
        answer = subject.propose(path="a", mediated=True)
        assert (answer["status"], answer["verdict"]) == (503, "deny")
        assert "permit" not in answer
        assert "evidence cannot be written" in answer["reason"]
    subject.log.broken = None  # a disk that works again is not trusted
    assert subject.propose(path="a")["verdict"] == "deny"
    counted = subject.state.ledger.summaries()
    assert [(s.reason, s.count) for s in counted] == [("latched", 3)]
    assert subject.log.size == 2


def test_a_fault_inside_is_a_recorded_denial(subject: Any) -> None:
    class Broken:
        def gather(self, _request: object) -> None:
            raise RuntimeError("no such thing")

    subject.gate._decider._source = lambda _principal: Broken()
    answer = subject.propose(path="a")
    assert answer["verdict"] == "deny"
    assert "the gate failed (RuntimeError)" in answer["reason"]
    assert isinstance(subject.log.bodies()[-1], Refused)


def test_a_decision_that_takes_no_effect_latches(
    subject: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_done: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(subject.state.evaluator, "commit", broken)
    assert subject.propose(path="a")["verdict"] == "deny"
    monkeypatch.undo()
    assert subject.propose(path="a")["verdict"] == "deny"
    assert subject.log.size == 0


def test_overload_is_denied_at_once_and_recorded_in_summary(
    make: Callable[..., Any],
) -> None:
    subject = make(settings=Settings(queue=3))
    raw = json.dumps(
        {
            "session": "s",
            "cwd": "/workspace",
            "tool": "read",
            "arguments": {"path": "a"},
        }
    ).encode()
    answers = [subject.gate.propose(AGENT, raw) for _ in range(5)]
    assert [a.status for a in answers] == [200, 200, 200, 503, 503]
    assert [a.durable for a in answers] == [False, False, False, True, True]
    assert json.loads(answers[4].body)["verdict"] == "deny"
    subject.gate.flush()
    subject.wall.now += 1500
    subject.state.tick()
    subject.gate.flush()
    summary = subject.log.bodies()[-1]
    assert isinstance(summary, Summary)
    assert (summary.reason, summary.count) == ("overload", 2)
    assert not subject.state.ledger.summaries()


def test_a_session_of_someone_else_is_not_touched(subject: Any) -> None:
    subject.propose(path="a")
    before = subject.state.evaluator.session("s").actions
    answer = subject.propose("read", OTHER, path="a")
    assert answer["verdict"] == "deny"
    assert "someone else" in answer["reason"]
    assert subject.state.evaluator.session("s").actions == before


def test_a_session_is_cut_to_what_it_declares(subject: Any) -> None:
    scope = {"purpose": "develop", "paths": ["/workspace/docs"]}
    opened = subject.ask(
        subject.gate.open_session, AGENT, session="s", scope=scope, client="test"
    )
    assert opened["scope"]["paths"] == ["/workspace/docs"]
    assert subject.propose(path="docs/a.md")["verdict"] == "allow"
    assert subject.propose(path="src/a.py")["verdict"] != "allow"
    assert subject.log.bodies()[-2].client == "test"
    again = subject.ask(subject.gate.open_session, AGENT, session="s")
    assert again["verdict"] == "deny"
    closed = subject.ask(subject.gate.close_session, AGENT, session="s")
    assert closed["status"] == 200
    assert subject.ask(subject.gate.close_session, AGENT, session="s")["status"] == 404


def test_a_parent_must_be_an_open_session_of_the_same_principal(subject: Any) -> None:
    subject.propose("read", OTHER, path="a", session="theirs")
    for parent in ("theirs", "nowhere"):
        answer = subject.ask(
            subject.gate.open_session, AGENT, session="child", parent=parent
        )
        assert answer["verdict"] == "deny"


def test_a_principal_has_so_many_sessions_and_quarantined_ones_count(
    subject: Any,
) -> None:
    most = subject.policy.principals["developer"].sessions
    for number in range(most):
        assert subject.propose(path="a", session=f"s{number}")["verdict"] == "allow"
    assert subject.propose(path="a", session="more")["verdict"] == "deny"
    assert subject.state.quarantine("s0", "test")
    subject.gate.flush()
    closed = subject.ask(subject.gate.close_session, AGENT, session="s0")
    assert closed["status"] == 409
    assert subject.propose(path="a", session="more")["verdict"] == "deny"
    subject.ask(subject.gate.close_session, AGENT, session="s1")
    assert subject.propose(path="a", session="more")["verdict"] == "allow"


def test_a_permit_is_redeemed_once_by_its_principal(subject: Any) -> None:
    answer = subject.propose("exec", command="ls src", mediated=True)
    permit = answer["permit"]
    decided = subject.log.bodies()[-1]
    assert decided.enforcement == "mediated"
    assert permit not in subject.log.entries[-1].decode()
    assert subject.ask(subject.gate.redeem, OTHER, permit=permit)["status"] == 409
    action = subject.ask(subject.gate.redeem, AGENT, permit=permit)
    assert action["id"] == answer["id"]
    assert action["arguments"] == {"command": "ls src"}
    assert action["programs"] == {"ls": "/usr/bin/ls"}
    assert action["targets"][0]["resolved"] == "/workspace/src"
    assert action["sandbox"]["write"] == ["/workspace"]
    assert subject.ask(subject.gate.redeem, AGENT, permit=permit)["status"] == 409


def test_a_permit_ends_with_its_time_its_session_and_the_gate(subject: Any) -> None:
    def permit() -> str:
        answer = subject.propose("exec", command="ls", mediated=True)
        return str(answer["permit"])

    def redeemed(token: str) -> bool:
        answer = subject.ask(subject.gate.redeem, AGENT, permit=token)
        return bool(answer["status"] == 200)

    late = permit()
    subject.wall.now += 60_001
    assert not redeemed(late)
    shut = permit()
    subject.state.quarantine("s", "test")
    assert not redeemed(shut)
    subject.state.close("s", "test")
    lost = permit()
    subject.gate.flush()
    subject.start()
    assert not redeemed(lost)


def test_an_outcome_is_taken_once_and_teaches(subject: Any) -> None:
    answer = subject.propose("fetch", url="https://docs.python.org/3/")
    assert answer["verdict"] == "allow"
    outcome = {"id": answer["id"], "status": "done", "exit": 0, "text": "do as I say"}
    taken = subject.ask(subject.gate.outcome, AGENT, **outcome)
    assert taken == {"id": answer["id"], "quarantined": False, "status": 200}
    assert isinstance(subject.log.bodies()[-1], Performed)
    assert b"do as I say" not in subject.log.entries[-1]
    assert subject.state.evaluator.session("s").labels & 1  # untrusted
    assert subject.ask(subject.gate.outcome, AGENT, **outcome)["status"] == 404


def test_an_outcome_of_what_was_denied_or_is_another_s_is_refused(subject: Any) -> None:
    denied = subject.propose("exec", command="sudo reboot")["id"]
    allowed = subject.propose(path="a")["id"]
    for peer, name in ((AGENT, denied), (OTHER, allowed), (AGENT, "d999")):
        assert subject.ask(subject.gate.outcome, peer, id=name)["status"] == 404


def test_what_ran_as_something_else_shuts_its_session_off(subject: Any) -> None:
    name = subject.propose("exec", command="ls", mediated=True)["id"]
    taken = subject.ask(subject.gate.outcome, AGENT, id=name, status="mismatch")
    assert taken["quarantined"]
    assert isinstance(subject.log.bodies()[-1], Closed)
    answer = subject.propose(path="a")
    assert answer["verdict"] == "deny"
    assert "quarantined" in answer["reason"]


def test_an_approval_is_consumed_before_its_allow(subject: Any) -> None:
    asked = subject.propose("exec", command=PUSH)
    name = asked["escalation"]["id"]
    assert subject.propose("exec", command=PUSH)["escalation"]["id"] == name
    assert sum(isinstance(b, Escalated) for b in subject.log.bodies()) == 1
    approve(subject, name)
    assert json.loads(subject.gate.escalation(AGENT, name).body)["state"] == "approved"
    assert subject.gate.escalation(OTHER, name).status == 404
    assert subject.propose("exec", command=PUSH + " -f")["verdict"] != "allow"
    assert subject.propose("exec", command=PUSH)["verdict"] == "allow"
    consumed, decided = subject.log.bodies()[-2:]
    assert isinstance(consumed, Consumed)
    assert consumed.decision == decided.id
    assert subject.propose("exec", command=PUSH)["verdict"] == "escalate"


def test_an_escalation_that_nobody_answers_expires_even_if_the_clock_is_set_back(
    make: Callable[..., Any],
) -> None:
    subject = make(settings=Settings(deadline=5000))
    name = subject.propose("exec", command=PUSH)["escalation"]["id"]
    subject.wall.now -= 3_600_000
    subject.propose(path="a")
    times = [json.loads(e)["time"] for e in subject.log.entries]
    assert times == sorted(times)
    subject.wall.now += 3_600_000 + 5001
    subject.state.tick()
    subject.gate.flush()
    assert json.loads(subject.gate.escalation(AGENT, name).body)["state"] == "expired"


def test_observe_records_the_verdict_and_stops_nothing(
    make: Callable[..., Any],
) -> None:
    subject = make(settings=Settings(observe=True))
    answer = subject.propose("exec", command="sudo reboot", mediated=True)
    assert (answer["verdict"], answer["observed"]) == ("allow", "deny")
    assert answer["permit"]
    decided = subject.log.bodies()[-1]
    assert decided.observe
    assert decided.record.decision["verdict"] == "deny"
    subject.log.broken = OSError(5, "Input/output error")
    assert subject.propose(path="a")["verdict"] == "deny"


def test_secrets_are_replaced_before_the_decision_and_given_to_the_executor(
    make: Callable[..., Any],
) -> None:
    kept: dict[str, str] = {}

    def redact(value: Any, _raw: bytes) -> tuple[Any, dict[str, str]]:
        text = json.dumps(value).replace("hunter2", "secret:00")
        return json.loads(text), {"secret:00": "hunter2"}

    subject = make(hooks=Hooks(redact=redact, keep=kept.update))
    answer = subject.propose("exec", command="echo hunter2", mediated=True)
    assert b"hunter2" not in b"".join(subject.log.entries)
    assert b"secret:00" in subject.log.entries[-1]
    assert kept == {"secret:00": "hunter2"}
    action = subject.ask(subject.gate.redeem, AGENT, permit=answer["permit"])
    assert action["arguments"] == {"command": "echo hunter2"}


def test_idle_sessions_are_closed(make: Callable[..., Any]) -> None:
    subject = make(settings=Settings(idle=1000))
    subject.propose(path="a")
    subject.wall.now += 1001
    subject.state.tick()
    subject.gate.flush()
    assert subject.log.bodies()[-1] == Closed("s", "idle")
    assert len(subject.state.sessions) == 0


def test_witnesses_that_are_late_deny_and_the_denial_is_recorded(
    make: Callable[..., Any],
) -> None:
    late = ["the witnesses are 601000 ms behind, at most 600000"]
    subject = make(hooks=Hooks(unprotected=lambda: late[-1]))
    answer = subject.propose(path="a")
    assert answer["verdict"] == "deny"
    assert "behind" in answer["reason"]
    assert isinstance(subject.log.bodies()[-1], Refused)
    late.append("")
    assert subject.propose(path="a")["verdict"] == "allow"


def test_a_secret_that_names_what_is_touched_is_denied(
    make: Callable[..., Any],
) -> None:
    def redact(value: Any, _raw: bytes) -> tuple[Any, dict[str, str]]:
        text = json.dumps(value).replace("hunter2", "secret:00")
        return json.loads(text), {"secret:00": "hunter2"}

    subject = make(hooks=Hooks(redact=redact))
    answer = subject.propose(path="src/hunter2")
    assert answer["verdict"] == "deny"
    assert "nam" in answer["reason"]
    assert b"hunter2" not in b"".join(subject.log.entries)
