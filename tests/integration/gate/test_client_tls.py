"""The client library at the TLS listener: each end proves who it is, or nothing is."""

import asyncio
import signal
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from tests.integration.certificates import HOUR, Authority
from tests.integration.gate.house import TOKENS
from tests.integration.gate.tls_house import NAMES, TlsHouse

from clawlaw.client import AsyncClient, Client, Denied, GateUnavailable
from clawlaw.evidence.schema import Decided, Performed

FILES = ("ca", "certificate", "key")


def arguments(tls: TlsHouse, files: tuple[Path, Path] | None = None) -> dict[str, str]:
    """Of a client that the gate knows, or with other files."""
    found = files or tls.authority.issue(NAMES["developer"])
    paths = (tls.servers.file, *found)
    url = f"https://127.0.0.1:{tls.port}"
    return {"url": url} | {n: str(p) for n, p in zip(FILES, paths, strict=True)}


def blocking(said: dict[str, str], cwd: str) -> None:
    """One session with one action, and one that is denied."""
    with Client(**said) as gate, gate.session("s", cwd=cwd) as session:  # type: ignore[arg-type]  # of texts
        assert session.perform("read", lambda path: path, path="a") == "a"
        with pytest.raises(Denied, match="credentials"):
            session.propose("read", path="/etc/shadow")


def awaited(said: dict[str, str], cwd: str) -> None:
    """The same with asyncio."""

    async def read(path: str) -> str:
        return path

    async def scene() -> None:
        async with (
            AsyncClient(**said) as gate,  # type: ignore[arg-type]  # of texts
            gate.session("s", cwd=cwd) as session,
        ):
            assert await session.perform("read", read, path="a") == "a"
            with pytest.raises(Denied, match="credentials"):
                await session.propose("read", path="/etc/shadow")

    asyncio.run(scene())


type Scene = Callable[[dict[str, str], str], None]


@pytest.fixture(params=[blocking, awaited])
def scene(request: pytest.FixtureRequest) -> Scene:
    """Of either client."""
    found: Scene = request.param
    return found


@pytest.mark.parametrize("told", ["arguments", "environment"])
def test_a_client_is_who_its_certificate_says(
    tls: TlsHouse, scene: Scene, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tls.house.start()
    said = arguments(tls)
    if told == "environment":
        for name in FILES:
            monkeypatch.setenv(f"CLAWLAW_GATE_{name.upper()}", said.pop(name))
    scene(said, str(tls.house.workspace))
    tls.house.stop()
    bodies = [entry.body for entry in tls.house.entries()]
    decided = [body for body in bodies if isinstance(body, Decided)]
    assert {d.record.proposal.principal for d in decided} == {"developer"}
    assert [b.status for b in bodies if isinstance(b, Performed)] == ["done"]


def refused(scene: Scene, said: dict[str, str], match: str) -> None:
    with pytest.raises(GateUnavailable, match=match) as error:
        scene(said, "/")
    assert error.value.remedy


def test_a_gate_that_does_not_prove_who_it_is_is_told_nothing(
    tls: TlsHouse, scene: Scene, tmp_path: Path
) -> None:
    tls.house.start()
    said = arguments(tls)
    other = {"ca": str(Authority(tmp_path, "another").file)}
    refused(scene, said | other, "certificate of the gate")
    by_name = {
        "url": f"https://localhost:{tls.port}"
    }  # the certificate is of 127.0.0.1
    refused(scene, said | by_name, "(?i)certificate of the gate.*hostname mismatch")
    tls.house.stop()
    assert not [e for e in tls.house.entries() if isinstance(e.body, Decided)]


def test_a_certificate_that_the_gate_does_not_take_is_no_answer(
    tls: TlsHouse, scene: Scene, tmp_path: Path
) -> None:
    tls.house.start()
    name, day = NAMES["developer"], timedelta(days=1)
    expired = tls.authority.issue("late", starts=-day, ends=-HOUR)
    for files in (Authority(tmp_path, "another").issue(name), expired):
        refused(scene, arguments(tls, files), "no TLS connection|no answer")
    stranger = tls.authority.issue("agent-three")
    refused(scene, arguments(tls, stranger), "401")


@pytest.fixture
def plain() -> Iterator[int]:
    """Port of a listener that answers the first bytes with plain HTTP."""
    ends = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = int(server.getsockname()[1])

        def answer() -> None:
            while not ends.is_set():
                connection, _ = server.accept()
                with connection, suppress(ConnectionError):
                    connection.recv(4096)
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        yield port
        ends.set()
        socket.create_connection(("127.0.0.1", port)).close()
        thread.join()


def test_a_listener_without_tls_is_told_nothing(
    tls: TlsHouse, scene: Scene, plain: int
) -> None:
    said = arguments(tls) | {"url": f"https://127.0.0.1:{plain}"}
    refused(scene, said, "no TLS connection.*WRONG_VERSION")


def test_older_tls_is_not_spoken(tls: TlsHouse) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(*tls.files)
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        context.wrap_socket(server, server_side=True) as listening,
    ):

        def serve() -> None:
            with pytest.raises(ssl.SSLError):
                listening.accept()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        said = arguments(tls)
        said["url"] = f"https://127.0.0.1:{listening.getsockname()[1]}"
        refused(blocking, said, "no TLS connection.*PROTOCOL_VERSION")
        thread.join()


