"""A real gate in a folder of its own: configuration, keys, process, sockets."""

import contextlib
import hashlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from clawlaw.evidence.keys import make_signer
from clawlaw.evidence.reader import entries
from clawlaw.evidence.schema import Entry, decode_entry

ORIGIN = "test.example/gate"
AGENT_UID = 64_101  # where the tests run as root; nobody's account
TOKENS = {"developer": "token-of-developer", "operator": "token-of-operator"}
START = 60  # seconds that a start may take on a busy machine


class NoAnswerError(Exception):
    """The gate did not answer."""


class UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=20)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class House:
    """One gate.

    Attributes:
        folder: Everything of it.
        more: Replaces parts of the configuration, by top-level name.
    """

    folder: Path
    more: Mapping[str, Any] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        self.workspace = self.folder / "work"
        self.workspace.mkdir(exist_ok=True)
        (self.folder / "state").mkdir(exist_ok=True)
        self.log = self.folder / "log"
        self.config = self.folder / "gate.yaml"
        self.errors = self.folder / "errors.txt"
        if not (self.folder / "log.pem").exists():
            make_signer(self.folder / "log.pem", ORIGIN)
        self.configure()

    def configure(self, **more: Any) -> None:
        """Write the configuration."""
        agents: list[dict[str, Any]] = [
            {
                "principal": name,
                "tokens": ["sha256:" + hashlib.sha256(token.encode()).hexdigest()],
            }
            for name, token in TOKENS.items()
        ]
        agents[0]["uid"] = AGENT_UID if os.geteuid() == 0 else os.geteuid()
        rights = ["propose", "outcome", "executor", "metrics"]
        steward = {"unix": str(self.folder / "steward.sock"), "rights": ["steward"]}
        said: dict[str, Any] = {
            "document": "gate",
            "policy": {
                "folder": "forge",
                "workspace": [str(self.workspace)],
                "home": "/home/agent",
            },
            "evidence": {
                "folder": str(self.log),
                "origin": ORIGIN,
                "key": str(self.folder / "log.pem"),
            },
            "state": str(self.folder / "state"),
            "agents": agents,
            "listeners": [
                {"tcp": f"127.0.0.1:{self.port}", "rights": rights},
                {
                    "unix": str(self.folder / "gate.sock"),
                    "mode": "0666",
                    "rights": rights,
                },
                steward,
            ],
        }
        said |= dict(self.more) | more
        self.config.write_text(json.dumps(said, indent=1))
        self.config.chmod(0o600)

    def start(self, *, wait: bool = True, prefix: tuple[str, ...] = ()) -> None:
        """Start the gate and wait until it serves."""
        command = [*prefix, sys.executable, "-m", "clawlaw", "gate", "--config"]
        environment = dict(os.environ) | {"CLAWLAW_DEBUG": ""}
        with self.errors.open("ab") as errors:
            self.process = subprocess.Popen(
                [*command, str(self.config)],
                stdout=errors,
                stderr=errors,
                env=environment,
                cwd=self.folder,
            )
        if wait:
            self.wait()

    def wait(self) -> None:
        """Until it serves.

        Raises:
            NoAnswerError: It ended instead.
        """
        until = time.monotonic() + START
        while time.monotonic() < until:
            assert self.process is not None
            if self.process.poll() is not None:
                raise NoAnswerError(self.errors.read_text())
            with contextlib.suppress(OSError, http.client.HTTPException):
                if self.ask("GET", "/healthz")[0] == 200:
                    return
            time.sleep(0.05)
        raise NoAnswerError(f"not ready in {START} s: {self.errors.read_text()}")

    def stop(self, how: int = signal.SIGTERM) -> int:
        """Send a signal and wait for the end; exit code."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(how)
        code = self.process.wait(30)
        self.process = None
        return code

    def connection(self) -> http.client.HTTPConnection:
        """A new connection to its TCP listener."""
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)

    def ask(
        self,
        method: str,
        path: str,
        said: object = None,
        *,
        who: str = "developer",
        connection: http.client.HTTPConnection | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[int, Any]:
        """One question: status and answer."""
        own = connection or self.connection()
        more = {"Authorization": f"Bearer {TOKENS.get(who, who)}"} | dict(headers or {})
        body = said if isinstance(said, bytes) else json.dumps(said).encode()
        own.request(method, path, None if said is None else body, more)
        answer = own.getresponse()
        data = answer.read()
        if connection is None:
            own.close()
        kind = answer.headers.get("Content-Type", "")
        return answer.status, json.loads(data) if "json" in kind else data.decode()

    def propose(
        self, tool: str = "read", /, *, session: str = "s", **more: Any
    ) -> dict[str, Any]:
        """One proposal's answer; commands are mediated, as clients' hooks make them."""
        options = {k: more.pop(k) for k in ("connection", "who") if k in more}
        extra = {"mediated": more.pop("mediated", tool == "exec")}
        call = {
            "session": session,
            "tool": tool,
            "arguments": more,
            "cwd": str(self.workspace),
        }
        _, answer = self.ask("POST", "/v1/proposals", call | extra, **options)
        assert isinstance(answer, dict)
        return answer

    def entries(self) -> Iterator[Entry]:
        """What the log holds now."""
        return (decode_entry(payload) for _, payload in entries(self.log))

    def events(self) -> list[dict[str, Any]]:
        """Lines of the gate's own log."""
        lines = self.errors.read_text().splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]
