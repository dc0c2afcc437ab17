"""Everything that a benchmark needs, on this machine: engine, gate, proxy.

Ollama and the model come by pin from the user's cache; gate and proxy are those of this
checkout, each a process of its own in a temporary folder, on loopback. All of it ends
with the run.
"""

import contextlib
import hashlib
import http.client
import json
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from clawlaw.evidence.keys import make_signer
from forge import artifacts, paths
from forge.artifacts.progress import SILENT
from forge.errors import ForgeError
from forge.testbed import models

MODEL: Final = "gemma3:270m"
CONTEXT: Final = 2048  # tokens of the window
MOST: Final = 512  # tokens of an answer
WAIT: Final = 120  # seconds to serve, on a busy machine


class LocalError(ForgeError):
    """A process of the benchmark did not come up."""


class Local:
    """Processes of one run, in one folder.

    Attributes:
        engine: Address of Ollama.
        proxy: Address of the proxy.
        gate: Address of the gate.
        token_file: Of the agent's token.
    """

    def __init__(self, folder: Path) -> None:
        """Use a folder; nothing runs yet."""
        self.folder = folder
        ports = [_free_port() for _ in range(3)]
        self.engine, self.gate, self.proxy = (
            f"http://127.0.0.1:{port}" for port in ports
        )
        self.token_file = folder / "token"
        self.token_file.touch(mode=0o600)
        self.token_file.write_text(secrets.token_urlsafe(24))
        self.gguf = Path()
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self) -> None:
        """Bring everything up.

        Raises:
            ForgeError: A part cannot be had, or does not serve.
        """
        checkout = paths.checkout(Path(__file__).parent)
        cache = paths.cache()
        ollama = artifacts.ensure(
            "ollama",
            artifacts.host_arch(),
            versions=artifacts.load(checkout / "versions.yml"),
            cache=artifacts.Cache(cache),
            progress=SILENT,
        ).files["ollama"]
        self.gguf = models.ensure(checkout, cache)["gemma3-270m"].path
        self._ollama(ollama)
        self._gate()
        self._proxy()

    def stop(self) -> None:
        """End everything, the proxy first."""
        for process in reversed(self.processes.values()):
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _ollama(self, program: Path) -> None:
        environment = {
            "HOME": str(self.folder),
            "PATH": os.environ.get("PATH", ""),
            "OLLAMA_HOST": self.engine.removeprefix("http://"),
            "OLLAMA_MODELS": str(self.folder / "models"),
            "OLLAMA_NO_CLOUD": "1",
            "OLLAMA_KEEP_ALIVE": "-1",
            "OLLAMA_NUM_PARALLEL": "4",
            "OLLAMA_CONTEXT_LENGTH": str(CONTEXT),
        }
        self._run("ollama", [str(program), "serve"], environment)
        self._wait("ollama", self.engine, "/api/version")
        file = self.folder / "Modelfile"
        file.write_text(f"FROM {self.gguf}\nPARAMETER num_thread 1\n")
        subprocess.run(
            [str(program), "create", MODEL, "-f", str(file)],
            env=environment,
            check=True,
            capture_output=True,
        )

    def _gate(self) -> None:
        origin = "bench.example/gate"
        make_signer(self.folder / "log.pem", origin)
        token = self.token_file.read_text().encode()
        digest = "sha256:" + hashlib.sha256(token).hexdigest()
        listener = {
            "tcp": self.gate.removeprefix("http://"),
            "rights": ["propose", "outcome"],
        }
        log = {
            "folder": str(self.folder / "log"),
            "origin": origin,
            "key": str(self.folder / "log.pem"),
        }
        work = {"workspace": [str(self.folder)], "home": "/home/agent"}
        said = {
            "document": "gate",
            "policy": {"folder": "forge", **work},
            "evidence": log,
            "agents": [{"principal": "developer", "tokens": [digest]}],
            "listeners": [listener],
        }
        self._clawlaw("gate", said)
        self._wait("gate", self.gate, "/healthz")

    def _proxy(self) -> None:
        model = {"name": MODEL, "backend": "ollama", "context": CONTEXT}
        backend = {"name": "ollama", "engine": "ollama", "tier": "II"}
        port = int(self.proxy.rpartition(":")[2])
        said = {
            "document": "inference",
            "gate": {"url": self.gate},
            "listen": {"host": "127.0.0.1", "port": port},
            "backends": [backend | {"url": self.engine}],
            "models": [model | {"max_tokens": MOST}],
        }
        self._clawlaw("inference", said)
        self._wait("inference", self.proxy, "/healthz")

    def _clawlaw(self, command: str, config: Mapping[str, Any]) -> None:
        path = self.folder / f"{command}.yaml"
        path.touch(mode=0o600)
        path.write_text(yaml.safe_dump(dict(config)))
        words = [sys.executable, "-m", "clawlaw", command, "--config", str(path)]
        self._run(command, words, dict(os.environ))

    def _run(self, name: str, words: list[str], environment: dict[str, str]) -> None:
        with (self.folder / f"{name}.log").open("wb") as log:
            self.processes[name] = subprocess.Popen(
                words, stdout=log, stderr=log, env=environment
            )

    def _wait(self, name: str, url: str, path: str) -> None:
        until = time.monotonic() + WAIT
        process = self.processes[name]
        while time.monotonic() < until and process.poll() is None:
            with contextlib.suppress(OSError, http.client.HTTPException):
                connection = http.client.HTTPConnection(
                    url.removeprefix("http://"), timeout=5
                )
                connection.request("GET", path)
                status = connection.getresponse().status
                connection.close()
                if status == http.client.OK:
                    return
            time.sleep(0.1)
        said = (self.folder / f"{name}.log").read_text()[-2000:]
        raise LocalError(f"{name} does not serve:\n{said}")

    def scenario(self, **more: Any) -> dict[str, Any]:  # noqa: ANN401  # of a scenario
        """A scenario that compares both ways here."""
        token = str(self.token_file)
        target = {
            "name": "gemma3 270M Q4_K_M",
            "engine": "ollama",
            "api": "ollama",
            "read_bytes": self.gguf.stat().st_size,
            "bandwidth": {"gb_per_s": 0},
            "direct": {"url": self.engine, "model": MODEL},
            "governed": {"url": self.proxy, "model": MODEL, "token_file": token},
        }
        return {
            "document": "bench-inference",
            "name": "side by side on this machine",
            "description": "the same model directly and through proxy and gate",
            "targets": [target],
            "gate": {"url": self.gate, "token_file": token},
        } | more


@contextlib.contextmanager
def local() -> Iterator[Local]:
    """Engine, gate and proxy, while it is open.

    Raises:
        ForgeError: A part cannot be had, or does not serve.
    """
    with tempfile.TemporaryDirectory(prefix="forge-bench-") as folder:
        room = Local(Path(folder))
        try:
            room.start()
            yield room
        finally:
            room.stop()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def written(scenario: Mapping[str, Any], path: Path) -> Path:
    """Write a scenario to a file."""
    path.write_text(json.dumps(dict(scenario), indent=1))
    return path
