"""Real engines and a real registry on loopback, a bad line, and files for them."""

import contextlib
import hashlib
import os
import secrets
import select
import signal
import socket
import struct
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from forge import artifacts, paths

CHECKOUT = paths.checkout(Path(__file__).parent)
COLLECTIONS = str(CHECKOUT / "collections")
READY = 60  # seconds that a server may take to answer

# Where the cache is, before a test gives its modules another home.
CACHE = artifacts.Cache.of(os.environ)


def program(name: str) -> Path:
    """The pinned program; a build takes minutes and is not a test's to begin."""
    versions = artifacts.load(CHECKOUT / "versions.yml")
    arch = artifacts.host_arch()
    plan = artifacts.plan(name, arch, versions=versions, cache=CACHE)
    if plan.artifact is None:
        pytest.skip(f"{name} is not built: forge artifacts fetch {name}")
    return plan.files[name]


def free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port: int = held.getsockname()[1]
        return port


class Server:
    """A program that serves on loopback and can be killed and started again."""

    def __init__(self, words: list[str], port: int, folder: Path, path: str) -> None:
        self.words, self.port, self.folder, self._path = words, port, folder, path
        self.environment = dict(os.environ)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                self.words,
                stdout=log,
                stderr=log,
                env=self.environment,
                process_group=0,
            )
        end = time.monotonic() + READY
        while time.monotonic() < end:
            try:
                if requests.get(self.url + self._path, timeout=5).ok:
                    return
            except requests.RequestException:
                time.sleep(0.1)
        pytest.fail(f"no answer: {(self.folder / 'log').read_text()[-2000:]}")

    def kill(self) -> None:
        if self._process is not None:
            # An engine's runners are processes of their own, and outlive it.
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None


def registry_server(folder: Path, auth: dict[str, Any] | None = None) -> Server:
    port = free_port()
    config: dict[str, Any] = {
        "version": 0.1,
        "log": {"accesslog": {"disabled": True}, "level": "warn"},
        "storage": {"filesystem": {"rootdirectory": str(folder / "data")}},
        "http": {"addr": f"127.0.0.1:{port}", "secret": "known to tests"},
    }
    if auth is not None:
        config["auth"] = auth
    file = folder / "config.yml"
    file.write_text(yaml.safe_dump(config))
    # Whoever has no account is refused, and the server is there.
    path = "/v2/" if auth is None else "/"
    return Server([str(program("registry")), "serve", str(file)], port, folder, path)


class CutDouble:
    """A double of a bad line: passes bytes on, and ends connections after some.

    Attributes:
        port: Where it listens.
        allowance: Bytes of the server that one connection after the other passes on
            before it is cut; when the list is empty, nothing is cut.
        upload_allowance: The same for bytes of the client.
        stalls_after: Bytes of the server after which a connection stays open and
            passes nothing on.
        requests: The beginning of every request.
    """

    def __init__(self, target: int) -> None:
        self._target = target
        self.allowance: list[int] = []
        self.upload_allowance: list[int] = []
        self.stalls_after: int | None = None
        self.requests: list[bytes] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._closing = threading.Event()
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def close(self) -> None:
        self._closing.set()
        # A listener that is only closed would still be waited on.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(client,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, client: socket.socket) -> None:
        with client, socket.create_connection(("127.0.0.1", self._target)) as server:
            up, down = 0, 0
            while not self._closing.is_set():
                for ready in select.select([client, server], [], [], 0.1)[0]:
                    try:
                        data = ready.recv(65536)
                    except OSError:
                        return
                    if not data:
                        return
                    if ready is client:
                        if b" HTTP/1.1\r\n" in data:
                            self.requests.append(data)
                        up += len(data)
                        sink, passed, allowance = server, up, self.upload_allowance
                    else:
                        down += len(data)
                        sink, passed, allowance = client, down, self.allowance
                        if self.stalls_after is not None and down > self.stalls_after:
                            self._closing.wait()
                            return
                    if allowance and passed > allowance[0]:
                        allowance.pop(0)
                        return
                    sink.sendall(data)


def ollama_server(folder: Path, models: Path) -> Server:
    port = free_port()
    server = Server([str(program("ollama")), "serve"], port, folder, "/api/version")
    models.mkdir(exist_ok=True)
    server.environment |= {
        "HOME": str(folder),
        "OLLAMA_HOST": f"127.0.0.1:{port}",
        "OLLAMA_MODELS": str(models),
        "OLLAMA_NO_CLOUD": "1",
        "OLLAMA_NUM_PARALLEL": "1",
        "OLLAMA_CONTEXT_LENGTH": "512",
    }
    return server


def gguf(path: Path, size: int = 2**20) -> str:
    """Write a GGUF file that the engine takes, of about a size; return its digest.

    It has no tensors: what is tested is how it gets to the engine.
    """
    numbers = secrets.token_bytes(size)

    def text(value: str) -> bytes:
        return struct.pack("<Q", len(value)) + value.encode()

    entries = [
        text("general.architecture") + struct.pack("<I", 8) + text("llama"),
        text("llama.block_count") + struct.pack("<II", 4, 1),
        text("padding") + struct.pack("<IIQ", 9, 0, size) + numbers,
    ]
    head = b"GGUF" + struct.pack("<IQQ", 3, 0, len(entries))
    data = head + b"".join(entries)
    path.write_bytes(data + bytes(-len(data) % 32))
    return f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"
