"""A person who may approve, with the commands of this checkout."""

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from clawlaw.gate.stewards import generate
from forge.change.approvals import STEWARDS

if TYPE_CHECKING:
    from tests.integration.change_gate.conftest import Room

PASSPHRASE = "several words of a test"  # noqa: S105  # of a test


class Steward:
    """A steward of one room, with a key of her own."""

    def __init__(self, room: "Room", folder: Path) -> None:
        self.room = room
        self.folder = folder
        made = generate(folder / "alice.pem", "alice", PASSPHRASE)
        self.passphrase = folder / "passphrase"
        self.passphrase.touch(mode=0o600)
        self.passphrase.write_text(PASSPHRASE)
        self.known = room.state / "testbed" / STEWARDS
        self.known.touch(mode=0o600)
        self.known.write_text(f"{made.text}\n")

    def forge(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run the command of this checkout."""
        environment = os.environ | {"FORGE_STATE": str(self.room.state)}
        return subprocess.run(
            [sys.executable, "-m", "forge", *words],
            capture_output=True, text=True, check=False, timeout=200, env=environment,
        )  # fmt: skip

    def printed(self) -> Path:
        """What has to be approved, as the command prints it."""
        path = self.folder / "plan.json"
        sources = [*self.room.inventories, self.room.folder / "hosts.yml"]
        given = [f"--inventory={source}" for source in sources]
        done = self.forge("plan", "--json", *given, "-o", str(path))
        assert path.exists(), done.stderr
        return path

    def approved(self, name: str = "approval.json") -> Path:
        """The file that she signs."""
        path = self.folder / name
        done = self.forge(
            "approve", str(self.printed()), f"--key={self.folder / 'alice.pem'}",
            f"--passphrase-file={self.passphrase}", "--yes", "-m", "the gate is dead",
            f"--output={path}",
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return path