def test_files_that_cannot_be_used_say_which(
    tls: TlsHouse, scene: Scene, tmp_path: Path
) -> None:
    said = arguments(tls)
    text = tmp_path / "text.pem"
    text.write_text("no certificate")
    text.chmod(0o600)
    none = str(tmp_path / "none.pem")
    for name in FILES:
        for path in (str(text), none):
            refused(scene, said | {name: path}, Path(path).name)
    key = Path(said["key"])
    locked = load_pem_private_key(key.read_bytes(), None).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"word")
    )
    text.write_bytes(locked)
    refused(scene, said | {"key": str(text)}, "text.pem")  # and nobody is asked for it
    key.chmod(0o640)
    refused(scene, said, "chmod 0600")


def test_a_connection_that_the_gate_closed_is_opened_with_what_the_files_hold(
    tls: TlsHouse,
) -> None:
    tls.house.more = {"limits": {"idle": 1}}
    tls.configure()
    tls.house.start()
    said = arguments(tls)
    cwd = str(tls.house.workspace)
    with Client(**said) as gate, gate.session("s", cwd=cwd) as session:  # type: ignore[arg-type]  # of texts
        assert session.propose("read", path="a").id
        assert session.propose("read", path="b").id
        threading.Event().wait(3)
        assert session.propose("read", path="c").id
        Path(said["certificate"]).write_text("gone")
        threading.Event().wait(3)
        with pytest.raises(GateUnavailable, match="agent-one"):
            session.propose("read", path="d")
        tls.authority.issue(NAMES["developer"])  # into the same files
        assert session.propose("read", path="e").id
        tls.house.stop(signal.SIGKILL)
        with pytest.raises(GateUnavailable, match=r"no answer|no TLS"):
            session.propose("read", path="f")


@pytest.mark.parametrize("client", [Client, AsyncClient])
def test_what_says_no_place_is_no_client(client: Any) -> None:
    url, files = "https://127.0.0.1:1", dict.fromkeys(FILES, "x")
    with pytest.raises(ValueError, match=r"needs key \(CLAWLAW_GATE_KEY\)"):
        client(url=url, ca="x", certificate="x")
    with pytest.raises(ValueError, match="of https:// alone"):
        client(url="http://127.0.0.1:1", **files)
    with pytest.raises(ValueError, match="of https:// alone"):
        client(socket="/run/gate.sock", **files)
    with pytest.raises(ValueError, match="token"):
        client(url=url, token=TOKENS["developer"], **files)
    with pytest.raises(ValueError, match="ftp"):
        client(url="ftp://127.0.0.1:1", **files)
