"""The service: start, stop, restart, changed configuration, a lost process."""

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.integration.k3s_contract.conftest import Cluster

PROGRAMS = (
    "containerd|kubelet|kube-apiserver|etcd|kube-controller|kube-scheduler|kube-proxy"
)


def shown(cluster: "Cluster", name: str) -> str:
    return cluster.server.run(f"systemctl show k3s --value -p {name}")


def pod_started(cluster: "Cluster", name: str) -> str:
    status = cluster.get(f"pod {name}")["status"]["containerStatuses"][0]
    assert status["restartCount"] == 0
    started: str = status["state"]["running"]["startedAt"]
    return started


@pytest.mark.doc("https://docs.k3s.io/installation/requirements")
def test_start_returns_when_the_api_answers(cluster: "Cluster") -> None:
    """The unit is of ``Type=notify``: after ``systemctl start`` the API serves."""
    cluster.server.run("systemctl stop k3s")
    cluster.server.run("systemctl start k3s", timeout=180)
    assert cluster.kubectl("get --raw /readyz") == "ok"


@pytest.mark.doc("https://docs.k3s.io/upgrades/killall")
def test_stop_ends_k3s_and_leaves_pods(cluster: "Cluster") -> None:
    """``systemctl stop`` ends K3s's own processes; containers continue to run."""
    cluster.pod("survivor", cluster.server)
    before = pod_started(cluster, "survivor")
    process = cluster.server.run("pgrep -fx 'sleep 86400'")
    cluster.server.run("systemctl stop k3s")
    left = cluster.server.call(f"pgrep -xl '{PROGRAMS}'").stdout.decode()
    assert left == ""
    assert cluster.server.run("pgrep -fx 'sleep 86400'") == process
    cluster.server.run("systemctl start k3s", timeout=180)
    cluster.until(
        "the Pod is the same", lambda: pod_started(cluster, "survivor") == before
    )
    assert cluster.server.run("pgrep -fx 'sleep 86400'") == process
    cluster.until(
        "exec", lambda: cluster.kubectl("exec survivor -- echo here") == "here"
    )
    cluster.kubectl("delete pod survivor")


@pytest.mark.doc("https://docs.k3s.io/installation/configuration")
def test_changed_configuration_counts_after_a_restart(cluster: "Cluster") -> None:
    """Options are read at start; certificates and state are kept."""
    token = cluster.server.run("cat /var/lib/rancher/k3s/server/token")
    path = "/etc/rancher/k3s/config.yaml.d/90-contract.yaml"
    cluster.server.write(path, "kubelet-arg: [max-pods=70]\n")
    cluster.server.run("systemctl restart k3s", timeout=180)
    node = f"node {cluster.server.name}"
    cluster.until(
        "max-pods", lambda: cluster.get(node)["status"]["capacity"]["pods"] == "70"
    )
    assert cluster.server.run("cat /var/lib/rancher/k3s/server/token") == token
    cluster.server.run(f"rm {path} && systemctl restart k3s", timeout=180)
    cluster.until(
        "max-pods", lambda: cluster.get(node)["status"]["capacity"]["pods"] == "60"
    )


@pytest.mark.doc("https://docs.k3s.io/cli/token")
def test_changed_token_is_refused(cluster: "Cluster") -> None:
    """A server whose datastore was made with another token does not start."""
    cluster.server.run("systemctl stop k3s")
    done = cluster.server.call(
        "timeout 60 k3s server --config /dev/null --token another"
        f" --node-name {cluster.server.name} --node-ip {cluster.server.address} 2>&1",
        timeout=90,
    )
    try:
        assert done.returncode not in (0, 124)
        assert b"encrypted with different token" in done.stdout
    finally:
        cluster.server.run("systemctl start k3s", timeout=180)


@pytest.mark.doc("https://docs.k3s.io/architecture")
def test_lost_process_restarts_the_service(cluster: "Cluster") -> None:
    """If containerd dies, K3s ends and systemd starts it again; nodes recover."""
    restarts = int(shown(cluster, "NRestarts"))
    cluster.server.run("pkill -KILL -x containerd")
    cluster.until("restart", lambda: int(shown(cluster, "NRestarts")) > restarts)
    cluster.until("active", lambda: shown(cluster, "ActiveState") == "active")
    cluster.until("API", lambda: cluster.kubectl("get --raw /readyz") == "ok")
