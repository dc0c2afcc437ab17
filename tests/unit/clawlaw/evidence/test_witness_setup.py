"""The witness's own key and certificate: made once, renewed when they must be."""

import datetime as dt
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from clawlaw.cli.witness_setup import (
    CERTIFICATE,
    KEY,
    TLS_KEY,
    Setup,
    setup,
    standing,
)
from clawlaw.core.errors import ClawLawError
from clawlaw.evidence import witness_http
from clawlaw.evidence.keys import make_signer, read_signer
from clawlaw.evidence.note import Verifier
from clawlaw.evidence.witness import Witness
from clawlaw.evidence.witness_http import WitnessClient, WitnessServer

NAME = "forge.example/witness/one"
NOW = dt.datetime.now(dt.UTC)
HERE = ["127.0.0.1"]


def test_what_is_there_is_kept(tmp_path: Path) -> None:
    nothing = standing(tmp_path, NAME, HERE, NOW)
    assert (nothing.fresh, nothing.key, list(tmp_path.iterdir())) == (True, "", [])
    first = setup(tmp_path, NAME, HERE, NOW)
    again = setup(tmp_path, NAME, HERE, NOW)
    assert (first.fresh, again.fresh) == (True, False)
    assert (first.key, first.certificate) == (again.key, again.certificate)
    assert Verifier.parse(first.key).name == NAME
    for name in (KEY, TLS_KEY, CERTIFICATE):
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("days", "addresses", "renewed"),
    [(0, HERE, False), (734, HERE, False), (736, HERE, True), (0, ["::1"], True)],
)
def test_a_certificate_is_renewed_in_time_and_for_other_addresses(
    tmp_path: Path, days: int, addresses: list[str], *, renewed: bool
) -> None:
    first = setup(tmp_path, NAME, HERE, NOW)
    later = NOW + dt.timedelta(days=days)
    assert standing(tmp_path, NAME, addresses, later).fresh == renewed
    again = setup(tmp_path, NAME, addresses, later)
    assert (again.fresh, again.certificate != first.certificate) == (renewed, renewed)
    assert again.key == first.key


def test_a_key_that_others_read_is_refused(tmp_path: Path) -> None:
    setup(tmp_path, NAME, HERE, NOW)
    (tmp_path / TLS_KEY).chmod(0o644)
    with pytest.raises(ClawLawError, match="lets others in"):
        setup(tmp_path, NAME, HERE, NOW)


def test_no_address_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="worker-02"):
        setup(tmp_path, NAME, ["worker-02"], NOW)


@contextmanager
def serving(folder: Path, own: Path, made: Setup) -> Iterator[tuple[int, str]]:
    """A witness with TLS; its port, and the origin of the log that it watches."""
    (own / "given.pem").write_text(made.certificate)
    log = make_signer(folder / "log.pem", "forge.example/log").verifier
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(own / CERTIFICATE, own / TLS_KEY)
    server = WitnessServer(
        ("127.0.0.1", 0),
        Witness(folder / "seen", read_signer(own / KEY, NAME), [(log.name, log)]),
        (log.name,),
        lambda: int(NOW.timestamp()),
        tls=context,
    )
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield int(server.server_address[1]), log.name
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def trusting(file: Path) -> ssl.SSLContext:
    """As `clawlaw anchor` trusts: strictly, and nothing of the system's."""
    made = ssl.create_default_context(cafile=file)
    made.verify_flags |= ssl.VERIFY_X509_STRICT
    return made


def test_a_witness_serves_with_it_and_is_trusted_by_it_alone(tmp_path: Path) -> None:
    own, other = tmp_path / "own", tmp_path / "other"
    own.mkdir()
    other.mkdir()
    made = setup(own, NAME, HERE, NOW)
    (other / "given.pem").write_text(setup(other, NAME, HERE, NOW).certificate)
    with serving(tmp_path, own, made) as (port, origin):
        url, key = f"https://127.0.0.1:{port}", Verifier.parse(made.key)
        good = WitnessClient(url, key, tls=trusting(own / "given.pem"))
        assert good.last(origin) is None
        bad = WitnessClient(url, key, tls=trusting(other / "given.pem"))
        with pytest.raises(ClawLawError, match=r"CERTIFICATE|SSL"):
            bad.last(origin)


@pytest.mark.parametrize("greets", [False, True])
def test_a_slow_client_is_hung_up_on_under_tls_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, greets: bool
) -> None:
    monkeypatch.setattr(witness_http, "DEADLINE", 0.3)
    monkeypatch.setattr(witness_http, "TIMEOUT", 60)
    monkeypatch.setattr(witness_http._Handler, "timeout", 60)
    made = setup(tmp_path, NAME, HERE, NOW)
    with (
        serving(tmp_path, tmp_path, made) as (port, _),
        socket.create_connection(("127.0.0.1", port), 10) as plain,
    ):
        if not greets:
            assert plain.recv(1) == b""
            return
        tls = trusting(tmp_path / "given.pem")
        with (
            tls.wrap_socket(plain, server_hostname="127.0.0.1") as slow,
            suppress(ssl.SSLEOFError, ConnectionResetError),
        ):
            slow.sendall(b"POST /add-checkpoint HTTP/1.1\r\n")
            assert slow.recv(1) == b""
