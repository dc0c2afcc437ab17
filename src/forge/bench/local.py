"""Everything that a benchmark needs, on this machine: engines, gate, proxy.

Engines and models come by pin from the user's cache; gate and proxy are those of this
checkout, each a process of its own in a temporary folder, on loopback. All of it ends
with the run.
"""

import contextlib
import hashlib
import json
import os
import secrets
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from clawlaw.evidence.keys import make_signer
from forge.bench import engines
from forge.bench.engines import Engine

MOST: Final = 512  # tokens of an answer
PARALLEL: Final = 4  # streams of Ollama at a time
TIERS: Final = {"ollama": "II", "mlx": "III"}
NAMES: Final = {"ollama": engines.GEMMA, "mlx": "noise"}  # as the proxy's clients say
TITLES: Final = {"ollama": "gemma3 270M Q4_K_M", "mlx": "generated noise 0.9M"}


@dataclass(frozen=True)
class Local:
    """What runs.

    Attributes:
        engines: By kind: "ollama", "mlx".
        gate: Address.
        proxy: Address.
        token_file: Of the agent's token.
    """

    engines: Mapping[str, Engine]
    gate: str
    proxy: str
    token_file: Path

    @property
    def processes(self) -> dict[str, int]:
        """Process ids of the engines, by kind."""
        return {kind: engine.process for kind, engine in self.engines.items()}

    def scenario(self, **more: Any) -> dict[str, Any]:  # noqa: ANN401  # of a scenario
        """A scenario that compares both ways here, for each engine."""
        token = str(self.token_file)
        targets = [
            {
                "name": TITLES[kind],
                "engine": kind,
                "api": "ollama" if kind == "ollama" else "openai",
                "read_bytes": engine.weights,
                "bandwidth": {"gb_per_s": 0},
                "direct": {"url": engine.url, "model": engine.model},
                "governed": {
                    "url": self.proxy,
                    "model": NAMES[kind],
                    "token_file": token,
                },
            }
            for kind, engine in self.engines.items()
        ]
        return {
            "document": "bench-inference",
            "name": "side by side on this machine",
            "description": "the same models directly and through proxy and gate",
            "targets": targets,
            "gate": {"url": self.gate, "token_file": token},
        } | more


@contextlib.contextmanager
def local() -> Iterator[tuple[Local, Path]]:
    """Engines, gate and proxy, and their folder, while it is open.

    Raises:
        ForgeError: A part cannot be had, or does not serve.
    """
    with (
        tempfile.TemporaryDirectory(prefix="forge-bench-") as name,
        contextlib.ExitStack() as stack,
    ):
        folder = Path(name)
        for kind in TIERS:
            (folder / kind).mkdir()
        serving = {
            "ollama": stack.enter_context(
                engines.ollama(folder / "ollama", parallel=PARALLEL)
            ),
            "mlx": stack.enter_context(engines.mlx(folder / "mlx")),
        }
        token_file = folder / "token"
        token_file.touch(mode=0o600)
        token_file.write_text(secrets.token_urlsafe(24))
        gate = stack.enter_context(_gate(folder, token_file))
        proxy = stack.enter_context(_proxy(folder, serving, gate))
        yield Local(serving, gate, proxy, token_file), folder


def _gate(folder: Path, token_file: Path) -> contextlib.AbstractContextManager[str]:
    origin = "bench.example/gate"
    make_signer(folder / "log.pem", origin)
    digest = "sha256:" + hashlib.sha256(token_file.read_bytes()).hexdigest()
    port = engines.free_port()
    listener = {"tcp": f"127.0.0.1:{port}", "rights": ["propose", "outcome"]}
    log = {
        "folder": str(folder / "log"),
        "origin": origin,
        "key": str(folder / "log.pem"),
    }
    work = {"workspace": [str(folder)], "home": "/home/agent"}
    said = {
        "document": "gate",
        "policy": {"folder": "forge", **work},
        "evidence": log,
        "agents": [{"principal": "developer", "tokens": [digest]}],
        "listeners": [listener],
    }
    return _clawlaw("gate", said, folder, port)


def _proxy(
    folder: Path, serving: Mapping[str, Engine], gate: str
) -> contextlib.AbstractContextManager[str]:
    port = engines.free_port()
    said = {
        "document": "inference",
        "gate": {"url": gate},
        "listen": {"host": "127.0.0.1", "port": port},
        "backends": [
            {"name": kind, "engine": kind, "tier": TIERS[kind], "url": engine.url}
            for kind, engine in serving.items()
        ],
        "models": [
            {
                "name": NAMES[kind],
                "backend": kind,
                "served": engine.model,
                "context": engines.CONTEXT,
                "max_tokens": MOST,
            }
            for kind, engine in serving.items()
        ],
    }
    return _clawlaw("inference", said, folder, port)


@contextlib.contextmanager
def _clawlaw(
    command: str, config: Mapping[str, Any], folder: Path, port: int
) -> Iterator[str]:
    path = folder / f"{command}.yaml"
    path.touch(mode=0o600)
    path.write_text(yaml.safe_dump(dict(config)))
    words = [sys.executable, "-m", "clawlaw", command, "--config", str(path)]
    log = folder / f"{command}.txt"
    with engines.served(words, os.environ, log, port, "/healthz"):
        yield f"http://127.0.0.1:{port}"


def written(scenario: Mapping[str, Any], path: Path) -> Path:
    """Write a scenario to a file."""
    path.write_text(json.dumps(dict(scenario), indent=1))
    return path
