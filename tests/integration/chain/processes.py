"""Gate, uploader and witness as the commands that an operator starts."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
from tests.integration.certificates import Authority
from tests.integration.chain.relay import Relay
from tests.integration.gate.house import ORIGIN, House, free_port
from tests.integration.s3.servers import Server

from clawlaw.evidence.keys import make_signer, read_signer

LAG = 10  # seconds that a head may wait for the witness
LONG = 90  # seconds that anything may take on a busy machine


def until(reached: Callable[[], object], what: str) -> None:
    """Wait for something that comes by itself."""
    end = time.monotonic() + LONG
    while time.monotonic() < end:
        with contextlib.suppress(OSError):
            if reached():
                return
        time.sleep(0.1)
    raise AssertionError(f"{what}: not within {LONG} s")


def run(*given: str) -> tuple[int, str]:
    """A command to its end: exit code and what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "clawlaw", *given],
        capture_output=True,
        text=True,
        check=False,
        timeout=LONG,
    )
    return done.returncode, done.stdout + done.stderr


class Chain:
    """One gate whose log is witnessed and stored.

    Attributes:
        house: The gate.
        relay: Between uploader and store.
        config: Of the uploader.
    """

    def __init__(self, house: House, server: Server, folder: Path) -> None:
        self.house = house
        self.folder = folder
        self.authority = Authority(folder, "wires")
        self.files = self.authority.issue("witness", server=True)
        self.port = free_port()
        self.line = make_signer(folder / "w.pem", "w.test").cosigner.encode()
        own = read_signer(house.folder / "log.pem", ORIGIN)
        self.key = own.verifier.encode()
        (folder / "logs").write_text(self.key + "\n")
        (folder / "log.pub").write_text(f"{self.key}\n{self.line}\n")
        self.witnessed = folder / "witnessed.note"
        self.relay = Relay(int(server.url.rpartition(":")[2]))
        part = server.bucket(folder)
        part = msgspec.structs.replace(
            part, endpoint=f"https://127.0.0.1:{self.relay.port}"
        )
        self.config = folder / "anchor.yaml"
        self.config.touch(0o600)
        self.config.write_text(self._anchoring(msgspec.to_builtins(part)))
        self.said = folder / "anchor.txt"
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        house.configure(
            evidence={
                "folder": str(house.log),
                "origin": ORIGIN,
                "key": str(house.folder / "log.pem"),
                "segment": 1 << 16,
                "checkpoint": 1,
                "witnesses": [self.line],
                "lag": LAG,
                "witnessed": str(self.witnessed),
            }
        )

    def _anchoring(self, store: dict[str, Any]) -> str:
        witness = {
            "url": f"https://127.0.0.1:{self.port}",
            "key": self.line,
            "authority": str(self.authority.file),
        }
        said = {
            "document": "anchor",
            "log": str(self.house.log),
            "key": self.key,
            "witnessed": str(self.witnessed),
            "witnesses": [witness],
            "store": store,
            "interval": 1,
        }
        return json.dumps(said, indent=1)

    def start(self, name: str) -> None:
        """Start `witness` or `anchor`."""
        given = {
            "witness": [
                *("witness", "serve", "w.test", "--key", f"{self.folder}/w.pem"),
                *("--folder", f"{self.folder}/seen", "--logs", f"{self.folder}/logs"),
                *("--listen", f"127.0.0.1:{self.port}"),
                *("--certificate", str(self.files[0])),
                *("--tls-key", str(self.files[1])),
            ],
            "anchor": ["anchor", "--config", str(self.config), "--json"],
        }[name]
        with self.said.open("ab") as said:
            self.processes[name] = subprocess.Popen(
                [sys.executable, "-m", "clawlaw", *given], stdout=said, stderr=said,
                env=dict(os.environ) | {"PYTHONUNBUFFERED": "1"},
            )  # fmt: skip

    def stop(self, name: str, how: int = signal.SIGTERM) -> int:
        """End one of them; its exit code."""
        process = self.processes.pop(name)
        process.send_signal(how)
        return process.wait(30)

    def end(self) -> None:
        """End what still runs."""
        for name in list(self.processes):
            self.stop(name, signal.SIGKILL)
        self.relay.become("down")

    def lag(self) -> float:
        """Seconds, as the gate's metrics say."""
        return self._gauge("clawlaw_evidence_lag_seconds")

    def size(self) -> int:
        """Entries in the log."""
        return int(self._gauge("clawlaw_log_entries"))

    def _gauge(self, name: str) -> float:
        lines = self.house.ask("GET", "/metrics")[1].splitlines()
        (line,) = [each for each in lines if each.startswith(name + " ")]
        return float(line.split()[1])

    def problems(self) -> list[str]:
        """What the uploader complained of so far."""
        rounds = [
            json.loads(line)
            for line in self.said.read_text().splitlines()
            if line.startswith("{") and line.endswith("}")
        ]
        return [problem for each in rounds for problem in each["problems"]]

    def witnessed_size(self) -> int:
        """Entries under the newest head that the witness co-signed; 0: none is."""
        if not self.witnessed.exists():
            return 0
        return int(self.witnessed.read_text().splitlines()[1])

    def verify(self) -> tuple[int, dict[str, Any]]:
        """`clawlaw verify --remote` of log and store."""
        code, said = run(
            "verify", str(self.house.log), "--remote", str(self.config), "--json"
        )
        return code, json.loads(said)
