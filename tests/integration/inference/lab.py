"""A real gate and a real proxy before engines, in folders of their own."""

import contextlib
import http.client
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.integration.gate.house import START, TOKENS, House, NoAnswerError, free_port

from clawlaw.evidence.schema import AnyBody, Decided, Performed

TOKEN = TOKENS["developer"]


@dataclass
class Lab:
    """One proxy before one gate.

    Attributes:
        backends: As configured.
        models: As configured.
        more: Replaces parts of the configuration, by top-level name.
    """

    house: House
    backends: list[dict[str, Any]]
    models: list[dict[str, Any]]
    more: Mapping[str, Any] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    metrics_port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None
    since: int = 0  # entries before are not a test's own
    session: str = ""  # of requests that name none

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def errors(self) -> Path:
        return self.house.folder / "inference.txt"

    def configure(self) -> Path:
        """Write the configuration."""
        said = {
            "document": "inference",
            "gate": {"url": f"http://127.0.0.1:{self.house.port}"},
            "listen": {"host": "127.0.0.1", "port": self.port},
            "metrics": {"host": "127.0.0.1", "port": self.metrics_port},
            "backends": self.backends,
            "models": self.models,
            "directory": str(self.house.workspace),
        }
        path = self.house.folder / "inference.yaml"
        path.write_text(json.dumps(said | dict(self.more), indent=1))
        path.chmod(0o600)
        return path

    def start(self) -> None:
        """Start it and wait until it serves.

        Raises:
            NoAnswerError: It ended instead.
        """
        command = [sys.executable, "-m", "clawlaw", "inference", "--config"]
        with self.errors.open("ab") as errors:
            self.process = subprocess.Popen(
                [*command, str(self.configure())], stdout=errors, stderr=errors
            )
        until = time.monotonic() + START
        while time.monotonic() < until:
            if self.process.poll() is not None:
                break
            with contextlib.suppress(OSError, http.client.HTTPException):
                if self.ask("GET", "/healthz")[0] == 200:
                    return
            time.sleep(0.05)
        raise NoAnswerError(self.errors.read_text())

    def stop(self, how: int = signal.SIGTERM) -> int:
        """Send a signal and wait for the end; exit code."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(how)
        return self.process.wait(60)

    def ask(
        self,
        method: str,
        path: str,
        said: object = None,
        *,
        token: str = TOKEN,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[int, bytes]:
        """One question: status and body."""
        body = said if isinstance(said, bytes) else json.dumps(said).encode()
        more = {"Authorization": f"Bearer {token}"} if token else {}
        if self.session:
            more["X-ClawLaw-Session"] = self.session
        own = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        with contextlib.closing(own):
            own.request(
                method, path, None if said is None else body, more | dict(headers or {})
            )
            answer = own.getresponse()
            return answer.status, answer.read()

    def chat(self, **more: Any) -> tuple[int, bytes]:
        """A chat over OpenAI's protocol."""
        headers = more.pop("headers", None)
        token = more.pop("token", TOKEN)
        said = {"model": "small", "messages": [{"role": "user", "content": "hello"}]}
        path = "/v1/chat/completions"
        return self.ask("POST", path, said | more, headers=headers, token=token)

    def metrics(self) -> dict[str, float]:
        """Samples by their whole name."""
        own = http.client.HTTPConnection("127.0.0.1", self.metrics_port, timeout=20)
        own.request("GET", "/metrics")
        lines = own.getresponse().read().decode().splitlines()
        own.close()
        pairs = (line.rpartition(" ") for line in lines if not line.startswith("#"))
        return {name: float(value) for name, _, value in pairs}

    def bodies(self) -> list[AnyBody]:
        """What was recorded."""
        return [e.body for e in self.house.entries() if e.seq >= self.since]

    def decided(self, tool: str = "model_generate") -> list[Decided]:
        """Decisions on a tool."""
        return [
            body
            for body in self.bodies()
            if isinstance(body, Decided) and body.record.proposal.tool == tool
        ]

    def outcomes(self) -> dict[str, Performed]:
        """Outcomes by decision."""
        return {body.id: body for body in self.bodies() if isinstance(body, Performed)}

    def eventually(self, holds: Callable[[], bool], seconds: float = 20) -> None:
        """Wait until something holds."""
        until = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < until, "it never came to hold"
            time.sleep(0.05)

    def resident(self) -> int:
        """Resident memory of the proxy, bytes."""
        assert self.process is not None
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        line = next(x for x in status.splitlines() if x.startswith("VmRSS"))
        return int(line.split()[1]) * 1024

    def sockets(self) -> int:
        """Open sockets of the proxy."""
        assert self.process is not None
        found = 0
        for link in Path(f"/proc/{self.process.pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                found += str(link.readlink()).startswith("socket:")
        return found


def data_of(body: bytes) -> Iterator[Any]:
    """JSON of every event of a stream."""
    for line in body.splitlines():
        if line.startswith(b"data: ") and line != b"data: [DONE]":
            yield json.loads(line[6:])
