"""The role verify, on the cluster of this scenario: what it proves and finds.

Runs before the tests of the role k3s, which change the cluster.
"""

import json
import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from testinfra.host import Host

if TYPE_CHECKING:
    from conftest import Room

type Report = dict[str, dict[str, Any]]

ROOT = Path(__file__).parents[3]
TAINT = "example.org/dedicated=trial:NoSchedule"
CHECKS = ["nodes", "metadata", "placement", "network", "encryption", "firewall"]


@pytest.fixture
def verify(room: "Room") -> Callable[..., Report]:
    """Run playbooks/verify.yml; returns its report by name of the check."""
    report = Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"]) / "verify.json"

    def run(status: int, **variables: object) -> Report:
        given = {"verify_report": str(report), **variables}
        done = subprocess.run(
            ["ansible-playbook", *(f"--inventory={path}" for path in room.inventories),
             "--extra-vars", json.dumps(given), str(ROOT / "playbooks" / "verify.yml")],
            capture_output=True, text=True, check=False, timeout=300,
        )  # fmt: skip
        assert done.returncode == status, done.stdout
        return {row["name"]: row for row in json.loads(report.read_text())["checks"]}

    return run


def test_cluster_as_declared_passes_every_check(verify: Callable[..., Report]) -> None:
    found = verify(0)

    assert [*found] == CHECKS
    assert all(row["passed"] for row in found.values())


@pytest.fixture
def damaged(hosts: Mapping[str, Host]) -> Iterator[None]:
    """Node `two` differs from what is declared, and is mended afterwards."""
    kubectl = hosts["one"].check_output
    kubectl("kubectl label node two forge.dev/role=other --overwrite")
    # Now a Pod runs where the taint kept it away.
    kubectl(f"kubectl taint node two {TAINT}-")
    hosts["two"].check_output("nft delete table inet forge")
    yield
    kubectl("kubectl label node two forge.dev/role=registry --overwrite")
    kubectl(f"kubectl taint node two {TAINT}")
    hosts["two"].check_output("systemctl restart forge-firewall")


@pytest.mark.usefixtures("damaged")
def test_what_differs_is_named_and_the_other_checks_still_run(
    verify: Callable[..., Report],
) -> None:
    found = verify(2, verify_timeout=4)

    failed = [name for name, row in found.items() if not row["passed"]]
    assert failed == ["metadata", "placement", "firewall"]
    assert "two" in found["metadata"]["detail"]
    assert "forge.dev/role" in found["metadata"]["detail"]
    assert found["placement"]["detail"] == "two: a plain probe is there"
    assert "two" in found["firewall"]["detail"]
