"""Servers for every test, and modules run as plays run them."""

import json
import os
import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml
from tests.integration.models.artifact import plugin
from tests.integration.models.servers import (
    CHECKOUT,
    COLLECTIONS,
    CutDouble,
    Server,
    gguf,
    ollama_server,
    registry_server,
)

if COLLECTIONS not in sys.path:
    sys.path.insert(0, COLLECTIONS)

type Run = Callable[..., dict[str, Any]]


@pytest.fixture(autouse=True)
def _quick(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Attempts follow each other at once, and notes of uploads are the test's."""
    http = plugin("module_utils.oci_http")
    monkeypatch.setattr(http, "PAUSE", 0.01)
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.fixture
def empty_ollama(ollama: Server) -> Server:
    """The engine without models."""
    url = ollama.url
    for model in requests.get(f"{url}/api/tags", timeout=30).json()["models"]:
        gone = {"model": model["name"]}
        answer = requests.delete(f"{url}/api/delete", json=gone, timeout=30)
        assert answer.ok, answer.text
    return ollama


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The distribution registry, by its pin."""
    server = registry_server(tmp_path_factory.mktemp("registry"))
    server.start()
    yield server
    server.kill()


@pytest.fixture
def start_registry(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[..., Server]]:
    """Start a registry of one's own."""
    started = []

    def start(auth: dict[str, Any]) -> Server:
        server = registry_server(tmp_path_factory.mktemp("registry"), auth)
        server.start()
        started.append(server)
        return server

    yield start
    for server in started:
        server.kill()


@pytest.fixture
def bad_line(registry: Server) -> Iterator[CutDouble]:
    double = CutDouble(registry.port)
    yield double
    double.close()


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run a module once in a play on localhost; return its answer with the status."""

    def play(module: str, *flags: str, **options: object) -> dict[str, Any]:
        task = {"name": "Try", f"forge.platform.{module}": options}
        plays = [{"hosts": "localhost", "gather_facts": False, "tasks": [task]}]
        book = tmp_path / "play.yml"
        book.write_text(yaml.safe_dump(plays))
        environment = os.environ | {
            "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg"),
            "ANSIBLE_LOCAL_TEMP": str(tmp_path / "ansible"),
            "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json",
            "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
            "HOME": str(tmp_path),
        }
        ansible = Path(sys.executable).with_name("ansible-playbook")
        words = [str(ansible), "-i", "localhost,", "-c", "local", str(book), *flags]
        done = subprocess.run(
            words,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        answer = json.loads(done.stdout)["plays"][0]["tasks"][0]["hosts"]["localhost"]
        return {"status": done.returncode, **answer}

    return play


@pytest.fixture(scope="session")
def ollama(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Ollama, by its pin; its models are in ``models`` of its folder."""
    folder = tmp_path_factory.mktemp("ollama")
    server = ollama_server(folder, folder / "models")
    server.start()
    yield server
    server.kill()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 300 MiB, of which 256 have to stay free."""
    folder = tmp_path / "small_disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=300m", "none", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False).returncode != 0:
        pytest.skip("mounting a small disk takes root")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture
def make_gguf() -> Callable[..., str]:
    return gguf


@pytest.fixture
def make_ollama() -> Iterator[Callable[[Path, Path], Server]]:
    """Start an engine of one's own: folder of its log, folder of its models."""
    started = []

    def start(folder: Path, models: Path) -> Server:
        server = ollama_server(folder, models)
        server.start()
        started.append(server)
        return server

    yield start
    for server in started:
        server.kill()


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A folder like a model's: weights, settings, licence."""
    folder = tmp_path / "source"
    (folder / "sub").mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(secrets.token_bytes(9 * 2**20))
    (folder / "config.json").write_text('{"hidden_size": 64}')
    (folder / "LICENSE").write_text("terms")
    (folder / "sub/tokenizer.json").write_text("{}")
    return folder
