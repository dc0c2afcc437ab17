"""Rooms whose hosts cannot be reached, and that tell whether somebody tried."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.integration.change_gate.boundary import Boundary
from tests.integration.gate.conftest import make_house
from tests.integration.gate.house import House

__all__ = ["make_house"]

ROOT = Path(__file__).parents[3]


class Room:
    """An inventory whose hosts are a double of ssh that only notes its calls.

    Attributes:
        state: Folder of the controller's records.
        prefix: Command in which the playbooks run.
    """

    def __init__(self, folder: Path, inventories: list[Path] | None = None) -> None:
        self.folder = folder
        self.state = folder / "state"
        self.prefix: tuple[str, ...] = ()
        self._calls = folder / "calls"
        ssh = folder / "ssh"
        ssh.write_text(f'#!/bin/sh\necho "$@" >>{self._calls}\nexit 255\n')
        ssh.chmod(0o755)
        self.host: dict[str, Any] = {"ansible_ssh_executable": str(ssh)}
        self.inventories = inventories or []
        self.overlay({"edge": {"ansible_host": "edge.invalid"}})

    def overlay(self, hosts: dict[str, dict[str, Any]], **variables: Any) -> None:
        """Write the last inventory: hosts, and variables of all."""
        group = {"hosts": hosts, "vars": self.host | variables}
        (self.folder / "hosts.yml").write_text(json.dumps({"all": group}))

    def touched(self) -> set[str]:
        """The hosts that a connection was begun to."""
        if not self._calls.exists():
            return set()
        words = self._calls.read_text().split()
        return {w.removesuffix(".invalid") for w in words if w.endswith(".invalid")}

    def forget(self) -> None:
        """Note from now on."""
        self._calls.unlink(missing_ok=True)

    def run(
        self, playbook: Path, *words: str, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a playbook on it."""
        sources = [*self.inventories, self.folder / "hosts.yml"]
        return subprocess.run(
            [*self.prefix, "ansible-playbook",
             *(f"--inventory={source}" for source in sources), *words, str(playbook)],
            cwd=ROOT, capture_output=True, text=True, check=False, timeout=400,
            env={**os.environ, "FORGE_STATE": str(self.state), **environment},
        )  # fmt: skip

    def play(self, *tasks: dict[str, Any], **more: Any) -> Path:
        """Write a playbook of one play."""
        play = {"hosts": "all", "gather_facts": False, **more}
        return self.book({**play, "tasks": list(tasks)} if tasks else play)

    def book(self, *plays: dict[str, Any], name: str = "play.yml") -> Path:
        """Write a playbook."""
        path = self.folder / name
        path.write_text(json.dumps(plays))
        return path

    def gated(self, *plays: dict[str, Any], name: str = "play.yml") -> Path:
        """Write a playbook that asks the gate first."""
        gate = {"name": "Ask", "import_playbook": str(ROOT / "playbooks/gate.yml")}
        return self.book(gate, *plays, name=name)

    def installing(self, name: str = "site.yml") -> Path:
        """Write a playbook that ends as one that installs the gate does."""
        look = {
            "ansible.builtin.import_role": {
                "name": "change_gate",
                "tasks_from": "installed",
            },
            "tags": ["clawlaw"],
            "vars": {"_change_gate_log": str(self.folder)},
        }
        end = {"hosts": "m4-pro", "gather_facts": False, "tasks": [look]}
        return self.gated(end, name=name)


@pytest.fixture
def room(tmp_path: Path) -> Room:
    """One host, which no topology describes."""
    return Room(tmp_path)


@pytest.fixture
def forge(tmp_path: Path) -> Room:
    """The hosts of the testbed's inventory; where its gate would be, there is none.

    That host alone is this machine, on which no gate was ever installed.
    """
    room = Room(tmp_path, [ROOT / "inventory/testbed"])
    names = ("control-01", "worker-01", "worker-02", "worker-03", "worker-04",
             "worker-05", "mac-studio", "m4-pro")  # fmt: skip
    hosts: dict[str, dict[str, Any]] = {
        name: {"ansible_host": f"{name}.invalid"} for name in names
    }
    hosts["m4-pro"] |= {"ansible_connection": "local", "ansible_become": False}
    room.overlay(hosts)
    return room


@pytest.fixture
def boundary(forge: Room, make_house: Callable[..., House]) -> Boundary:
    """The same hosts, converged, with a gate on m4-pro that is not started."""
    assert forge.run(forge.installing()).returncode == 0
    return Boundary(forge, make_house())
