"""The daemon as a process: starts, who may ask what, drains, stands where it stood."""

import contextlib
import json
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.integration.gate.house import AGENT_UID, House, NoAnswerError, UnixConnection

from clawlaw.evidence.schema import (
    Activated,
    Checkpointed,
    Decided,
    Started,
    Stopped,
    Summary,
)
from clawlaw.gate.steward_client import DeskClient, DeskClientError
from clawlaw.gate.stewards import generate, load

PUSH = "git push origin main"
ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="acts as another account")


def test_it_serves_drains_and_stands_where_it_stood(house: House) -> None:
    first = house.propose("exec", command="ls")
    assert first["verdict"] == "allow"
    asked = house.propose("exec", command=PUSH)["escalation"]["id"]
    assert house.stop() == 0
    bodies = [entry.body for entry in house.entries()]
    assert isinstance(bodies[0], Started)
    assert bodies[0].clean
    assert isinstance(bodies[1], Activated)
    assert isinstance(bodies[-1], Stopped)
    assert not (house.folder / "gate.sock").exists()
    house.start()
    assert house.propose("exec", command=PUSH)["escalation"]["id"] == asked
    status, said = house.ask("POST", "/v1/outcomes", {"id": first["id"], "exit": 0})
    assert (status, said["quarantined"]) == (200, False)
    house.stop(signal.SIGKILL)
    house.start()
    starts = [e.body for e in house.entries() if isinstance(e.body, Started)]
    assert [s.clean for s in starts] == [True, True, False]


def test_every_listener_has_its_own_rights(house: House) -> None:
    assert house.ask("GET", "/v1/steward/escalations")[0] == 403
    answer = {"answer": "approve"}
    path = "/v1/steward/escalations/e1/answer"
    assert house.ask("POST", path, answer)[0] == 403
    with contextlib.closing(UnixConnection(house.folder / "steward.sock")) as own:
        assert house.ask("GET", "/v1/steward/escalations", connection=own)[0] == 200
        assert house.ask("POST", "/v1/proposals", {}, connection=own)[0] == 403


def test_who_is_not_known_may_only_ask_for_health(house: House) -> None:
    assert house.ask("POST", "/v1/proposals", {}, who="guessed")[0] == 401
    assert house.ask("GET", "/healthz", who="guessed")[0] == 200
    assert house.ask("GET", "/v1/nothing")[0] == 404
    assert house.ask("GET", "/v1/proposals")[0] == 405


def test_another_host_name_is_not_this_gate(house: House) -> None:
    evil = {"Host": "rebound.example"}
    assert house.ask("GET", "/healthz", headers=evil)[0] == 403


