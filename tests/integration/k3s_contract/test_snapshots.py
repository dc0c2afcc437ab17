"""Snapshots of etcd: taken, listed, kept by number, restored."""

import base64
import re
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.k3s_contract.conftest import Cluster, Host

DB = "/var/lib/rancher/k3s/server/db"
FOLDER = f"{DB}/snapshots"
NEW_HOST = "/var/lib/restored"
COPY = "/var/lib/restored.snapshot"
RESET = "Managed etcd cluster membership has been reset, restart without"


def listed(cluster: "Cluster") -> dict[str, list[str]]:
    """The rows of ``k3s etcd-snapshot ls`` by name."""
    head, *rows = cluster.server.run("k3s etcd-snapshot ls").splitlines()
    assert head.split() == ["Name", "Location", "Size", "Created"]
    return {row.split()[0]: row.split() for row in rows}


def save(cluster: "Cluster", *options: str) -> str:
    """Take a snapshot; return the name that the command tells."""
    said = cluster.server.run(f"k3s etcd-snapshot save {' '.join(options)} 2>&1")
    found = re.search(r"Snapshot (\S+) saved\.", said)
    assert found, said
    return found[1]


@pytest.mark.doc("https://docs.k3s.io/cli/etcd-snapshot#creating-snapshots")
def test_on_demand_snapshots_are_named_and_listed(cluster: "Cluster") -> None:
    """A snapshot lies in ``server/db/snapshots``, named by base, node and time."""
    name = save(cluster)
    assert re.fullmatch(rf"on-demand-{cluster.server.name}-\d+", name)
    _, location, size, created = listed(cluster)[name]
    assert location == f"file://{FOLDER}/{name}"
    assert int(size) == int(cluster.server.run(f"stat -c %s {FOLDER}/{name}"))
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", created)
    # What is in them is for root alone.
    assert cluster.server.run(f"stat -c %a {FOLDER}/{name}") == "600"


@pytest.mark.doc("https://docs.k3s.io/cli/etcd-snapshot#deleting-snapshots")
def test_snapshots_are_deleted_by_name(cluster: "Cluster") -> None:
    """``delete`` removes the named ones and no other."""
    gone, kept = save(cluster, "--name", "gone"), save(cluster, "--name", "kept")
    said = cluster.server.run(f"k3s etcd-snapshot delete {gone} 2>&1")
    assert f"Snapshot {gone} deleted." in said
    assert gone not in listed(cluster)
    assert kept in listed(cluster)


@pytest.mark.doc("https://docs.k3s.io/cli/etcd-snapshot#deleting-snapshots")
def test_prune_keeps_a_number_of_one_name(cluster: "Cluster") -> None:
    """``prune`` removes the oldest of a name beyond the retention."""
    other = save(cluster, "--name", "other")
    names = []
    for _ in range(3):
        names.append(save(cluster, "--name", "many"))
        cluster.server.run("sleep 1.1")  # a name holds the second
    cluster.server.run("k3s etcd-snapshot prune --name many --snapshot-retention 1")
    left = listed(cluster)
    assert [name for name in names if name in left] == names[-1:]
    assert other in left


@pytest.mark.doc("https://docs.k3s.io/cli/etcd-snapshot#creating-snapshots")
def test_scheduled_snapshots_come_and_go(cluster: "Cluster") -> None:
    """By ``etcd-snapshot-schedule-cron``, and no more than ``-retention`` are kept."""
    prefix = f"etcd-snapshot-{cluster.server.name}-"
    old = [f"{prefix}{second}" for second in (1, 2)]
    some = save(cluster, "--name", "some")
    for name, second in zip(old, (1, 2), strict=True):
        cluster.server.run(
            f"cd {FOLDER} && cp {some} {name} && touch -d @{second} {name}"
        )

    def come_and_gone() -> bool:
        found = [name for name in listed(cluster) if name.startswith(prefix)]
        return not {*old[:1]} & {*found} and {*found} - {*old} != set()

    cluster.until("the next one", come_and_gone, 75)
    found = [name for name in listed(cluster) if name.startswith(prefix)]
    assert len(found) == 2


@pytest.fixture
def snapshot(cluster: "Cluster") -> "Iterator[str]":
    """A snapshot that holds a Secret and a ConfigMap that are gone since."""
    cluster.kubectl("create secret generic kept --from-literal=k=in-the-snapshot")
    cluster.kubectl("create configmap kept --from-literal=k=in-the-snapshot")
    yield save(cluster, "--name", "restore")
    cluster.kubectl("delete secret/kept configmap/kept --ignore-not-found")


