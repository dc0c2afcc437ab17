"""A body that takes longer than a minute, through real Traefik: `make test-upload`.

Traefik ends a request whose body is not there after 60 seconds unless it is told
otherwise, which cuts pushes to the registry and uploads to the object store.
Source: Traefik, "EntryPoints", transport.respondingTimeouts.readTimeout.
"""

import http.server
import json
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.integration.s3.servers import free_ports

ROOT = Path(__file__).parents[2]
MANIFEST = ROOT / "gitops/apps/entry/manifests/traefik.yaml"
SECONDS = 66  # one byte each: more than Traefik's own limit of 60
CREATED = "HTTP/1.1 201 Created"
READY = 60  # seconds that Traefik may take to listen


class Backend(http.server.BaseHTTPRequestHandler):
    """Takes a body and says that it has all of it."""

    def do_PUT(self) -> None:
        wanted = int(self.headers["Content-Length"])
        there = len(self.rfile.read(wanted))
        self.server.bodies.append(there)  # type: ignore[attr-defined]  # of ours
        self.send_response(201 if there == wanted else 400)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


def transport() -> dict[str, Any]:
    """What the Forge tells Traefik of its entry point."""
    (found,) = yaml.safe_load_all(MANIFEST.read_text())
    values = yaml.safe_load(found["spec"]["valuesContent"])
    given: dict[str, Any] = values["ports"]["websecure"]["transport"]
    return given


def program() -> str:
    beside = Path(sys.executable).with_name("traefik")
    found = str(beside) if beside.exists() else shutil.which("traefik")
    if found is None:
        pytest.fail("no traefik: make venv installs it, from requirements/dev.txt")
    return found


@contextmanager
def traefik(folder: Path, given: dict[str, Any], backend: int) -> Iterator[int]:
    """Traefik before a backend, with a transport of its entry point; its port."""
    folder.mkdir()
    (port,) = free_ports(1)
    routes = {
        "routers": {"all": {"rule": "PathPrefix(`/`)", "service": "backend"}},
        "services": {
            "backend": {
                "loadBalancer": {"servers": [{"url": f"http://127.0.0.1:{backend}"}]}
            }
        },
    }
    (folder / "routes.yml").write_text(json.dumps({"http": routes}))
    entry: dict[str, Any] = {"address": f"127.0.0.1:{port}"}
    if given:  # Traefik refuses an empty one
        entry["transport"] = given
    static = {
        "global": {"checkNewVersion": False, "sendAnonymousUsage": False},
        "entryPoints": {"websecure": entry},
        "providers": {"file": {"filename": str(folder / "routes.yml")}},
    }
    (folder / "traefik.yml").write_text(json.dumps(static))
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [program(), f"--configfile={folder}/traefik.yml"], stdout=log, stderr=log
        )
    try:
        _routes(port, process, folder / "log")
        yield port
    finally:
        process.terminate()
        process.wait(30)


def _routes(port: int, process: "subprocess.Popen[bytes]", log: Path) -> None:
    """Wait until a short body arrives: Traefik listens before it has its routes."""
    end = time.monotonic() + READY
    while time.monotonic() < end and process.poll() is None:
        try:
            if put(port, 1, 0) == CREATED:
                return
        except OSError:
            pass
        time.sleep(0.2)
    pytest.fail(f"traefik does not route: {log.read_text()[-1000:]}")


def put(port: int, size: int, pause: float) -> str:
    """The first line of the answer to a body; "" where the line was cut.

    Args:
        port: Of Traefik.
        size: Bytes.
        pause: Seconds after each byte.
    """
    with socket.create_connection(("127.0.0.1", port), 30) as line:
        head = f"PUT /blob HTTP/1.1\r\nHost: s3\r\nContent-Length: {size}\r\n\r\n"
        line.sendall(head.encode())
        try:
            for _ in range(size):
                line.sendall(b"x")
                time.sleep(pause)
            return line.recv(4096).decode().partition("\r\n")[0]
        except OSError:
            return ""


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[str, int]]:
    """By setting: the answer, and how many bytes the backend got; both at once."""
    folder = tmp_path_factory.mktemp("traefik")

    def attempt(name: str, given: dict[str, Any]) -> tuple[str, int]:
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Backend)
        server.bodies = []  # type: ignore[attr-defined]  # for the handler
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with traefik(folder / name, given, server.server_address[1]) as port:
            said = put(port, SECONDS, 1)
        server.shutdown()
        server.server_close()
        return said, max(server.bodies, default=0)  # type: ignore[attr-defined]

    settings = {"defaults": {}, "forge": transport()}
    with ThreadPoolExecutor(len(settings)) as pool:
        found = pool.map(attempt, settings.keys(), settings.values())
        return dict(zip(settings, found, strict=True))


def test_traefiks_own_limit_cuts_it(answers: dict[str, tuple[str, int]]) -> None:
    said, there = answers["defaults"]
    assert said.split()[1:2] in ([], ["408"], ["499"], ["502"], ["504"])
    assert there < SECONDS


def test_the_forges_setting_lets_it_through(
    answers: dict[str, tuple[str, int]],
) -> None:
    assert answers["forge"] == (CREATED, SECONDS)
