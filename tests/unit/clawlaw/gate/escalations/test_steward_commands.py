"""`clawlaw steward` against a desk on a real Unix socket."""

import http.server
import json
import shutil
import socketserver
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, override
from urllib.parse import unquote

import msgspec
import pytest

from clawlaw.cli import main
from clawlaw.core.errors import ClawLawError
from clawlaw.evidence.schema import AnyBody, Decided
from clawlaw.gate import stewards
from clawlaw.gate.answers import UnknownEscalationError
from clawlaw.gate.desk import Desk
from clawlaw.gate.escalations import Escalations
from clawlaw.gate.steward_client import DeskClient, DeskClientError
from clawlaw.gate.stewards import Stewards

NOW = 1_700_000_000_000
GATE = "gate.test/log"
PASSPHRASE = "correct horse battery"  # noqa: S105  # of a test


class Served:
    """A desk behind a socket, with what it would record."""

    def __init__(self, folder: Path, key: Path) -> None:
        self.folder = folder
        self.socket = folder / "steward.sock"
        self.key = folder / "alice.pem"
        self.passphrase = folder / "passphrase"
        self.passphrase.touch(0o600)
        self.passphrase.write_text(PASSPHRASE + "\n")
        for made in key.iterdir():
            shutil.copy(made, folder)  # with its mode
        steward = stewards.read_public(self.key)
        self.desk = Desk(GATE, Stewards([steward.text]), Escalations())
        self.bodies: list[AnyBody] = []
        self.change: Callable[[dict[str, Any]], None] = lambda _: None

    def run(self, *arguments: str, answering: bool = False) -> int:
        given = ["steward", *arguments, "--socket", str(self.socket)]
        if answering:
            given += ["--key", str(self.key)]
            given += ["--passphrase-file", str(self.passphrase), "--yes"]
        return main(given)

    def reply(self, method: str, path: str, body: bytes) -> tuple[int, Any]:
        try:
            return 200, self._reply(method, path, body)
        except UnknownEscalationError as error:
            return 404, _error(error)
        except ClawLawError as error:
            return 409, _error(error)

    def _reply(self, method: str, path: str, body: bytes) -> Any:
        place, _, query = path.partition("?")
        parts = [unquote(p) for p in place.split("/")[4:]]
        if method == "POST":
            answered = self.desk.answer(parts[0], body, NOW)
            self.bodies.append(answered)
            state = self.desk.escalations.case(parts[0]).status
            return {"id": answered.id, "state": state}
        view = (
            self.desk.case(parts[0], NOW)
            if parts
            else self.desk.view(NOW, finished=query == "all=1")
        )
        found = msgspec.to_builtins(view)
        self.change(found)
        return found


