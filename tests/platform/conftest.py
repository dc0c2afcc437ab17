"""A cluster of two hosts with what the profile `platform` adds to the core.

    make test-platform

MinIO and the registry have tests of their own; eight hosts are `make up
PROFILE=platform`.
"""

import json
import os
import shlex
import subprocess
import time
from collections.abc import Callable, Iterator
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
ROOM = "platform"
HOSTS = ("telemetry", "admission")
LEFT_OUT = ("minio", "registry")

type Play = Callable[..., subprocess.CompletedProcess[str]]


def pytest_ignore_collect() -> bool | None:
    """Leave the tests to a run of their own: they share one cluster."""
    return True if "PYTEST_XDIST_WORKER" in os.environ else None


@dataclass(frozen=True)
class Cluster:
    """The API of the cluster, by the kubectl of its server."""

    login: tuple[str, ...]

    def kubectl(
        self, *words: str, data: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run kubectl; its failure is the caller's to judge."""
        return subprocess.run(
            [*self.login, shlex.join(["k3s", "kubectl", *words])],
            input=data, capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip

    def get(self, *words: str) -> dict[str, Any]:
        """Return what the API shows of something that is there."""
        done = self.kubectl("get", *words, "-o", "json")
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def ask(self, service: str, path: str) -> Any:
        """Return what a Service of the namespace `monitoring` answers, by the API."""
        at = f"/api/v1/namespaces/monitoring/services/{service}/proxy{path}"
        done = self.kubectl("get", "--raw", at)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


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
        time.sleep(2)


@pytest.fixture(scope="session")
def play(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Play]:
    """Hosts and images, and how playbooks run on them."""
    folder = tmp_path_factory.mktemp("platform")
    testbed = Testbed(CHECKOUT, paths.cache(), Console())
    found = platform.supply(CHECKOUT, paths.cache(), "platform", SILENT)
    variables = found.variables() | {
        "platform_components": [c for c in found.components if c not in LEFT_OUT],
        "k3s_kubeconfig_path": str(folder / "kubeconfig"),
    }
    source = folder / "platform.yml"
    source.write_text(yaml.safe_dump({"all": {"vars": variables}}))
    _, room = testbed.create_small(ROOM, HOSTS, ["cluster"])
    shared = CHECKOUT / "molecule/shared/inventory"
    own = Path(__file__).parent / "inventory"

    def run(*playbooks: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["ansible-playbook", *(f"-i{path}" for path in (room, shared, own, source)),
             *playbooks],
            cwd=CHECKOUT, capture_output=True, text=True, check=False, timeout=1800,
            stdin=subprocess.DEVNULL,
            env=os.environ | {
                "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg"),
                "FORGE_STATE": str(folder / "state"),
            },
        )  # fmt: skip

    yield run
    testbed.destroy_small(ROOM)


@pytest.fixture(scope="session")
def cluster(play: Play) -> Cluster:
    """The cluster, converged once."""
    made = play(
        "molecule/k3s/prepare.yml", "playbooks/k3s.yml", "playbooks/tier1_platform.yml"
    )
    assert made.returncode == 0, made.stdout[-6000:] + made.stderr[-2000:]
    folder = Folder(CHECKOUT)
    room = yaml.safe_load((folder / f"rooms/{ROOM}/inventory.yml").read_text())["all"]
    address = room["hosts"][HOSTS[0]]["forge_addresses"]["cluster"]
    options = Identity(folder, ROOM).options()
    return Cluster(("ssh", *options, "-o", "BatchMode=yes", f"root@{address}"))
