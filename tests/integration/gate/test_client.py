"""The client library against a real gate: nothing happens that was not allowed."""

import asyncio
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.integration.gate.house import TOKENS, House

from clawlaw.client import (
    Allowed,
    AsyncClient,
    Client,
    Denied,
    Escalated,
    GateUnavailable,
    Result,
)
from clawlaw.client.messages import read_fields, read_verdict
from clawlaw.evidence.schema import Closed, Opened, Performed
from clawlaw.gate.steward_client import DeskClient
from clawlaw.gate.stewards import StewardKey, generate, load

PUSH = "git push origin main"


def client(house: House) -> Client:
    return Client(url=f"http://127.0.0.1:{house.port}", token=TOKENS["developer"])


def test_an_action_is_performed_and_its_outcome_recorded(house: House) -> None:
    (house.workspace / "a.txt").write_text("hello")
    cwd = str(house.workspace)
    with (
        client(house) as gate,
        gate.session("s", purpose="develop", cwd=cwd) as session,
    ):

        @session.tool("read")
        def read(path: str) -> str:
            return (house.workspace / path).read_text()

        assert read("a.txt") == "hello"
        with pytest.raises(Denied) as denied:
            read(path="/etc/shadow")
        assert denied.value.findings
        assert denied.value.id
    house.stop()
    bodies = [entry.body for entry in house.entries()]
    (opened,) = [b for b in bodies if isinstance(b, Opened)]
    assert opened.client == "python"
    (performed,) = [b for b in bodies if isinstance(b, Performed)]
    assert (performed.status, performed.bytes_out) == ("done", 5)
    assert Closed("s") in bodies


def test_a_function_is_not_called_unless_it_is_allowed(house: House) -> None:
    called: list[str] = []

    def note(command: str) -> None:
        called.append(command)

    with client(house) as gate, gate.session("s", cwd=str(house.workspace)) as session:
        with pytest.raises(Denied):
            session.perform("exec", note, command="sudo reboot")
        with pytest.raises(Escalated) as escalated:
            session.perform("exec", note, command=PUSH)
        assert escalated.value.escalation
        assert escalated.value.deadline
        with pytest.raises(Escalated):
            escalated.value.wait(0.5)
    assert not called


def test_a_function_that_fails_is_reported_and_still_fails(house: House) -> None:
    def broken(path: str) -> Result:
        raise FileNotFoundError(path)

    with client(house) as gate, gate.session("s", cwd=str(house.workspace)) as session:
        with pytest.raises(FileNotFoundError):
            session.perform("read", broken, path="none.txt")
        session.report(
            session.propose("read", path="b"), Result(text="x", untrusted=True)
        )
    house.stop()
    performed = [e.body for e in house.entries() if isinstance(e.body, Performed)]
    assert [p.status for p in performed] == ["failed", "done"]
    assert performed[1].outcome.labels & 1


@pytest.fixture
def key(tmp_path: Path) -> StewardKey:
    generate(tmp_path / "ann.pem", "ann", "correct horse battery")
    return load(tmp_path / "ann.pem", "correct horse battery")


def later(house: House, key: StewardKey, name: str, word: str) -> threading.Timer:
    """Answer an escalation after a moment."""
    desk = DeskClient(house.folder / "steward.sock")

    def answer() -> None:
        life = 60_000 if word == "approve" else 0
        desk.answer(desk.case(name), word, "looked at it", key, life=life)  # type: ignore[arg-type]  # a word

    timer = threading.Timer(0.5, answer)
    timer.start()
    return timer


def test_waiting_gives_what_a_steward_answers(
    make_house: Callable[..., House], key: StewardKey
) -> None:
    house = make_house(escalation={"stewards": [key.steward.text]})
    house.start()
    with client(house) as gate, gate.session("s", cwd=str(house.workspace)) as session:
        with pytest.raises(Escalated) as first:
            session.propose("exec", command=PUSH)
        timer = later(house, key, first.value.escalation, "approve")
        assert isinstance(first.value.wait(30), Allowed)
        timer.join()
        with pytest.raises(Escalated) as second:
            session.propose("exec", command=PUSH)
        timer = later(house, key, second.value.escalation, "deny")
        with pytest.raises(Denied, match="denied: looked at it"):
            second.value.wait(30)
        timer.join()


def test_a_gate_that_is_gone_has_denied(house: House) -> None:
    with client(house) as gate:
        session = gate.session("s", cwd=str(house.workspace))
        with session as opened:
            assert opened.propose("read", path="a").id
            house.stop(signal.SIGKILL)
            with pytest.raises(GateUnavailable, match="no answer"):
                opened.propose("read", path="a")
    with pytest.raises(ValueError, match="one of them"):
        Client()
    with (
        pytest.raises(GateUnavailable),
        Client(socket=str(house.folder / "none.sock")) as nobody,
    ):
        nobody.ask("GET", "/healthz")


def test_an_idle_connection_that_the_gate_closed_is_opened_again(
    make_house: Callable[..., House],
) -> None:
    house = make_house(limits={"idle": 1})
    house.start()
    with client(house) as gate, gate.session("s", cwd=str(house.workspace)) as session:
        assert session.propose("read", path="a").id
        threading.Event().wait(3)
        assert session.propose("read", path="a").id


def test_the_client_for_asyncio_does_the_same(
    make_house: Callable[..., House], key: StewardKey
) -> None:
    house = make_house(escalation={"stewards": [key.steward.text]})
    house.start()
    cwd = str(house.workspace)

    async def scene() -> None:
        url = f"http://127.0.0.1:{house.port}"
        async with (
            AsyncClient(url=url, token=TOKENS["developer"]) as gate,
            gate.session("s", purpose="develop", cwd=cwd) as session,
        ):

            @session.tool("read")
            async def read(path: str) -> str:
                return path.upper()

            assert [*await asyncio.gather(read("a"), read("b"))] == ["A", "B"]
            with pytest.raises(Denied):
                await read("/etc/shadow")
            with pytest.raises(Escalated) as escalated:
                await session.propose("exec", command=PUSH)
            timer = later(house, key, escalated.value.escalation, "approve")
            assert isinstance(await escalated.value.wait(30), Allowed)
            timer.join()
            house.stop(signal.SIGKILL)
            with pytest.raises(GateUnavailable):
                await read("a")

    asyncio.run(scene())


def test_answers_that_are_none_are_denials() -> None:
    for status, body in (
        (200, b""),
        (200, b"{}"),
        (200, b'{"verdict":"allow","reason":"","id":""}'),
        (200, b'{"verdict":"ALLOW","reason":"","id":"d1"}'),
        (500, b'{"verdict":"allow","reason":"","id":"d1"}'),
        (200, b'{"verdict":"escalate","reason":""}'),
        (403, b'{"error":{"what":"no","where":"","remedy":"ask"}}'),
        (200, b"[" * 100_000),
    ):
        with pytest.raises(Denied):
            read_verdict(status, body)
    for status, body in ((200, b"[]"), (200, b"x"), (404, b"{}"), (503, b"{}")):
        with pytest.raises(Denied):
            read_fields(status, body)
