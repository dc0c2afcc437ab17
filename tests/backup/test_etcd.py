"""A snapshot is taken and copied off the cluster, and the cluster restored from it."""

import base64
import json
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from tests.backup.conftest import Cluster, succeeded, until

# The first test makes hosts and cluster.
pytestmark = pytest.mark.timeout(1800)

RESTORE = "playbooks/restore.yml"
# What is destroyed is named: the laws of changes ask for it, and the role.
TARGET = ("--limit", "first,k3s_agent")
MEANT = (*TARGET, "-e", "k3s_restore_cluster=molecule")
DB = "/var/lib/rancher/k3s/server/db"


def backup(cluster: Cluster, *words: str) -> subprocess.CompletedProcess[str]:
    """Run ``forge backup`` for this cluster."""
    where = [f"--inventory={path}" for path in cluster.inventory]
    given = [*words, *(where if words[0] == "pull" else ())]
    return subprocess.run(
        [sys.executable, "-m", "forge", "backup", *given],
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip


@pytest.fixture(scope="module")
def snapshot(cluster: Cluster) -> str:
    """The name of a snapshot that playbooks/backup.yml took, with objects in it."""
    cluster.kubectl("create secret generic kept --from-literal=k=in-the-snapshot")
    cluster.kubectl("create configmap kept --from-literal=k=in-the-snapshot")
    said = succeeded(cluster.play("playbooks/backup.yml"))
    found = re.search(rf"{DB}/snapshots/(on-demand-first-\d+): \d+ KiB", said)
    assert found, said
    return found[1]


@pytest.fixture(scope="module")
def copies(
    cluster: Cluster, snapshot: str, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, dict[str, dict[str, Any]]]:
    """The folder of copies, and the copies by name."""
    folder = tmp_path_factory.mktemp("copies") / "copies"
    succeeded(backup(cluster, "pull", str(folder)))
    rows = json.loads(succeeded(backup(cluster, "list", str(folder), "--json")))
    assert f"{DB}/snapshots/{snapshot}" in {row["name"] for row in rows}
    return folder, {row["name"]: row for row in rows}


def test_what_opens_a_snapshot_is_copied_with_it(
    cluster: Cluster, copies: tuple[Path, dict[str, dict[str, Any]]]
) -> None:
    folder, rows = copies
    for name in (
        "/etc/rancher/k3s/token",
        "/var/lib/rancher/k3s/server/token",
        "/var/lib/rancher/k3s/server/tls/server-ca.key",
        "/var/lib/rancher/k3s/server/cred/encryption-config.json",
    ):
        copy = Path(rows[name]["path"])
        assert copy.read_text() == cluster.run("first", f"cat {name}; echo .")[:-1]
    assert (folder.stat().st_mode & 0o777) == 0o700
    assert {p.stat().st_mode & 0o077 for p in folder.rglob("*") if p.is_file()} == {0}
    assert "every copy has its digest" in succeeded(
        backup(cluster, "verify", str(folder))
    )


def test_a_second_pull_copies_nothing_again(
    cluster: Cluster, copies: tuple[Path, dict[str, dict[str, Any]]]
) -> None:
    folder, rows = copies
    report = json.loads(succeeded(backup(cluster, "pull", str(folder), "--json")))
    (result,) = report["results"]
    assert (result["pulled"], result["kept"]) == (0, 0)
    assert result["items"] == len(rows)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ((), "name the target"),
        (TARGET, "k3s_restore_cluster"),
        ((*TARGET, "-e", "k3s_restore_cluster=another"), "another, this inventory's"),
        ((*MEANT, "-e", "k3s_restore_snapshot=none"), "No such file"),
    ],
)
def test_what_is_not_meant_stops_nothing(
    cluster: Cluster, snapshot: str, given: tuple[str, ...], said: str
) -> None:
    words = given if "k3s_restore_snapshot=none" in given else (
        *given, "-e", f"k3s_restore_snapshot={snapshot}"
    )  # fmt: skip
    started = cluster.run("first", "systemctl show k3s -P ExecMainStartTimestamp")
    done = cluster.play(RESTORE, *words)
    assert done.returncode != 0
    assert said in done.stdout
    now = cluster.run("first", "systemctl show k3s -P ExecMainStartTimestamp")
    assert now == started


def test_a_damaged_copy_is_refused_before_anything_stops(
    cluster: Cluster, copies: tuple[Path, dict[str, dict[str, Any]]],
    snapshot: str, tmp_path: Path,
) -> None:  # fmt: skip
    _, rows = copies
    raw = bytearray(Path(rows[f"{DB}/snapshots/{snapshot}"]["path"]).read_bytes())
    raw[len(raw) // 2] ^= 1
    bad = tmp_path / "bad"
    bad.write_bytes(raw)
    done = cluster.play(RESTORE, *MEANT, "-e", f"k3s_restore_snapshot={bad}")
    assert done.returncode != 0
    assert "was changed" in done.stdout
    assert cluster.run("first", "systemctl is-active k3s") == "active"


def test_the_cluster_is_restored_from_the_copy(
    cluster: Cluster, copies: tuple[Path, dict[str, dict[str, Any]]], snapshot: str
) -> None:
    _, rows = copies
    copy = rows[f"{DB}/snapshots/{snapshot}"]["path"]
    cluster.kubectl("delete secret/kept configmap/kept")
    cluster.kubectl("create configmap later")
    cluster.run("first", f"rm -r {DB}/snapshots")  # the copy is all that is left

    begin = time.monotonic()
    succeeded(cluster.play(RESTORE, *MEANT, "-e", f"k3s_restore_snapshot={copy}"))
    print(f"restored in {time.monotonic() - begin:.0f} s")  # noqa: T201 - the time is the report

    value = cluster.get("secret kept")["data"]["k"]
    assert base64.b64decode(value) == b"in-the-snapshot"
    assert cluster.get("configmap kept")["data"]["k"] == "in-the-snapshot"
    assert not cluster.kubectl("get configmap later --ignore-not-found")
    nodes = cluster.get("nodes")["items"]
    ready = [
        c for n in nodes for c in n["status"]["conditions"] if c["type"] == "Ready"
    ]
    assert [c["status"] for c in ready] == ["True", "True"]
    cluster.kubectl("create deployment after --image=forge.test/busybox:1 -- sleep 600")
    until("a new Pod runs", lambda: cluster.kubectl(
        "get deployment after -o jsonpath={.status.readyReplicas}") == "1")  # fmt: skip
    # Nothing of it stays where it was restored.
    assert "restore-from-controller" not in cluster.run("first", f"ls {DB}")
