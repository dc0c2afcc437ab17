"""A cluster of two hosts that is backed up, broken and restored.

make test-platform
"""

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from rich.console import Console

from forge import paths
from forge.artifacts.progress import SILENT
from forge.testbed import platform
from forge.testbed.lifecycle import Testbed
from forge.testbed.ssh import Identity
from forge.testbed.state import Folder

CHECKOUT = paths.checkout(Path(__file__).parent)
ROOM = "backup"
HOSTS = ("first", "second")
COMPONENTS = ("minio", "velero")


def pytest_ignore_collect() -> bool | None:
    """Leave the tests to a run of their own: they share one cluster."""
    return True if "PYTEST_XDIST_WORKER" in os.environ else None


@dataclass(frozen=True)
class Cluster:
    """The hosts, and how playbooks and commands run on them.

    Attributes:
        folder: Of the kubeconfig and the store's certificate.
        inventory: Its sources, the last one winning.
        state: Folder of the controller's records.
        logins: Host to the words that run a shell command there as root.
    """

    folder: Path
    inventory: tuple[Path, ...]
    state: Path
    logins: dict[str, tuple[str, ...]]

    def play(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run playbooks; their failure is the caller's to judge."""
        return subprocess.run(
            ["ansible-playbook", *(f"-i{path}" for path in self.inventory), *words],
            cwd=CHECKOUT, capture_output=True, text=True, check=False, timeout=1800,
            stdin=subprocess.DEVNULL,
            env=os.environ | {
                "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg"),
                "FORGE_STATE": str(self.state),
            },
        )  # fmt: skip

    def run(self, host: str, command: str, data: str | None = None) -> str:
        """Run a command on a host; it has to succeed."""
        done = subprocess.run(
            [*self.logins[host], command],
            input=data, capture_output=True, text=True, check=False, timeout=300,
        )  # fmt: skip
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout.strip()

    def kubectl(self, words: str, data: str | None = None) -> str:
        """Run kubectl on the server; it has to succeed."""
        return self.run("first", f"k3s kubectl {words}", data)

    def get(self, words: str) -> dict[str, Any]:
        """Return what the API shows of something that is there."""
        found: dict[str, Any] = json.loads(self.kubectl(f"get {words} -o json"))
        return found


def succeeded(done: subprocess.CompletedProcess[str]) -> str:
    """Return what a run printed; it has to have ended well."""
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    return done.stdout


def until(what: str, check: Callable[[], object], seconds: float = 120) -> None:
    """Wait until something holds; an assertion inside counts as not yet."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            if check():
                return
            last = "it does not hold"
        except AssertionError as error:
            last = str(error)
        if time.monotonic() > deadline:
            pytest.fail(f"{what}: not within {seconds:.0f} s: {last}")
        time.sleep(1)


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """The cluster, converged once."""
    folder = tmp_path_factory.mktemp("backup")
    testbed = Testbed(CHECKOUT, paths.cache(), Console())
    source = folder / "backup.yml"
    found = platform.supply_components(
        CHECKOUT, paths.cache(), ROOM, COMPONENTS, SILENT
    )
    variables = found.variables() | {"k3s_kubeconfig_path": str(folder / "kubeconfig")}
    source.write_text(yaml.safe_dump({"all": {"vars": variables}}))
    try:
        _, room = testbed.create_small(ROOM, HOSTS, ["cluster"])
        made = Cluster(
            folder,
            (room, CHECKOUT / "molecule/shared/inventory",
             Path(__file__).parent / "inventory", source),
            folder / "state",
            _logins(yaml.safe_load(room.read_text())["all"]["hosts"]),
        )  # fmt: skip
        succeeded(made.play("molecule/k3s/prepare.yml", "playbooks/k3s.yml"))
        yield made
    finally:
        testbed.destroy_small(ROOM)


def _logins(hosts: dict[str, Any]) -> dict[str, tuple[str, ...]]:
    options: Sequence[str] = Identity(Folder(CHECKOUT), ROOM).options()
    return {
        name: ("ssh", *options, "-o", "BatchMode=yes",
               f"root@{host['forge_addresses']['cluster']}")
        for name, host in hosts.items()
    }  # fmt: skip
