"""Real engines: Ollama and `mlx_lm.server`, from what is pinned and cached.

Ollama and the models come by pin (:mod:`forge.artifacts`), MLX from an environment in
the user's cache that is made of requirements/mlx.txt. What is not there is made once.
"""

import contextlib
import hashlib
import http.client
import os
import subprocess
import time
import venv
from collections.abc import Iterator
from pathlib import Path

from tests.integration.gate.house import free_port

from forge import artifacts, paths
from forge.artifacts.progress import SILENT
from forge.testbed import models

ROOT = Path(__file__).resolve().parents[3]
GEMMA = "gemma3:270m"
CONTEXT = 2048
READY = 180  # seconds for an engine to serve on a busy machine


@contextlib.contextmanager
def ollama(folder: Path) -> Iterator[str]:
    """Ollama with a real small model; its address."""
    found = artifacts.ensure(
        "ollama",
        artifacts.host_arch(),
        versions=artifacts.load(ROOT / "versions.yml"),
        cache=artifacts.Cache(paths.cache()),
        progress=SILENT,
    )
    program = str(found.files["ollama"])
    gguf = models.ensure(ROOT, paths.cache())["gemma3-270m"].path
    port = free_port()
    environment = {
        "HOME": str(folder),
        "PATH": os.environ["PATH"],
        "OLLAMA_HOST": f"127.0.0.1:{port}",
        "OLLAMA_MODELS": str(folder / "models"),
        "OLLAMA_NO_CLOUD": "1",
        "OLLAMA_KEEP_ALIVE": "-1",
        "OLLAMA_CONTEXT_LENGTH": str(CONTEXT),
    }
    with _served([program, "serve"], environment, folder / "ollama.txt", port, "/"):
        file = folder / "Modelfile"
        file.write_text(f"FROM {gguf}\nPARAMETER num_thread 1\n")
        subprocess.run(
            [program, "create", GEMMA, "-f", str(file)],
            env=environment,
            check=True,
            capture_output=True,
        )
        yield f"http://127.0.0.1:{port}"


@contextlib.contextmanager
def mlx(folder: Path) -> Iterator[tuple[str, str]]:
    """`mlx_lm.server` with a generated small model; its address, the model's path."""
    model = models.ensure(ROOT, paths.cache())["noise-mlx"].path
    (folder / "hub").mkdir()
    port = free_port()
    environment = {
        "HOME": str(folder),
        "PATH": os.environ["PATH"],
        "HF_HUB_CACHE": str(folder / "hub"),
        "HF_HUB_OFFLINE": "1",
    }
    words = [str(_mlx_python()), "-m", "mlx_lm.server", "--model", str(model)]
    words += ["--host", "127.0.0.1", "--port", str(port)]
    with _served(words, environment, folder / "mlx.txt", port, "/health"):
        yield f"http://127.0.0.1:{port}", str(model)


def _mlx_python() -> Path:
    """Python of the environment that has MLX, by its lock."""
    lock = ROOT / "requirements" / "mlx.txt"
    name = hashlib.sha256(lock.read_bytes()).hexdigest()[:16]
    folder = paths.cache() / f"mlx-{name}"
    python = folder / "bin" / "python"
    if not (folder / "complete").exists():
        venv.create(folder, with_pip=True, clear=True)
        install = ["-m", "pip", "install", "-q", "--require-hashes", "-r", str(lock)]
        subprocess.run([str(python), *install], check=True)
        (folder / "complete").touch()
    return python


@contextlib.contextmanager
def _served(
    words: list[str], environment: dict[str, str], log: Path, port: int, path: str
) -> Iterator[None]:
    with log.open("wb") as file:
        process = subprocess.Popen(words, stdout=file, stderr=file, env=environment)
    try:
        until = time.monotonic() + READY
        while not _answers(port, path):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < until, log.read_text()
            time.sleep(0.2)
        yield
    finally:
        process.terminate()
        process.wait(30)


def _answers(port: int, path: str) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