@contextlib.contextmanager
def acting(uid: int) -> Iterator[None]:
    """Be another account for a while: the kernel shows it to the other side."""
    groups = os.getgroups()
    os.setgroups([])
    os.setegid(uid)
    os.seteuid(uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(groups)


def asked_as(uid: int, path: Path, request: bytes) -> bytes:
    """Send a request as another account."""
    with socket.socket(socket.AF_UNIX) as own:
        own.settimeout(20)
        with acting(uid):
            own.connect(str(path))
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            own.sendall(request)
            return own.recv(65_536)
    return b""


@ROOT
def test_an_agent_is_its_uid_and_cannot_reach_the_stewards(house: House) -> None:
    call = {"session": "u", "tool": "read", "arguments": {"path": "a"}}
    body = json.dumps(call | {"cwd": str(house.workspace)})
    request = (
        "POST /v1/proposals HTTP/1.1\r\nHost: g\r\n"
        f"Content-Length: {len(body)}\r\n\r\n{body}"
    ).encode()
    gate = house.folder / "gate.sock"
    assert b'"verdict":"allow"' in asked_as(AGENT_UID, gate, request)
    decided = [e.body for e in house.entries() if isinstance(e.body, Decided)]
    assert decided[-1].record.proposal.principal == "developer"
    assert b"401 Unauthorized" in asked_as(AGENT_UID + 1, gate, request)
    ask = b"GET /v1/steward/escalations HTTP/1.1\r\nHost: g\r\n\r\n"
    steward = house.folder / "steward.sock"
    with pytest.raises(PermissionError):  # mode 0660 and not its group
        asked_as(AGENT_UID, steward, ask)
    steward.chmod(0o777)  # and where the mode is wrong
    assert asked_as(AGENT_UID, steward, ask) == b""
    assert any(event["event"] == "turned away" for event in house.events())


def test_a_steward_answers_and_the_action_is_allowed_once(
    make_house: Callable[..., House], tmp_path: Path
) -> None:
    line = generate(tmp_path / "ann.pem", "ann", "correct horse battery").text
    key = load(tmp_path / "ann.pem", "correct horse battery")
    house = make_house(escalation={"stewards": [line]})
    house.start()
    name = house.propose("exec", command=PUSH)["escalation"]["id"]
    waited: list[tuple[int, dict[str, str]]] = []
    path = f"/v1/escalations/{name}?wait=30"
    waiter = threading.Thread(target=lambda: waited.append(house.ask("GET", path)))
    waiter.start()
    desk = DeskClient(house.folder / "steward.sock")
    told = desk.answer(desk.case(name), "approve", "looked at it", key, life=60_000)
    assert told == {"id": name, "state": "approved"}
    waiter.join(10)
    assert [(status, said["state"]) for status, said in waited] == [(200, "approved")]
    with pytest.raises(DeskClientError, match=r"answers are over|already"):
        desk.answer(desk.case(name), "approve", "and again", key, life=60_000)
    house.stop(signal.SIGKILL)  # an approval survives
    house.start()
    assert house.propose("exec", command=PUSH)["verdict"] == "allow"
    assert house.propose("exec", command=PUSH)["verdict"] == "escalate"


def test_a_policy_is_read_again_on_sighup_and_a_broken_one_changes_nothing(
    make_house: Callable[..., House],
) -> None:
    house = make_house()
    folder = house.folder / "policy"
    source = Path(__file__).parents[3] / "policies" / "forge"
    folder.mkdir()
    for file in source.glob("*.yaml"):
        (folder / file.name).write_bytes(file.read_bytes())
    said = {
        "folder": str(folder),
        "workspace": [str(house.workspace)],
        "home": "/home/agent",
    }
    house.configure(policy=said)
    house.start()

    def reload(event: str) -> None:
        assert house.process is not None
        house.process.send_signal(signal.SIGHUP)
        until = time.monotonic() + 60
        while not any(e["event"] == event for e in house.events()):
            assert time.monotonic() < until
            time.sleep(0.05)

    head = folder / "policy.yaml"
    good = head.read_text()
    head.write_text(good + "\nnonsense: 1\n")
    reload("policy refused")
    assert house.propose(path="a")["verdict"] == "allow"
    head.write_text(good.replace("1.0.0", "1.0.1", 1))
    reload("policy activated")
    assert house.propose(path="a")["verdict"] == "allow"
    house.stop()
    activated = [e.body for e in house.entries() if isinstance(e.body, Activated)]
    assert [a.by for a in activated] == ["start", "reload"]
    assert [a.version for a in activated] == ["1.0.0", "1.0.1"]
    digests = [
        e.body.record.decision["policy"]
        for e in house.entries()
        if isinstance(e.body, Decided)
    ]
    assert digests == [a.policy for a in activated]


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda h: h.config.chmod(0o644), "chmod 0600"),
        (lambda h: h.configure(mode="off"), "gate.yaml:"),
        (lambda h: h.configure(agents=[{"principal": "nobody", "uid": 5}]), "nobody"),
        (lambda h: (h.folder / "log.pem").unlink(), "log.pem"),
    ],
    ids=["mode", "field", "agent", "key"],
)
def test_what_is_wrong_stops_the_start_with_exit_code_2(
    make_house: Callable[..., House], spoil: Callable[[House], object], said: str
) -> None:
    house = make_house()
    spoil(house)
    with pytest.raises(NoAnswerError, match=said):
        house.start()
    assert house.process is not None
    assert house.process.wait() == 2


