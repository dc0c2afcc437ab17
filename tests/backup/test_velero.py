"""A namespace is backed up by the real Velero into the real store, and restored."""

import base64
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.backup.conftest import Cluster, succeeded, until

# The first test makes hosts, cluster, store and Velero.
pytestmark = pytest.mark.timeout(1800)

SPACE = "trial"
PLATFORM = "playbooks/tier1_platform.yml"


@pytest.fixture(scope="module")
def velero(cluster: Cluster) -> Cluster:
    """The cluster with the store and Velero."""
    succeeded(cluster.play(PLATFORM))
    return cluster


def phase(cluster: Cluster, kind: str, name: str) -> str:
    found: dict[str, Any] = cluster.get(f"-n velero {kind} {name}")
    return str(found.get("status", {}).get("phase", ""))


def asked(cluster: Cluster, kind: str, name: str, spec: dict[str, object]) -> None:
    """Make an object of Velero's, and wait until it is done."""
    meta = {"name": name, "namespace": "velero"}
    item = {"apiVersion": "velero.io/v1", "kind": kind, "metadata": meta, "spec": spec}
    cluster.kubectl("create -f -", yaml.safe_dump(item))
    begun = {"", "New", "InProgress", "Finalizing", "WaitingForPluginOperations"}
    until(f"{kind} {name}", lambda: phase(cluster, kind, name) not in begun, 180)
    assert phase(cluster, kind, name) == "Completed", cluster.kubectl(
        "-n velero logs deployment/velero --tail=40"
    )


@pytest.fixture(scope="module")
def backup(velero: Cluster) -> Iterator[str]:
    """The name of a backup of a namespace with objects and a Pod."""
    velero.kubectl(f"create namespace {SPACE}")
    velero.kubectl(f"-n {SPACE} create secret generic kept --from-literal=k=secret")
    velero.kubectl(f"-n {SPACE} create configmap kept --from-literal=k=plain")
    words = "deployment web --image=forge.test/busybox:1 -- sleep 600"
    velero.kubectl(f"-n {SPACE} create {words}")
    asked(velero, "Backup", "trial", {
        "includedNamespaces": [SPACE], "storageLocation": "default", "ttl": "1h0m0s",
    })  # fmt: skip
    yield "trial"
    velero.kubectl(f"delete namespace {SPACE} --ignore-not-found --wait=false")


def test_a_second_run_changes_nothing(velero: Cluster) -> None:
    said = succeeded(velero.play(PLATFORM))
    counts = [line for line in said.splitlines() if "changed=" in line]
    assert len(counts) == 3
    assert all("changed=0" in line for line in counts), said[-3000:]


def test_a_deleted_namespace_is_restored(velero: Cluster, backup: str) -> None:
    velero.kubectl(f"delete namespace {SPACE} --wait=true --timeout=120s")
    begin = time.monotonic()
    asked(velero, "Restore", "trial", {"backupName": backup})
    ready = f"-n {SPACE} get deployment web -o jsonpath={{.status.readyReplicas}}"
    until("the Pod runs again", lambda: velero.kubectl(ready) == "1")
    print(f"namespace restored in {time.monotonic() - begin:.0f} s")  # noqa: T201 - the time is the report
    value = velero.get(f"-n {SPACE} secret kept")["data"]["k"]
    assert base64.b64decode(value) == b"secret"
    assert velero.get(f"-n {SPACE} configmap kept")["data"]["k"] == "plain"


def test_the_schedule_is_enabled(velero: Cluster) -> None:
    until("the schedule", lambda: phase(velero, "schedule", "nightly") == "Enabled")


def test_copies_of_the_backup_are_pulled_with_the_readers_identity(
    velero: Cluster, backup: str, tmp_path: Path
) -> None:
    data = velero.get("-n object-store secret object-store-backup-reader")["data"]
    key, secret = (
        base64.b64decode(data[name]).decode() for name in ("access-key", "secret-key")
    )
    credentials = tmp_path / "reader.ini"
    credentials.touch(0o600)
    credentials.write_text(
        f"[default]\naws_access_key_id = {key}\naws_secret_access_key = {secret}\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "forge", "backup", "pull", str(tmp_path / "copies"),
         *(f"--inventory={path}" for path in velero.inventory),
         "--credentials", str(credentials), "--json"],
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    results = {row["source"]: row for row in json.loads(succeeded(done))["results"]}
    assert {row["problem"] for row in results.values()} == {""}
    assert results["bucket/velero"]["pulled"] > 3
    journal = (tmp_path / "copies" / "copies.jsonl").read_text().splitlines()
    names = {json.loads(line)["name"] for line in journal}
    assert f"backups/{backup}/{backup}.tar.gz" in names