@pytest.mark.doc("https://docs.k3s.io/cli/etcd-snapshot#restoring-snapshots")
def test_restored_cluster_is_that_of_the_snapshot(
    cluster: "Cluster", snapshot: str
) -> None:
    """What came later is gone, what was deleted is back, Secrets can be read."""
    cluster.kubectl("delete secret/kept configmap/kept")
    cluster.kubectl("create configmap later")
    cluster.pod("runs-on", cluster.agent)
    cluster.server.run("systemctl stop k3s")
    try:
        said = cluster.server.run(
            "k3s server --cluster-reset"
            f" --cluster-reset-restore-path={FOLDER}/{snapshot} 2>&1",
            timeout=180,
        )
        assert RESET in said
        assert cluster.server.run(f"ls -d {DB}/etcd-old-*")
        # Not twice in succession by accident.
        cluster.server.run(f"test -f {DB}/reset-flag")
        again = cluster.server.call("timeout 60 k3s server --cluster-reset 2>&1")
        assert again.returncode not in (0, 124)
        assert b"reset-flag" in again.stdout
    finally:
        cluster.server.run("systemctl start k3s", timeout=180)
    value = cluster.get("secret kept")["data"]["k"]
    assert base64.b64decode(value) == b"in-the-snapshot"
    assert cluster.get("configmap kept")["data"]["k"] == "in-the-snapshot"
    assert not cluster.kubectl("get configmap later --ignore-not-found")
    flag = f"test -e {DB}/reset-flag"
    cluster.until("the flag goes", lambda: cluster.server.call(flag).returncode != 0)
    # The agent, which was not restarted, goes on with it.
    cluster.pod("after", cluster.agent)
    cluster.kubectl("delete pod after")


@pytest.mark.doc("https://docs.k3s.io/cli/etcd-snapshot#restoring-snapshots")
def test_reset_alone_keeps_the_data(cluster: "Cluster") -> None:
    """Without a snapshot the cluster is one member again, with what it holds."""
    cluster.kubectl("create configmap stays")
    cluster.server.run("systemctl stop k3s")
    try:
        said = cluster.server.run("k3s server --cluster-reset 2>&1", timeout=180)
        assert RESET in said
    finally:
        cluster.server.run("systemctl start k3s", timeout=180)
    cluster.kubectl("delete configmap stays")


@pytest.mark.doc("https://docs.k3s.io/cli/server")
def test_restore_path_needs_the_reset(cluster: "Cluster") -> None:
    """``--cluster-reset-restore-path`` alone is refused."""
    done = cluster.server.call(
        "timeout 60 k3s server --cluster-reset-restore-path=/none 2>&1"
    )
    assert done.returncode not in (0, 124)
    assert b"--cluster-reset" in done.stdout


@pytest.fixture
def new_host(cluster: "Cluster") -> "Iterator[Host]":
    """The agent's host, for a server of its own folder; its own agent stops."""
    cluster.agent.run("systemctl stop k3s-agent")
    yield cluster.agent
    cluster.agent.run(
        f"systemctl stop restored; rm -rf {NEW_HOST} {COPY}; systemctl start k3s-agent",
        timeout=180,
    )


@pytest.mark.doc("https://docs.k3s.io/cli/etcd-snapshot#restoring-to-new-hosts")
def test_snapshot_and_token_are_enough_for_a_new_host(
    cluster: "Cluster", snapshot: str, new_host: "Host"
) -> None:
    """The snapshot holds authorities and keys, sealed with the token."""
    raw = cluster.server.run(f"base64 -w0 {FOLDER}/{snapshot}")
    new_host.write(COPY, base64.b64decode(raw))
    server = (
        f"k3s server --config=/dev/null --data-dir={NEW_HOST} --disable-agent"
        f" --node-name=elsewhere --node-ip={new_host.address} --secrets-encryption"
        f" --write-kubeconfig={NEW_HOST}/admin.yaml"
        " --disable=traefik,servicelb,metrics-server,local-storage,coredns"
    )
    reset = f"{server} --cluster-reset --cluster-reset-restore-path={COPY}"
    wrong = new_host.call(f"timeout 60 {reset} --token=another 2>&1", timeout=90)
    assert wrong.returncode not in (0, 124)
    assert b"encrypted with different token" in wrong.stdout
    new_host.run(f"rm -rf {NEW_HOST}")

    new_host.run(f"{reset} --token={cluster.token} 2>&1", timeout=180)
    new_host.run(
        "systemd-run --quiet --collect --unit=restored --property=Type=notify"
        f" --property=KillMode=process {server} --token={cluster.token}",
        timeout=180,
    )
    admin = f"k3s kubectl --kubeconfig={NEW_HOST}/admin.yaml"
    value = new_host.run(f"{admin} get secret kept -o jsonpath={{.data.k}}")
    assert base64.b64decode(value) == b"in-the-snapshot"
    ours = cluster.server.run(
        "sha256sum < /var/lib/rancher/k3s/server/tls/server-ca.crt"
    )
    assert new_host.run(f"sha256sum < {NEW_HOST}/server/tls/server-ca.crt") == ours
