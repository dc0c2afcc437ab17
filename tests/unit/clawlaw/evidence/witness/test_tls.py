"""The witness under TLS: whose certificate counts, and what a slow client can do."""

import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from tests.integration.certificates import HOUR, Authority

from clawlaw.cli import main
from clawlaw.evidence import witness_http
from clawlaw.evidence.keys import make_signer
from clawlaw.evidence.log import Log
from clawlaw.evidence.note import Signer, open_note
from clawlaw.evidence.schema import Checkpointed, Entry, encode_entry
from clawlaw.evidence.witness import Witness
from clawlaw.evidence.witness_http import WitnessServer

ORIGIN = "gate.test/log"
NOW = 1_700_000_000

type MakeSigner = Callable[[str, int], Signer]


class Command:
    """`clawlaw witness serve` under TLS, and an uploader's configuration for it."""

    def __init__(self, folder: Path, log: Log, key: str) -> None:
        self.folder = folder
        self.log = log
        self.key = key
        self.line = make_signer(folder / "witness.pem", "w.test").cosigner.encode()
        (folder / "logs").write_text(key + "\n")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]

    def serve(self, files: tuple[Path, Path]) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", "clawlaw", "witness", "serve", "w.test"]
        command += ["--key", str(self.folder / "witness.pem")]
        command += ["--folder", str(self.folder / "seen")]
        command += ["--logs", str(self.folder / "logs")]
        command += ["--listen", f"127.0.0.1:{self.port}"]
        command += ["--certificate", str(files[0]), "--tls-key", str(files[1])]
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        end = time.monotonic() + 60
        while time.monotonic() < end:
            with suppress(OSError):
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return process
            time.sleep(0.05)
        raise AssertionError("the witness did not start")

    def round(self, authority: Path | None, scheme: str = "https") -> int:
        """One round of `clawlaw anchor`; its exit code."""
        trusted = f", authority: '{authority}'" if authority else ""
        config = self.folder / "anchor.yaml"
        config.touch(0o600)
        config.write_text(
            f"document: anchor\nlog: {self.log.folder}\nkey: {self.key}\n"
            f"witnessed: {self.folder / 'witnessed.note'}\n"
            f"witnesses: [{{url: '{scheme}://127.0.0.1:{self.port}', "
            f"key: '{self.line}'{trusted}}}]\n"
        )
        return main(["anchor", "--config", str(config), "--once", "--json"])


def test_heads_are_cosigned_under_tls_of_the_right_authority_only(
    log: Log, tmp_path: Path, signer: MakeSigner, capsys: pytest.CaptureFixture[str]
) -> None:
    authority, other = Authority(tmp_path, "ours"), Authority(tmp_path, "others")
    command = Command(tmp_path, log, signer(ORIGIN, 1).verifier.encode())
    for _ in range(5):
        log.append([os.urandom(300)])
    body = Checkpointed(log.checkpoint().decode())
    log.append([encode_entry(Entry(1, log.size, NOW * 1000, "b", body))])
    expired = authority.issue("old", server=True, starts=-2 * HOUR, ends=-HOUR)
    good = authority.issue("witness", server=True)
    for files, trusted, scheme in (
        (good, other.file, "https"),
        (good, None, "https"),  # the system does not know this authority
        (good, authority.file, "http"),
        (expired, authority.file, "https"),
        (authority.issue("client"), authority.file, "https"),  # of no service
    ):
        process = command.serve(files)
        assert command.round(trusted, scheme) == 1
        said = json.loads(capsys.readouterr().out)
        assert said["cosigned"] == []
        assert "witness w.test at 127.0.0.1" in said["problems"][0]
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    assert not (tmp_path / "witnessed.note").exists()
    process = command.serve(good)
    try:
        assert command.round(authority.file) == 0
        assert json.loads(capsys.readouterr().out)["cosigned"] == ["w.test"]
        old = ssl.create_default_context(cafile=authority.file)
        with pytest.warns(DeprecationWarning, match="TLSv1_1"):
            old.maximum_version = old.minimum_version = ssl.TLSVersion.TLSv1_1
        old.set_ciphers("ALL:@SECLEVEL=0")
        with (
            socket.create_connection(("127.0.0.1", command.port), 20) as plain,
            pytest.raises(ssl.SSLError, match=r"(?i)version|protocol"),
        ):
            old.wrap_socket(plain, server_hostname="127.0.0.1")
    finally:
        process.terminate()
        process.wait(20)
    note = (tmp_path / "witnessed.note").read_bytes()
    assert open_note(note, [signer(ORIGIN, 1).verifier]).checkpoint.size == 5


@pytest.mark.parametrize("option", ["certificate", "authority"])
def test_files_of_tls_that_are_missing_are_named(
    option: str, tmp_path: Path, log: Log, signer: MakeSigner,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    command = Command(tmp_path, log, signer(ORIGIN, 1).verifier.encode())
    gone = tmp_path / "gone.pem"
    if option == "authority":
        assert command.round(gone) == 2
    else:
        given = ["witness", "serve", "w.test", "--key", str(tmp_path / "witness.pem")]
        given += ["--folder", str(tmp_path / "seen"), "--logs", str(tmp_path / "logs")]
        given += ["--certificate", str(gone), "--tls-key", str(gone)]
        assert main([*given, "--listen", f"127.0.0.1:{command.port}"]) == 2
    captured = capsys.readouterr()
    assert str(gone) in captured.err + captured.out


@pytest.fixture
def served(
    tmp_path: Path, signer: MakeSigner, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[int, ssl.SSLContext]]:
    """A witness with a short deadline: its port, and what its clients trust."""
    monkeypatch.setattr(witness_http, "DEADLINE", 1.5)
    authority = Authority(tmp_path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*authority.issue("witness", server=True))
    watched = [(ORIGIN, signer(ORIGIN, 1).verifier)]
    witness = Witness(tmp_path / "seen", signer("w.test", 2), watched)
    server = WitnessServer(
        ("127.0.0.1", 0), witness, (ORIGIN,), lambda: NOW, tls=context
    )
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield server.server_address[1], ssl.create_default_context(cafile=authority.file)
    server.shutdown()
    server.server_close()
    thread.join()


def _drip(connected: socket.socket) -> None:
    """Send a byte now and then, as long as the other side lets us: 10 s, or it ends."""
    connected.settimeout(0.2)
    begun = time.monotonic()
    while time.monotonic() - begun < 10:
        try:
            connected.sendall(b"x")
            if connected.recv(100) == b"":
                return
        except TimeoutError:
            continue
        except OSError:
            return
    pytest.fail("nobody hung up")


def test_a_client_that_sends_a_byte_now_and_then_is_hung_up_on(
    served: tuple[int, ssl.SSLContext],
) -> None:
    port, trusting = served
    with (
        socket.create_connection(("127.0.0.1", port), 20) as plain,
        trusting.wrap_socket(plain, server_hostname="127.0.0.1") as slow,
    ):
        slow.sendall(b"POST /add-checkpoint HTTP/1.1\r\nContent-Length: 900\r\n\r\n")
        _drip(slow)


def test_a_handshake_that_goes_on_for_ever_is_hung_up_on(
    served: tuple[int, ssl.SSLContext],
) -> None:
    with socket.create_connection(("127.0.0.1", served[0]), 20) as plain:
        plain.sendall(b"\x16\x03\x01\x40\x00\x01\x00\x3f\xfc\x03\x03")  # 16 KiB follow
        _drip(plain)
