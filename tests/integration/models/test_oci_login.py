"""Accounts, tokens and TLS of registries."""

import base64
import http.server
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import ClassVar

import pytest
from tests.integration.models.artifact import contents, params, plugin, pull, push
from tests.integration.models.servers import Server

# Of `known to tests`, with the least work that the registry takes.
BCRYPT = "$2a$04$IhVx8ud7WtN/9f2EMlI8au2opjMP8NHZLE3je3VmpU5iFm2MIqUIq"


@pytest.fixture
def closed_registry(tmp_path: Path, start_registry: Callable[..., Server]) -> Server:
    """The registry with its own check of accounts: tester, `known to tests`."""
    accounts = tmp_path / "htpasswd"
    accounts.write_text(f"tester:{BCRYPT}\n")
    return start_registry({"htpasswd": {"realm": "models", "path": str(accounts)}})


def test_account_is_sent_to_a_registry_that_wants_one(
    closed_registry: Server, model: Path, tmp_path: Path
) -> None:
    error = plugin("module_utils.model_files").ModelError
    with pytest.raises(error, match=r"HTTP 401.*username and password"):
        push(model, closed_registry.port)
    with pytest.raises(error, match="HTTP 401"):
        push(model, closed_registry.port, username="tester", password="other")  # noqa: S106 - of a server that the test starts

    account = {"username": "tester", "password": "known to tests"}
    digest = push(model, closed_registry.port, **account)["digest"]
    pull(tmp_path / "target", model, closed_registry.port, digest, **account)
    assert contents(tmp_path / "target") == contents(model)


class TokenDouble(http.server.BaseHTTPRequestHandler):
    """A double of a registry whose login is a token service, as Harbor's is."""

    manifest = b'{"layers": []}'
    seen: ClassVar[list[tuple[str, str]]] = []

    def do_GET(self) -> None:
        host = f"http://{self.headers['Host']}"
        given = self.headers.get("Authorization", "")
        type(self).seen.append((self.path, given))
        if self.path.startswith("/token"):
            right = base64.b64encode(b"tester:known to tests").decode()
            ok = (
                given == f"Basic {right}" and "scope=repository%3Aa%3Apull" in self.path
            )
            self._answer(200 if ok else 401, b'{"token": "t-1"}' if ok else b"{}")
        elif given == "Bearer t-1":
            self._answer(200, self.manifest)
        else:
            challenge = (
                f'Bearer realm="{host}/token",service="r",scope="repository:a:pull"'
            )
            self._answer(401, b"{}", challenge)

    def _answer(self, status: int, body: bytes, challenge: str = "") -> None:
        self.send_response(status)
        if challenge:
            self.send_header("WWW-Authenticate", challenge)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def token_registry() -> Iterator[int]:
    TokenDouble.seen.clear()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), TokenDouble) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


def test_account_goes_to_the_token_service_and_its_token_to_the_registry(
    token_registry: int,
) -> None:
    connect = plugin("modules.oci_artifact").connect
    reference = f"127.0.0.1:{token_registry}/a"
    error = plugin("module_utils.model_files").ModelError
    with pytest.raises(error, match="HTTP 401"):
        connect(params(reference=reference)).manifest("1")
    TokenDouble.seen.clear()

    account = {"username": "tester", "password": "known to tests"}
    data = connect(params(reference=reference, **account)).manifest("1")

    assert data == TokenDouble.manifest
    to_registry = [given for path, given in TokenDouble.seen if "/v2/" in path]
    assert to_registry == ["", "Bearer t-1"], "the password is the service's alone"


def test_reference_with_another_digest_is_refused(tmp_path: Path) -> None:
    reference = f"r.test/a@sha256:{'1' * 64}"
    options = params(
        reference=reference, path=str(tmp_path), digest=f"sha256:{'0' * 64}"
    )
    error = plugin("module_utils.model_files").ModelError
    with pytest.raises(error, match="names another digest"):
        plugin("modules.oci_artifact").pull(options, check=False)


def test_only_loopback_is_spoken_to_without_tls() -> None:
    parse = plugin("module_utils.oci_reference").parse
    connection = plugin("module_utils.oci_http").Connection
    assert connection(parse("127.0.0.1:5000/a/b")).base.startswith("http://")
    assert connection(parse("localhost:5000/a")).base.startswith("http://")
    assert connection(parse("[::1]:5000/a")).base.startswith("http://")
    assert connection(parse("registry.test:5000/a")).base.startswith("https://")
    # A name that only looks like this machine's.
    assert connection(parse("127.0.0.1.test/a")).base.startswith("https://")
    assert connection(parse("127.0.0.1/a"), plain_http=False).base.startswith("https:")
    assert connection(parse("r.test/a"), plain_http=True).base.startswith("http://")
