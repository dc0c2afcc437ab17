"""Real engines on loopback: Ollama and `mlx_lm.server`, from what is pinned and cached.

Ollama and the models come by pin (:mod:`forge.artifacts`), MLX from an environment in
the user's cache that is made of requirements/mlx.txt. What is not there is made once.
"""

import contextlib
import hashlib
import http.client
import os
import socket
import subprocess
import time
import venv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from forge import artifacts, paths
from forge.artifacts.progress import SILENT
from forge.errors import ForgeError
from forge.testbed import models

GEMMA: Final = "gemma3:270m"
CONTEXT: Final = 2048  # tokens of the window
WAIT: Final = 180  # seconds to serve, on a busy machine


class StartError(ForgeError):
    """A process does not serve, or an environment cannot be made."""


@dataclass(frozen=True)
class Engine:
    """An engine that serves.

    Attributes:
        url: Its address.
        model: As a request to it names the model.
        weights: Bytes of the model's weights.
        process: Its process id.
    """

    url: str
    model: str
    weights: int
    process: int


@contextlib.contextmanager
def ollama(folder: Path, *, parallel: int = 1) -> Iterator[Engine]:
    """Ollama with a real small model, on one thread.

    Args:
        folder: Empty, for its state and log.
        parallel: Streams that it serves at a time.

    Raises:
        ForgeError: It cannot be had, or does not serve.
    """
    checkout = paths.checkout(Path(__file__).parent)
    found = artifacts.ensure(
        "ollama",
        artifacts.host_arch(),
        versions=artifacts.load(checkout / "versions.yml"),
        cache=artifacts.Cache(paths.cache()),
        progress=SILENT,
    )
    program = str(found.files["ollama"])
    gguf = models.ensure(checkout, paths.cache())["gemma3-270m"].path
    port = free_port()
    environment = {
        "HOME": str(folder),
        "PATH": os.environ.get("PATH", ""),
        "OLLAMA_HOST": f"127.0.0.1:{port}",
        "OLLAMA_MODELS": str(folder / "models"),
        "OLLAMA_NO_CLOUD": "1",
        "OLLAMA_KEEP_ALIVE": "-1",
        "OLLAMA_NUM_PARALLEL": str(parallel),
        "OLLAMA_CONTEXT_LENGTH": str(CONTEXT),
    }
    log = folder / "ollama.txt"
    with served([program, "serve"], environment, log, port, "/api/version") as process:
        file = folder / "Modelfile"
        file.write_text(f"FROM {gguf}\nPARAMETER num_thread 1\n")
        create = [program, "create", GEMMA, "-f", str(file)]
        done = subprocess.run(create, env=environment, check=False, capture_output=True)
        if done.returncode:
            raise StartError(f"ollama create: {done.stderr.decode()[-2000:]}")
        url = f"http://127.0.0.1:{port}"
        yield Engine(url, GEMMA, gguf.stat().st_size, process)


@contextlib.contextmanager
def mlx(folder: Path) -> Iterator[Engine]:
    """`mlx_lm.server` with a generated small model, whose answers are noise.

    Args:
        folder: Empty, for its state and log.

    Raises:
        ForgeError: It cannot be had, or does not serve.
    """
    checkout = paths.checkout(Path(__file__).parent)
    model = models.ensure(checkout, paths.cache())["noise-mlx"].path
    python = _mlx_python(checkout)
    (folder / "hub").mkdir()
    port = free_port()
    environment = {
        "HOME": str(folder),
        "PATH": os.environ.get("PATH", ""),
        "HF_HUB_CACHE": str(folder / "hub"),
        "HF_HUB_OFFLINE": "1",
    }
    words = [str(python), "-m", "mlx_lm.server", "--model", str(model)]
    words += ["--host", "127.0.0.1", "--port", str(port)]
    weights = sum(file.stat().st_size for file in model.glob("*.safetensors"))
    with served(words, environment, folder / "mlx.txt", port, "/health") as process:
        yield Engine(f"http://127.0.0.1:{port}", str(model), weights, process)


def _mlx_python(checkout: Path) -> Path:
    """Python of the environment that has MLX, by its lock."""
    lock = checkout / "requirements" / "mlx.txt"
    name = hashlib.sha256(lock.read_bytes()).hexdigest()[:16]
    folder = paths.cache() / f"mlx-{name}"
    python = folder / "bin" / "python"
    if not (folder / "complete").exists():
        venv.create(folder, with_pip=True, clear=True)
        install = ["-m", "pip", "install", "-q", "--require-hashes", "-r", str(lock)]
        done = subprocess.run(
            [str(python), *install], check=False, capture_output=True, text=True
        )
        if done.returncode:
            raise StartError(
                f"{lock}: {done.stderr[-2000:]}",
                remedy="MLX comes from a Python package index: is one reachable?",
            )
        (folder / "complete").touch()
    return python


@contextlib.contextmanager
def served(
    words: list[str], environment: Mapping[str, str], log: Path, port: int, path: str
) -> Iterator[int]:
    """A server's process id, from its first good answer to the end of the block.

    Args:
        words: The command.
        environment: Of the process, whole.
        log: Takes what it prints.
        port: On loopback.
        path: That answers 200 when it serves.

    Raises:
        StartError: It ended, or has not answered within ``WAIT`` seconds.
    """
    with log.open("wb") as file:
        process = subprocess.Popen(words, stdout=file, stderr=file, env=environment)
    try:
        until = time.monotonic() + WAIT
        while not _answers(port, path):
            if process.poll() is not None or time.monotonic() > until:
                raise StartError(f"{words[0]} does not serve:\n{log.read_text()}")
            time.sleep(0.2)
        yield process.pid
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def free_port() -> int:
    """A port of loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(port: int, path: str) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
