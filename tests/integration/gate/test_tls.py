"""The TLS listener: who comes in is who the certificate says, and nobody else does."""

import contextlib
import socket
import ssl
from datetime import timedelta
from pathlib import Path

import pytest
from tests.integration.certificates import HOUR, Authority
from tests.integration.gate.house import TOKENS, NoAnswerError
from tests.integration.gate.tls_house import NAMES, TlsHouse

from clawlaw.evidence.schema import Decided


def test_a_caller_is_the_principal_of_its_common_name(tls: TlsHouse) -> None:
    tls.house.start()
    answers = {}
    for principal, name in NAMES.items():
        context = tls.context(tls.authority.issue(name))
        # What a body or a header claims is not looked at.
        token = f"Bearer {TOKENS['developer']}"
        status, answer = tls.propose(context, name, Authorization=token)
        assert (status, answer["verdict"]) == (200, "allow")
        answers[answer["id"]] = principal
    stranger = tls.context(tls.authority.issue("agent-three"))
    assert tls.propose(stranger)[0] == 401
    tls.house.stop()
    decided = [e.body for e in tls.house.entries() if isinstance(e.body, Decided)]
    assert {d.id: d.record.proposal.principal for d in decided} == answers


def test_only_certificates_of_the_authority_that_count_today_come_in(
    tls: TlsHouse, tmp_path: Path
) -> None:
    tls.house.start()
    name = NAMES["developer"]
    other = Authority(tmp_path, "another")
    (tmp_path / "forged").mkdir()
    forged = Authority(tmp_path / "forged", "clients")
    day = timedelta(days=1)
    for files in (
        None,
        other.issue(name),
        forged.issue(name),  # the same names, another key
        tls.authority.issue(name, starts=-day, ends=-HOUR),
        tls.authority.issue(name, starts=HOUR, ends=day),
        tls.authority.issue(name, server=True),  # not for clients
        tls.files,  # the gate's own
    ):
        tls.refuses(tls.context(files))
    assert tls.propose(tls.context(tls.authority.issue(name)))[0] == 200
    tls.house.stop()
    decided = [e for e in tls.house.entries() if isinstance(e.body, Decided)]
    assert len(decided) == 1


def test_a_right_that_is_taken_from_the_listener_is_gone(tls: TlsHouse) -> None:
    context = tls.context(tls.authority.issue(NAMES["developer"]))
    tls.house.start()
    redeem = {"permit": "x"}
    assert tls.ask(context, "/v1/permits/redeem", redeem)[0] == 409
    assert tls.ask(context, "/v1/outcomes", {"id": "d1"})[0] == 404
    tls.house.stop()
    tls.configure(rights=["propose"])
    tls.house.start()
    assert tls.propose(context)[0] == 200
    assert tls.ask(context, "/v1/permits/redeem", redeem)[0] == 403
    assert tls.ask(context, "/v1/outcomes", {"id": "d1"})[0] == 403
    tls.house.stop()
    tls.configure(names={"operator": NAMES["operator"]})  # and a name that is taken out
    tls.house.start()
    assert tls.propose(context)[0] == 401


@pytest.mark.parametrize("version", ["TLSv1", "TLSv1_1", "TLSv1_2"])
def test_older_versions_of_tls_are_refused(tls: TlsHouse, version: str) -> None:
    tls.house.start()
    files = tls.authority.issue(NAMES["developer"])
    context = tls.context(files)
    old = version != "TLSv1_2"
    with (
        pytest.warns(DeprecationWarning, match="TLSv1")
        if old
        else contextlib.nullcontext()
    ):
        context.minimum_version = ssl.TLSVersion[version]
        context.maximum_version = ssl.TLSVersion[version]
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.raises(ssl.SSLError, match=r"(?i)version|protocol"):
        tls.propose(context)
    newest = tls.context(files)
    newest.minimum_version = ssl.TLSVersion.TLSv1_3
    assert tls.propose(newest)[0] == 200


def test_plain_text_and_a_handshake_that_stops_cost_nobody_else(
    tls: TlsHouse,
) -> None:
    tls.house.start()
    context = tls.context(tls.authority.issue(NAMES["developer"]))
    address = ("127.0.0.1", tls.port)
    with contextlib.ExitStack() as held:
        silent = [
            held.enter_context(socket.create_connection(address, 20))
            for _ in range(100)
        ]
        for own in silent[:50]:
            own.sendall(b"GET /healthz HTTP/1.1\r\nHost: g\r\n\r\n")
        for own in silent[50:75]:
            own.sendall(b"\x16\x03\x01\x02\x00\x01\x00")  # how a ClientHello begins
        assert tls.propose(context)[0] == 200
        for own in silent:  # all of them are ended, without a word of HTTP
            with contextlib.suppress(ConnectionError):
                assert b"HTTP/1.1" not in own.recv(65_536)
    assert tls.propose(context)[0] == 200


def test_a_key_that_others_could_read_stops_the_start(tls: TlsHouse) -> None:
    tls.files[1].chmod(0o640)
    with pytest.raises(NoAnswerError, match=f"{tls.files[1].name}.*chmod 0600"):
        tls.house.start()
    assert not tls.house.log.exists()  # nothing was begun
    tls.files[1].chmod(0o600)
    tls.files[0].write_text("no certificate")
    with pytest.raises(NoAnswerError, match=r"servers-gate\.crt"):
        tls.house.start()
    assert not tls.house.log.exists()
