"""`clawlaw steward` against a real gate: what people say is what the agent gets."""

import http.server
import json
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, override

import pytest
from tests.integration.gate.house import House

from clawlaw.cli import main
from clawlaw.evidence.schema import Adjusted, Answered, Closed, Consumed, Decided
from clawlaw.gate.stewards import generate

PASSPHRASE = "several words of a test"  # noqa: S105  # of a test
PUSH = "git push origin main"

type MakeHouse = Callable[..., House]


class Stewarded:
    """A gate with two stewards and their commands."""

    def __init__(self, house: House, capsys: pytest.CaptureFixture[str]) -> None:
        self.house = house
        self._capsys = capsys

    def say(self, who: str, *words: str) -> tuple[int, str, str]:
        """Exit code and what a command of a steward prints."""
        folder = self.house.folder
        given = ["steward", *words, "--socket", str(folder / "steward.sock")]
        given += ["--key", str(folder / f"{who}.pem"), "--yes", "--json"]
        code = main([*given, "--passphrase-file", str(folder / "passphrase")])
        said = self._capsys.readouterr()
        return code, said.out, said.err

    def asked(self, command: str = PUSH, session: str = "s") -> str:
        """Id of the escalation of a command."""
        answer = self.house.propose("exec", session=session, command=command)
        assert answer["verdict"] == "escalate", answer
        return str(answer["escalation"]["id"])

    def state(self, name: str) -> str:
        """As the agent's side sees it."""
        _, said = self.house.ask("GET", f"/v1/escalations/{name}")
        return str(said["state"])


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[bytes, str]]:
    """Key files and lines of two stewards."""
    folder = tmp_path_factory.mktemp("keys")
    made = {}
    for name in ("alice", "bob"):
        steward = generate(folder / f"{name}.pem", name, PASSPHRASE)
        made[name] = ((folder / f"{name}.pem").read_bytes(), steward.text)
    return made


@pytest.fixture
def make(
    make_house: MakeHouse,
    keys: dict[str, tuple[bytes, str]],
    capsys: pytest.CaptureFixture[str],
) -> Callable[..., Stewarded]:
    """Loader of a gate that serves, by what its configuration says of escalation."""

    def started(**escalation: Any) -> Stewarded:
        lines = [line for _, line in keys.values()]
        house = make_house(escalation={"stewards": lines, **escalation})
        for name, (pem, line) in keys.items():
            _private(house.folder / f"{name}.pem", pem)
            _private(house.folder / f"{name}.pem.pub", line.encode())
        _private(house.folder / "passphrase", PASSPHRASE.encode())
        house.start()
        return Stewarded(house, capsys)

    return started


def _private(path: Path, data: bytes) -> None:
    path.touch(0o600)
    path.write_bytes(data)


def bodies[T](house: House, kind: type[T]) -> list[T]:
    return [e.body for e in house.entries() if isinstance(e.body, kind)]


def test_approved_action_passes_once(make: Callable[..., Stewarded]) -> None:
    gate = make()
    name = gate.asked()
    assert gate.state(name) == "pending"
    code, said, _ = gate.say("alice", "approve", name, "-m", "the release")
    assert (code, json.loads(said)["state"]) == (0, "approved")
    assert gate.house.propose("exec", command=PUSH)["verdict"] == "allow"
    assert gate.state(name) not in {"pending", "approved"}
    again = gate.house.propose("exec", command=PUSH)
    assert again["verdict"] == "escalate"
    assert again["escalation"]["id"] != name
    log = [e.body for e in gate.house.entries()]
    used = next(i for i, body in enumerate(log) if isinstance(body, Consumed))
    after = log[used + 1]
    assert isinstance(after, Decided)
    assert after.record.decision["verdict"] == "allow"


def test_approval_is_of_that_action_alone(make: Callable[..., Stewarded]) -> None:
    gate = make()
    assert gate.say("alice", "approve", gate.asked(), "-m", "yes")[0] == 0
    other = gate.house.propose("exec", command="git push origin other")
    assert other["verdict"] == "escalate"
    elsewhere = gate.house.propose("exec", session="t", command=PUSH)
    assert elsewhere["verdict"] == "escalate"