def test_a_second_gate_does_not_start_beside_the_first(house: House) -> None:
    second = House(house.folder)
    with pytest.raises(NoAnswerError, match=r"another|lock|busy|writes"):
        second.start()
    assert house.propose(path="a")["verdict"] == "allow"


def test_the_head_is_signed_and_malformed_requests_are_summed_up(
    make_house: Callable[..., House],
) -> None:
    house = make_house()
    house.configure(
        evidence={
            "folder": str(house.log),
            "origin": "test.example/gate",
            "key": str(house.folder / "log.pem"),
            "checkpoint": 1,
        }
    )
    house.start()
    for _ in range(3):
        connection = UnixConnection(house.folder / "gate.sock")
        connection.connect()
        connection.sock.sendall(b"\x16\x03\x01 hello\r\n\r\n")
        assert connection.sock.recv(4096).startswith(b"HTTP/1.1 400")
        connection.close()
    time.sleep(3)
    house.stop()
    bodies = [entry.body for entry in house.entries()]
    assert any(isinstance(b, Checkpointed) for b in bodies)
    (summary,) = [b for b in bodies if isinstance(b, Summary)]
    assert (summary.reason, summary.count) == ("malformed", 3)


def test_observe_mode_says_so_everywhere(make_house: Callable[..., House]) -> None:
    house = make_house(mode="observe")
    house.start()
    answer = house.propose("exec", command="sudo reboot")
    assert (answer["verdict"], answer["observed"]) == ("allow", "deny")
    assert house.ask("GET", "/healthz")[1]["observe"]
    house.stop()
    bodies = [entry.body for entry in house.entries()]
    assert bodies[0].observe  # type: ignore[union-attr]  # started
    assert all(b.observe for b in bodies if isinstance(b, Decided))


def test_metrics_tell_what_was_decided(house: House) -> None:
    assert house.propose(path="a")["verdict"] == "allow"
    assert house.propose("exec", command="sudo reboot")["verdict"] == "deny"
    assert house.propose("exec", command=PUSH)["verdict"] == "escalate"
    status, text = house.ask("GET", "/metrics", who="nobody")
    assert status == 200
    lines = set(text.splitlines())
    for line in (
        'clawlaw_verdicts_total{enforcement="advisory",verdict="allow"} 1.0',
        'clawlaw_verdicts_total{enforcement="mediated",verdict="deny"} 1.0',
        'clawlaw_findings_total{kind="file.read",law="0",verdict="allow"} 1.0',
        'clawlaw_stage_seconds_count{stage="decide"} 3.0',
        'clawlaw_stage_seconds_bucket{le="+Inf",stage="sync"} 3.0',
        "clawlaw_sessions 1.0",
        "clawlaw_latched 0.0",
        "clawlaw_observe 0.0",
        'clawlaw_escalations{age="0s-60s"} 1.0',
    ):
        assert line in lines, text


def test_a_secret_is_in_no_entry_and_the_trace_of_a_request_is(
    make_house: Callable[..., House],
) -> None:
    house = make_house()
    house.configure(
        evidence={
            "folder": str(house.log),
            "origin": "test.example/gate",
            "key": str(house.folder / "log.pem"),
            "secrets": str(house.folder / "secrets"),
        }
    )
    house.start()
    secret = "ghp_" + "a1B2" * 9
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    call = {
        "session": "s",
        "tool": "exec",
        "arguments": {"command": f"echo {secret}"},
        "cwd": str(house.workspace),
        "mediated": True,
    }
    answer = house.ask("POST", "/v1/proposals", call, headers={"traceparent": trace})[1]
    assert answer["verdict"] == "allow"
    redeemed = house.ask("POST", "/v1/permits/redeem", {"permit": answer["permit"]})[1]
    assert redeemed["arguments"] == {"command": f"echo {secret}"}
    house.stop()
    for file in [*house.log.rglob("*"), *house.folder.glob("secrets/*.vault")]:
        if file.is_file():
            assert secret.encode() not in file.read_bytes()
    assert secret not in house.errors.read_text()
    (decided,) = [e.body for e in house.entries() if isinstance(e.body, Decided)]
    assert decided.trace == trace