def _error(error: Exception) -> dict[str, Any]:
    return {"error": {"what": str(error), "where": "", "remedy": ""}}


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of one key; making it costs what guessing it costs."""
    folder = tmp_path_factory.mktemp("key")
    stewards.generate(folder / "alice.pem", "alice", PASSPHRASE)
    return folder


@pytest.fixture
def served(tmp_path: Path, key: Path) -> Iterator[Served]:
    desk = Served(tmp_path, key)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # http.server's name
            length = int(self.headers.get("Content-Length") or 0)
            status, said = desk.reply(self.command, self.path, self.rfile.read(length))
            data = json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_POST = do_GET  # noqa: N815  # http.server's name

        @override
        def log_message(self, format: str, *args: Any) -> None:
            pass

    with _Server(str(desk.socket), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield desk
        server.shutdown()
        thread.join()


@pytest.fixture
def asked(served: Served, decided: Callable[..., Decided]) -> str:
    served.desk.escalations.ask("e1", decided(), deadline=NOW + 600_000)
    return "e1"


def test_approval_is_signed_verified_and_recorded(served: Served, asked: str) -> None:
    assert served.run("approve", asked, "-m", "it is mine", answering=True) == 0
    (body,) = served.bodies
    case = served.desk.escalations.case(asked)
    assert case.status == "approved"
    assert case.approvals == [body]
    assert case.approvals[0].expires == NOW + 15 * 60_000
    assert case.approvals[0].steward.startswith("alice+")


def test_denial_and_revocation(
    served: Served, asked: str, decided: Callable[..., Decided]
) -> None:
    served.desk.escalations.ask("e2", decided(2), deadline=NOW + 600_000)
    assert served.run("deny", asked, "-m", "not now", answering=True) == 0
    assert served.run("approve", "e2", "-m", "yes", answering=True) == 0
    assert served.run("revoke", "e2", "-m", "changed", answering=True) == 0
    states = [c.status for c in served.desk.escalations.cases()]
    assert states == ["denied", "revoked"]


@pytest.mark.parametrize("word", ["approve", "deny", "revoke"])
def test_unknown_id_is_an_error(
    served: Served, capsys: pytest.CaptureFixture[str], word: str
) -> None:
    assert served.run(word, "none", "-m", "yes", answering=True) == 2
    assert "no escalation of that id" in capsys.readouterr().err


def test_refusal_of_the_gate_is_said(
    served: Served, asked: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert served.run("deny", asked, "-m", "no", answering=True) == 0
    assert served.run("approve", asked, "-m", "yes", answering=True) == 2
    assert "answers are over" in capsys.readouterr().err
    assert len(served.bodies) == 1


def test_wrong_passphrase_answers_nothing(
    served: Served, asked: str, capsys: pytest.CaptureFixture[str]
) -> None:
    served.passphrase.write_text("another passphrase")
    assert served.run("approve", asked, "-m", "yes", answering=True) == 2
    assert "wrong passphrase" in capsys.readouterr().err
    assert served.bodies == []


def test_passphrase_is_never_asked_for_where_nobody_can_type(
    served: Served, asked: str, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["steward", "deny", asked, "-m", "no", "-y", "--key", str(served.key)]
    assert main([*given, "--socket", str(served.socket)]) == 2
    assert "no terminal" in capsys.readouterr().err


def test_action_other_than_shown_is_not_signed(
    served: Served, asked: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def lie(view: dict[str, Any]) -> None:
        proposal = view["escalations"][0]["proposal"]
        proposal["arguments"] = {"command": "make test"}

    served.change = lie
    assert served.run("approve", asked, "-m", "harmless", answering=True) == 2
    assert "shows one action and asks about another" in capsys.readouterr().err
    assert served.bodies == []


def test_question_other_than_shown_is_not_answered(
    served: Served, asked: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def lie(view: dict[str, Any]) -> None:
        view["escalations"][0]["asked"]["gates"] = ["harmless.ask"]

    served.change = lie
    assert served.run("approve", asked, "-m", "harmless", answering=True) == 2
    assert "not of what was asked here" in capsys.readouterr().err
    assert served.bodies == []


def test_list_shows_what_waits_and_all_shows_what_ended(
    served: Served,
    asked: str,
    decided: Callable[..., Decided],
    capsys: pytest.CaptureFixture[str],
) -> None:
    served.desk.escalations.ask("e2", decided(2), deadline=NOW + 700_000)
    assert served.run("deny", asked, "-m", "no", answering=True) == 0
    capsys.readouterr()
    assert served.run("list", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert [c["asked"]["id"] for c in found["escalations"]] == ["e2"]
    assert served.run("list", "--all") == 0
    text = capsys.readouterr().out
    assert "make install-2" in text
    assert "denied" in text
    assert "in 11m 40s" in text


def test_what_the_agent_wrote_moves_no_terminal(
    served: Served,
    decided: Callable[..., Decided],
    capsys: pytest.CaptureFixture[str],
) -> None:
    made = decided()
    made.record.proposal.arguments["command"] = "ls \x1b[2J\u202e[red]g\u043e\r\x07"
    served.desk.escalations.ask("e1", made, deadline=NOW + 600_000)
    assert served.run("show", "e1") == 0
    text = capsys.readouterr().out
    assert r"ls \u{1b}[2J\u{202e}[red]g\u{43e}\u{d}\u{7}" in text
    assert not set("\x1b\u202e\r\x07") & set(text)


def test_gate_that_is_not_there_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    none = str(tmp_path / "none.sock")
    assert main(["steward", "list", "--socket", none]) == 2
    assert "the gate does not answer" in capsys.readouterr().err


def test_answer_that_is_none_is_said(
    served: Served, asked: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(served, "reply", lambda *_: (200, ["no", "view"]))
    with pytest.raises(DeskClientError, match="not the answer of a gate"):
        DeskClient(served.socket).case(asked)
    monkeypatch.setattr(served, "reply", lambda *_: (500, "broken"))
    with pytest.raises(DeskClientError, match="HTTP 500 and no reason"):
        DeskClient(served.socket).view()


def test_keygen_prints_the_line_for_the_configuration(
    served: Served, capsys: pytest.CaptureFixture[str]
) -> None:
    path = served.folder / "made" / "bob.pem"
    given = ["--key", str(path), "--passphrase-file", str(served.passphrase)]
    assert main(["steward", "keygen", "bob", *given]) == 0
    line = capsys.readouterr().out.strip()
    assert len(Stewards([line])) == 1
    assert path.stat().st_mode & 0o777 == 0o600
    assert main(["steward", "keygen", "bob", *given]) == 2
    assert "exists and is not replaced" in capsys.readouterr().err


def test_watch_follows_changes_as_lines(
    served: Served,
    asked: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looks: list[int] = []

    def tick(_: float) -> None:
        looks.append(1)
        if len(looks) == 1:
            assert served.run("deny", asked, "-m", "no", answering=True) == 0
        if len(looks) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr("clawlaw.cli.steward.time.sleep", tick)
    assert served.run("watch", "--json") == 130
    lines = [x for x in capsys.readouterr().out.splitlines() if x.startswith("{")]
    assert [json.loads(line)["state"] for line in lines] == ["pending", "denied"]


def test_watch_shows_a_table(
    served: Served,
    asked: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def stop(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("clawlaw.cli.steward.time.sleep", stop)
    assert served.run("watch") == 130
    assert asked in capsys.readouterr().out
