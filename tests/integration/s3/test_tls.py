"""Servers that speak TLS by an authority of our own: trusted by its file alone."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from tests.integration.certificates import HOUR, Authority
from tests.integration.s3.servers import SERVERS, Server, Tls, running

from clawlaw.cli import main
from clawlaw.evidence.anchor_config import StorePart
from clawlaw.evidence.log import Log
from clawlaw.evidence.note import Signer
from clawlaw.evidence.objects import Store
from clawlaw.evidence.schema import (
    AnyBody,
    Checkpointed,
    Entry,
    Stopped,
    encode_entry,
)

ORIGIN = "gate.test/log"
NOW = 1_700_000_000_000


@pytest.fixture(scope="module", params=list(SERVERS))
def tls_server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp(f"{request.param}-tls")
    authority = Authority(folder)
    files = authority.issue("s3", server=True)
    with running(request.param, folder, Tls(*files, authority.file)) as found:
        yield found


def record(log: Log, body: AnyBody) -> None:
    log.append([encode_entry(Entry(1, log.size, NOW, "b", body))])


def uploads(log: Log, part: StorePart, key: str) -> list[str]:
    """One command that uploads; what went wrong."""
    return command(log, part, key, "anchor", "--once")


def command(log: Log, part: StorePart, key: str, *given: str) -> list[str]:
    config = log.folder.with_name("anchor.yaml")
    config.touch(0o600)
    store = json.dumps(msgspec.to_builtins(part))
    config.write_text(
        f"document: anchor\nlog: {log.folder}\nkey: {key}\nstore: {store}\n"
    )
    option = "--config" if given[0] == "anchor" else "--remote"
    code = main([*given, option, str(config), "--json"])
    return [] if code == 0 else [str(code)]


def test_only_a_server_of_the_authority_gets_evidence(
    tls_server: Server, tmp_path: Path, log: Log, signer: Callable[[str, int], Signer],
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    key = signer(ORIGIN, 1).verifier.encode()
    part = tls_server.bucket(tmp_path)
    for number in range(30):
        record(log, Stopped(str(number) * 100))
    record(log, Checkpointed(log.checkpoint().decode()))
    other = Authority(tmp_path, "other").file
    plain = part.endpoint.replace("https", "http")
    for changes, problem in (
        ({"authority": str(other)}, "certificate verify failed"),
        ({"authority": ""}, "certificate verify failed"),
        ({"authority": str(tmp_path / "gone.pem")}, "gone.pem"),
        ({"endpoint": plain, "authority": ""}, plain),
    ):
        wrong = msgspec.structs.replace(part, **changes)
        assert uploads(log, wrong, key)
        captured = capsys.readouterr()
        assert problem in captured.out + captured.err
    assert Store(part).versions("") == []
    assert not uploads(log, part, key)
    capsys.readouterr()
    assert not command(log, part, key, "verify", str(log.folder))
    said = json.loads(capsys.readouterr().out)["remote"]
    assert (said["newest"], said["missing"]) == (30, [])


def test_a_certificate_that_expired_is_none(
    tmp_path: Path, log: Log, signer: Callable[[str, int], Signer],
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    authority = Authority(tmp_path)
    expired = authority.issue("s3", server=True, starts=-2 * HOUR, ends=-HOUR)
    log.append([b"entry"])
    folder = tmp_path / "server"
    folder.mkdir()
    shown = Tls(*expired, authority.file)
    with running("seaweedfs", folder, shown, answers=False) as server:
        credentials = tmp_path / "credentials"
        credentials.touch(0o600)
        credentials.write_text(
            "[default]\naws_access_key_id = a\naws_secret_access_key = b\n"
        )
        part = StorePart(
            server.url, "evidence", str(credentials), authority=str(authority.file)
        )
        assert uploads(log, part, signer(ORIGIN, 1).verifier.encode())
    assert "certificate has expired" in capsys.readouterr().out
