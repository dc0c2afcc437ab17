"""The witness as a service, and the uploader that asks it, over real sockets."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from clawlaw.cli import main
from clawlaw.evidence import witness_http
from clawlaw.evidence.anchor import Anchor, newest_head
from clawlaw.evidence.lag import WitnessLag
from clawlaw.evidence.log import Log
from clawlaw.evidence.note import Signer, open_note
from clawlaw.evidence.reader import root_at
from clawlaw.evidence.schema import Checkpointed, Entry, encode_entry
from clawlaw.evidence.witness import Witness, WitnessError
from clawlaw.evidence.witness_http import WitnessClient, WitnessServer

ORIGIN = "gate.test/log"
NOW = 1_700_000_000

type MakeSigner = Callable[[str, int], Signer]


class Service:
    """A witness behind a port; can go away and come back."""

    def __init__(self, folder: Path, log: Signer, own: Signer) -> None:
        self.folder = folder
        self.log = log
        self.own = own
        self.server: WitnessServer | None = None
        self.start(0)

    def start(self, port: int) -> None:
        witness = Witness(self.folder, self.own, [(ORIGIN, self.log.verifier)])
        server = WitnessServer(("127.0.0.1", port), witness, (ORIGIN,), lambda: NOW)
        self.port = server.server_address[1]
        threading.Thread(target=server.serve_forever, args=(0.02,)).start()
        self.server = server

    def stop(self) -> None:
        if self.server is not None:
            self.server.shutdown()
            self.server.server_close()
            self.server = None

    @property
    def client(self) -> WitnessClient:
        return WitnessClient(f"http://127.0.0.1:{self.port}", self.own.cosigner)


@pytest.fixture
def services(tmp_path: Path, signer: MakeSigner) -> Iterator[list[Service]]:
    log = signer(ORIGIN, 1)
    made = [Service(tmp_path / f"w{n}", log, signer(f"w{n}.test", n)) for n in (2, 3)]
    yield made
    for each in made:
        each.stop()


def sign_head(log: Log) -> None:
    """What the gate does every so often."""
    body = Checkpointed(log.checkpoint().decode())
    log.append([encode_entry(Entry(1, log.size, NOW * 1000, "b", body))])


def grow(log: Log, count: int) -> None:
    for _ in range(count):
        log.append([os.urandom(300).hex().encode()])


def anchor(log: Log, services: list[Service], witnessed: Path) -> Anchor:
    clients = [s.client for s in services]
    return Anchor(log.folder, services[0].log.verifier, clients, None, witnessed)


def test_heads_are_cosigned_round_by_round(
    log: Log, services: list[Service], tmp_path: Path
) -> None:
    witnessed = tmp_path / "witnessed.note"
    made = anchor(log, services, witnessed)
    assert made.round().head is None
    verifiers = [s.own.cosigner for s in services]
    for count in (1, 5, 30, 3):
        grow(log, count)
        sign_head(log)
        done = made.round()
        assert done.problems == []
        assert done.cosigned == ["w2.test", "w3.test"]
        lag = WitnessLag(services[0].log.verifier, verifiers, 2, 1000)
        assert lag.seen(witnessed.read_bytes())
        assert done.head is not None
        assert done.head.size == log.size - 1
    for service in services:
        assert service.client.last(ORIGIN) == done.head


def test_witness_that_is_away_is_told_and_catches_up(
    log: Log, services: list[Service], tmp_path: Path
) -> None:
    made = anchor(log, services, tmp_path / "witnessed.note")
    grow(log, 3)
    sign_head(log)
    assert made.round().problems == []
    port = services[1].port
    services[1].stop()
    grow(log, 20)
    sign_head(log)
    done = made.round()
    assert done.cosigned == ["w2.test"]
    assert "w3.test" in done.problems[0]
    services[1].start(port)
    assert made.round().cosigned == ["w2.test", "w3.test"]


def test_head_with_too_few_cosignatures_is_not_left_for_the_gate(
    log: Log, services: list[Service], tmp_path: Path
) -> None:
    witnessed = tmp_path / "witnessed.note"
    clients = [s.client for s in services]
    made = Anchor(
        log.folder, services[0].log.verifier, clients, None, witnessed, needed=2
    )
    grow(log, 3)
    sign_head(log)
    made.round()
    before = witnessed.read_bytes()
    services[1].stop()
    grow(log, 3)
    sign_head(log)
    assert made.round().cosigned == ["w2.test"]
    assert witnessed.read_bytes() == before


def test_uploader_that_begins_anew_asks_what_was_seen(
    log: Log, services: list[Service], tmp_path: Path
) -> None:
    for count in (4, 9):
        grow(log, count)
        sign_head(log)
        done = anchor(log, services, tmp_path / "witnessed.note").round()
        assert done.cosigned == ["w2.test", "w3.test"]


def test_second_uploader_is_told_what_the_first_did(
    log: Log, services: list[Service], tmp_path: Path
) -> None:
    first = anchor(log, services, tmp_path / "one.note")
    second = anchor(log, services, tmp_path / "two.note")
    for made in (first, second, first, second):
        grow(log, 3)
        sign_head(log)
        assert made.round().problems == []


def test_log_that_went_back_is_not_cosigned(
    log: Log, services: list[Service], tmp_path: Path, signer: MakeSigner
) -> None:
    witnessed = tmp_path / "witnessed.note"
    grow(log, 8)
    sign_head(log)
    anchor(log, services, witnessed).round()
    before = witnessed.read_bytes()
    for count in (2, 30):
        with Log.open(tmp_path / f"forged{count}", ORIGIN, signer(ORIGIN, 1)) as forged:
            grow(forged, count)
            sign_head(forged)
            done = anchor(forged, services, witnessed).round()
            assert done.cosigned == []
            assert len(done.problems) == 2
            assert not gate_allows(forged, services, witnessed)
    assert witnessed.read_bytes() == before


def gate_allows(log: Log, services: list[Service], witnessed: Path) -> bool:
    """What the gate makes of the file, after its start and some time."""
    keys = [s.own.cosigner for s in services]
    lag = WitnessLag(services[0].log.verifier, keys, 2, 1000)
    note = newest_head(log.folder)
    assert note is not None
    lag.signed(note, 10_000)
    lag.seen(witnessed.read_bytes())
    return not lag.late(99_000)


def snapshot(log: Log, to: Path) -> None:
    """Copy a log that is at work; its spare segment comes and goes meanwhile."""
    shutil.copytree(
        log.folder, to / "snapshot", ignore=shutil.ignore_patterns("spare*")
    )


def test_log_restored_from_a_snapshot_is_found_out_by_its_gate(
    log: Log, services: list[Service], tmp_path: Path
) -> None:
    witnessed = tmp_path / "witnessed.note"
    grow(log, 4)
    sign_head(log)
    anchor(log, services, witnessed).round()
    snapshot(log, tmp_path)
    old = witnessed.read_bytes()
    grow(log, 30)
    sign_head(log)
    anchor(log, services, witnessed).round()
    assert gate_allows(log, services, witnessed)
    # Everything on the machine is as it was before, what the gate reads included.
    witnessed.write_bytes(old)
    with Log.open(tmp_path / "snapshot", ORIGIN, log._signer) as back:
        assert gate_allows(back, services, witnessed)
        done = anchor(back, services, witnessed).round()
        assert done.cosigned == []
        assert "it went back" in done.problems[0]
        assert not gate_allows(back, services, witnessed)


def test_log_that_went_back_and_outgrew_it_is_found_out_by_its_gate(
    log: Log, services: list[Service], tmp_path: Path
) -> None:
    witnessed = tmp_path / "witnessed.note"
    grow(log, 4)
    sign_head(log)
    snapshot(log, tmp_path)
    anchor(log, services, witnessed).round()
    grow(log, 3)
    sign_head(log)
    anchor(log, services, witnessed).round()
    witnessed.unlink()
    with Log.open(tmp_path / "snapshot", ORIGIN, log._signer) as back:
        grow(back, 30)
        sign_head(back)
        keys = [s.own.cosigner for s in services]
        lag = WitnessLag(
            log._signer.verifier,
            keys,
            2,
            10**9,
            lambda size: root_at(back.folder, size),
        )
        note = newest_head(back.folder)
        assert note is not None
        lag.signed(note, 10_000)
        done = anchor(back, services, witnessed).round()
        assert done.cosigned == []
        assert all("saw another log of size 8" in p for p in done.problems)
        assert lag.seen(witnessed.read_bytes())
        assert "another log of size 8" in lag.late(10_000)


def test_cosignature_of_a_stranger_is_no_cosignature(
    log: Log, services: list[Service], tmp_path: Path, signer: MakeSigner
) -> None:
    wrong = WitnessClient(services[0].client.url.geturl(), signer("w9", 9).cosigner)
    made = Anchor(
        log.folder, services[0].log.verifier, [wrong], None, tmp_path / "note"
    )
    grow(log, 1)
    sign_head(log)
    made._seen["w9"] = 0
    done = made.round()
    assert done.cosigned == []
    assert "no known key signed" in done.problems[0]
    assert not (tmp_path / "note").exists()


def test_newest_head_is_found_in_any_segment(log: Log) -> None:
    assert newest_head(log.folder) is None
    grow(log, 1)
    sign_head(log)
    first = newest_head(log.folder)
    grow(log, 40)
    assert newest_head(log.folder) == first
    sign_head(log)
    assert newest_head(log.folder) != first


def test_uploader_reads_beside_a_writer(
    log: Log, services: list[Service], tmp_path: Path
) -> None:
    made = anchor(log, services, tmp_path / "witnessed.note")
    grow(log, 1)
    sign_head(log)
    ending = threading.Event()

    def write() -> None:
        while not ending.is_set():
            grow(log, 3)
            sign_head(log)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(20):
            assert made.round().problems == []
    finally:
        ending.set()
        writer.join()


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET /nothing HTTP/1.1\r\n\r\n", b"404"),
        (b"GET /checkpoint/00 HTTP/1.1\r\n\r\n", b"404"),
        (b"GET /healthz HTTP/1.1\r\n\r\n", b"200"),
        (b"POST /other HTTP/1.1\r\nContent-Length: 0\r\n\r\n", b"404"),
        (b"POST /add-checkpoint HTTP/1.1\r\n\r\n", b"400"),
        (b"POST /add-checkpoint HTTP/1.1\r\nContent-Length: -1\r\n\r\n", b"400"),
        (b"POST /add-checkpoint HTTP/1.1\r\nContent-Length: 9999999\r\n\r\n", b"400"),
        (b"POST /add-checkpoint HTTP/1.1\r\nContent-Length: 3\r\n\r\nold", b"400"),
        (b"BREW / HTTP/1.1\r\n\r\n", b"501"),
    ],
)
def test_what_is_no_question_is_refused(
    services: list[Service], request_: bytes, status: bytes
) -> None:
    with socket.create_connection(("127.0.0.1", services[0].port), 10) as asked:
        asked.sendall(request_)
        answer = asked.makefile("rb").readline()
    assert answer.split()[1] == status


def test_slow_client_is_hung_up_on_and_others_are_served(
    services: list[Service], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(witness_http, "DEADLINE", 0.3)
    with socket.create_connection(("127.0.0.1", services[0].port), 10) as slow:
        slow.sendall(b"POST /add-checkpoint HTTP/1.1\r\nContent-Length: 100\r\n\r\n")
        assert services[0].client.last(ORIGIN) is None
        begun = time.monotonic()
        while slow.recv(4096):
            pass
        assert time.monotonic() - begun < 9


def test_answer_of_another_log_is_refused(
    services: list[Service], monkeypatch: pytest.MonkeyPatch, log: Log
) -> None:
    grow(log, 1)
    services[0].client.add(0, [], log.checkpoint())
    hashed = witness_http.origin_hash(ORIGIN)
    monkeypatch.setattr(witness_http, "origin_hash", lambda _: hashed)
    with pytest.raises(WitnessError, match="answers for another log"):
        services[0].client.last("other.test")


def _wait_for(path: str, port: int) -> None:
    end = time.monotonic() + 20
    while time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError(path)


def test_commands_serve_and_ask(
    log: Log, tmp_path: Path, signer: MakeSigner, capsys: pytest.CaptureFixture[str]
) -> None:
    key, logs = tmp_path / "witness.pem", tmp_path / "logs"
    assert main(["witness", "keygen", "w.test", "--key", str(key)]) == 0
    line = capsys.readouterr().out.strip()
    logs.write_text(signer(ORIGIN, 1).verifier.encode() + "\n")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    config = tmp_path / "anchor.yaml"
    config.touch(0o600)
    config.write_text(
        f"document: anchor\nlog: {log.folder}\n"
        f"key: {signer(ORIGIN, 1).verifier.encode()}\n"
        f"witnessed: {tmp_path / 'witnessed.note'}\n"
        f"witnesses: [{{url: 'http://127.0.0.1:{port}', key: '{line}'}}]\n"
    )
    grow(log, 5)
    sign_head(log)
    assert main(["anchor", "--config", str(config), "--once", "--json"]) == 1
    assert "w.test" in json.loads(capsys.readouterr().out)["problems"][0]
    command = [sys.executable, "-m", "clawlaw", "witness", "serve", "w.test"]
    command += ["--key", str(key), "--folder", str(tmp_path / "seen")]
    command += ["--logs", str(logs), "--listen", f"127.0.0.1:{port}"]
    with subprocess.Popen(command, stderr=subprocess.PIPE) as served:
        _wait_for("witness", port)
        assert main(["anchor", "--config", str(config), "--once", "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["cosigned"] == ["w.test"]
        served.send_signal(signal.SIGTERM)
        assert served.wait(10) == 0
    note = (tmp_path / "witnessed.note").read_bytes()
    assert open_note(note, [signer(ORIGIN, 1).verifier]).checkpoint.size == 5


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("document: anchor\nlog: relative\nkey: k\n", "log"),
        ("document: anchor\nlog: /l\nkey: k\nmore: 1\n", "more"),
        ("document: gate\nlog: /l\nkey: k\n", "document"),
        ("document: anchor\nlog: /l\nkey: nokey\n", "verifier key"),
    ],
)
def test_configuration_that_is_wrong_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, problem: str
) -> None:
    config = tmp_path / "anchor.yaml"
    config.touch(0o600)
    config.write_text(text)
    assert main(["anchor", "--config", str(config), "--once"]) == 2
    assert problem in capsys.readouterr().err
    config.chmod(0o644)
    assert main(["anchor", "--config", str(config), "--once"]) == 2
    assert "lets others in" in capsys.readouterr().err
