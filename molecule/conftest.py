"""Fixtures of every scenario's tests: the room's hosts over SSH, and its playbooks.

The tests run as a step of ``molecule verify``, which names the scenario in the
environment. Logging in takes the room's key and known hosts, nothing of the user's.
"""

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import testinfra
import yaml
from testinfra.host import Host

type Converge = Callable[..., subprocess.CompletedProcess[str]]

SHARED = Path(__file__).parent / "shared" / "inventory"


class Room:
    """The hosts that the factory made for the scenario."""

    def __init__(self, scenario: Path, inventory: Path) -> None:
        self.scenario = scenario
        self.inventories = [inventory, SHARED, scenario / "inventory"]
        group = yaml.safe_load((inventory / "room.yml").read_text())["all"]
        self.variables: dict[str, Any] = group["vars"]
        self.addresses: dict[str, dict[str, str]] = {
            name: row["forge_addresses"] for name, row in group["hosts"].items()
        }
        self.controller: dict[str, str] = self.variables["forge_controller_addresses"]

    def declared(self) -> dict[str, Any]:
        """Return the scenario's own inventory file."""
        tree: dict[str, Any] = yaml.safe_load(
            (self.scenario / "inventory" / "hosts.yml").read_text()
        )
        return tree

    def module(self, host: str, module: str, /, **parameters: object) -> str:
        """Run one module on a host; return what Ansible printed, if it succeeded."""
        done = subprocess.run(
            ["ansible", *(f"--inventory={path}" for path in self.inventories), host,
             "--module-name", module, "--args", json.dumps(parameters)],
            capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout
        return done.stdout

    def login(self, name: str) -> tuple[list[str], str]:
        """Return ssh's options and destination for a host."""
        words = str(self.variables["ansible_ssh_common_args"]).split()
        address = next(iter(self.addresses[name].values()))
        return words, f"{self.variables['ansible_user']}@{address}"

    def host(self, name: str) -> Host:
        """Return testinfra's view of a host."""
        options, destination = self.login(name)
        # Without a shared connection: each command stands for a fresh login.
        return testinfra.get_host(
            f"ssh://{destination}",
            ssh_extra_args=" ".join([*options, "-o", "BatchMode=yes"]),
            controlpersist=0,
        )

    def ssh(
        self, name: str, *words: str, timeout: float = 30
    ) -> subprocess.CompletedProcess[str]:
        """Run a command on a host; its failure is the caller's to judge."""
        options, destination = self.login(name)
        return subprocess.run(
            ["ssh", *options, "-o", "BatchMode=yes", "-o", "ConnectTimeout=3",
             destination, *words],
            capture_output=True, text=True, check=False, timeout=timeout,
        )  # fmt: skip

    def reboot(self, name: str, seconds: float = 40) -> None:
        """Restart a host and wait until its systemd is up with a new boot id."""
        before = self.ssh(name, "cat", "/proc/sys/kernel/random/boot_id").stdout
        assert before, f"{name} cannot be reached before the restart"
        self.ssh(name, "systemctl", "reboot")
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            now = self.ssh(name, "cat", "/proc/sys/kernel/random/boot_id").stdout
            if now and now != before:
                self.ssh(name, "systemctl", "is-system-running", "--wait")
                return
            time.sleep(0.5)
        pytest.fail(f"{name} did not come back in {seconds:.0f} s")


@pytest.fixture(scope="session")
def room() -> Room:
    """The scenario's room, as Molecule's environment names it."""
    ephemeral = Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"])
    scenario = Path(os.environ["MOLECULE_SCENARIO_DIRECTORY"])
    return Room(scenario, ephemeral / "inventory")


@pytest.fixture(scope="session")
def hosts(room: Room) -> Mapping[str, Host]:
    """Testinfra's hosts by name."""
    return {name: room.host(name) for name in room.addresses}


@pytest.fixture(scope="session")
def converge(room: Room) -> Converge:
    """Run the scenario's converge.yml again, with other variables or options."""

    ephemeral = Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"])

    def run(*words: str, **variables: object) -> subprocess.CompletedProcess[str]:
        # Other variables are another installation to the change gate, and its first
        # one: a scenario tries what nobody would allow beside what was applied.
        state = tempfile.mkdtemp(dir=ephemeral) if variables else ephemeral / "state"
        return subprocess.run(
            ["ansible-playbook", *(f"--inventory={path}" for path in room.inventories),
             "--extra-vars", json.dumps(variables), *words,
             str(room.scenario / "converge.yml")],
            capture_output=True, text=True, check=False, timeout=540,
            env=os.environ | {"FORGE_STATE": str(state)},
        )  # fmt: skip

    return run
