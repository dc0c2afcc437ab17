"""Real servers of Prometheus on loopback, each in a folder of its own."""

import contextlib
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from forge.telemetry.programs import Name, program

START = 90  # seconds, on a busy machine


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def read(url: str) -> str:
    with urllib.request.urlopen(url, timeout=60) as answer:  # noqa: S310 - loopback
        return str(answer.read().decode())


def eventually(url: str, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + START
    while time.monotonic() < until:
        assert process.poll() is None, "it ended instead"
        with contextlib.suppress(OSError):
            read(url)
            return
        time.sleep(0.1)
    raise AssertionError(f"{url} never answered")


@contextlib.contextmanager
def served(name: Name, folder: Path, *options: str, ready: str) -> Iterator[None]:
    """A server until the end of the block, once `ready` answers."""
    with (folder / f"{name}.log").open("wb") as log:
        process = subprocess.Popen([program(name), *options], stdout=log, stderr=log)
    try:
        eventually(ready, process)
        yield
    finally:
        process.terminate()
        process.wait(30)


@contextlib.contextmanager
def prometheus(
    folder: Path, said: dict[str, Any], *options: str, data: Path | None = None
) -> Iterator[str]:
    """A Prometheus with a configuration; its address."""
    url = f"http://127.0.0.1:{free_port()}"
    config = folder / "prometheus.yml"
    config.write_text(yaml.safe_dump(said))
    own = [f"--config.file={config}", f"--web.listen-address={url[7:]}", *options]
    if not any(option.startswith("--enable-feature=agent") for option in options):
        own += [f"--storage.tsdb.path={data or folder / 'data'}"]
    with served("prometheus", folder, *own, ready=f"{url}/-/ready"):
        yield url