def test_denied_and_revoked_are_denied(make: Callable[..., Stewarded]) -> None:
    gate = make()
    name = gate.asked()
    assert gate.say("bob", "deny", name, "-m", "not today")[0] == 0
    assert gate.state(name) == "denied"
    code, _, error = gate.say("alice", "approve", name, "-m", "yes")
    assert (code, "answers are over" in error) == (2, True)
    name = gate.asked()
    assert gate.say("alice", "approve", name, "-m", "yes")[0] == 0
    assert gate.say("bob", "revoke", name, "-m", "wait")[0] == 0
    assert gate.house.propose("exec", command=PUSH)["verdict"] == "escalate"


def test_nobody_answers_and_the_deadline_denies(
    make: Callable[..., Stewarded],
) -> None:
    gate = make(deadline=1)
    name = gate.asked()
    _, said = gate.house.ask("GET", f"/v1/escalations/{name}?wait=10")
    assert said["state"] == "expired"
    assert [a.answer for a in bodies(gate.house, Answered)] == ["expire"]


def test_two_of_two_must_approve(make: Callable[..., Stewarded]) -> None:
    gate = make(needed={"process.exec": 2})
    name = gate.asked()
    assert gate.say("alice", "approve", name, "-m", "yes")[0] == 0
    assert gate.house.propose("exec", command=PUSH)["verdict"] == "escalate"
    assert gate.say("alice", "approve", name, "-m", "yes")[0] == 2
    assert gate.say("bob", "approve", name, "-m", "yes")[0] == 0
    assert gate.house.propose("exec", command=PUSH)["verdict"] == "allow"


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_answers_survive_a_restart(make: Callable[..., Stewarded], how: int) -> None:
    gate = make()
    waits, approved = gate.asked("git push origin one"), gate.asked()
    assert gate.say("alice", "approve", approved, "-m", "yes")[0] == 0
    gate.house.stop(how)
    gate.house.start()
    assert (gate.state(waits), gate.state(approved)) == ("pending", "approved")
    assert gate.house.propose("exec", command=PUSH)["verdict"] == "allow"
    gate.house.stop(how)
    gate.house.start()
    assert gate.house.propose("exec", command=PUSH)["verdict"] == "escalate"
    assert gate.say("bob", "approve", waits, "-m", "yes")[0] == 0


def test_sessions_are_shut_off_closed_and_relaxed(
    make: Callable[..., Stewarded],
) -> None:
    gate = make()
    gate.asked()
    more = ["--unit", "actions", "--ceiling", "900000"]
    code, said, error = gate.say("alice", "budget", "s", *more)
    assert code == 0, error
    assert json.loads(said)["level"] == "normal"
    assert gate.say("alice", "budget", "s", "--reset")[0] == 0
    assert gate.say("alice", "quarantine", "s", "-m", "look at it")[0] == 0
    assert gate.house.propose("exec", command="ls")["verdict"] == "deny"
    assert gate.say("bob", "close", "s", "-m", "looked at it")[0] == 0
    acts = [(a.act, a.steward[:5]) for a in bodies(gate.house, Adjusted)]
    assert acts == [("increase", "alice"), ("reset", "alice")]
    assert bodies(gate.house, Closed)
    assert gate.say("alice", "close", "none", "-m", "what")[0] == 2


def test_policy_is_changed_only_to_the_one_that_is_meant(
    make: Callable[..., Stewarded],
) -> None:
    gate = make()
    code, _, error = gate.say("alice", "policy", "/nowhere", "--digest", "sha256:0")
    assert code == 2
    assert "nowhere" in error


def test_people_are_told(make: Callable[..., Stewarded]) -> None:
    told: list[Any] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:  # http.server's name
            length = int(self.headers["Content-Length"])
            told.append(json.loads(self.rfile.read(length)))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        @override
        def log_message(self, format: str, *args: Any) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,)).start()
        try:
            gate = make(webhook=f"http://127.0.0.1:{server.server_address[1]}/hook")
            name = gate.asked()
            end = time.monotonic() + 10
            while not told and time.monotonic() < end:
                time.sleep(0.02)
        finally:
            server.shutdown()
    assert told[0]["escalation"] == name
    assert "git push" not in json.dumps(told)
    assert gate.house.ask("GET", "/healthz")[0] == 200
