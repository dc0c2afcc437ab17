"""Nodes: how they join, what they bring, what is refused."""

import re
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.integration.k3s_contract.conftest import Cluster, Host


def is_ready(cluster: "Cluster", host: "Host") -> bool:
    conditions = cluster.get(f"node {host.name}")["status"]["conditions"]
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


@pytest.mark.doc("https://docs.k3s.io/quick-start")
def test_agent_joins_by_environment(cluster: "Cluster") -> None:
    """``K3S_URL`` and ``K3S_TOKEN`` (secure form) are enough to join."""
    cluster.until("agent Ready", lambda: is_ready(cluster, cluster.agent))
    node = cluster.get(f"node {cluster.agent.name}")
    addresses = {a["type"]: a["address"] for a in node["status"]["addresses"]}
    assert addresses["InternalIP"] == cluster.agent.address


@pytest.mark.doc("https://docs.k3s.io/upgrades/manual")
def test_nodes_report_the_version_of_the_program(cluster: "Cluster") -> None:
    """A node's version is the one that ``k3s --version`` prints."""
    version = cluster.agent.run("k3s --version").split()[2]
    for host in (cluster.server, cluster.agent):
        info = cluster.get(f"node {host.name}")["status"]["nodeInfo"]
        assert info["kubeletVersion"] == version


@pytest.mark.doc("https://docs.k3s.io/cli/agent")
def test_labels_and_taints_come_with_registration(cluster: "Cluster") -> None:
    """``node-label`` and ``node-taint`` are set when a node registers."""
    node = cluster.get(f"node {cluster.agent.name}")
    assert node["metadata"]["labels"]["contract.test/a"] == "1"
    taint = {"key": "contract.test/only", "value": "probes", "effect": "NoSchedule"}
    assert taint in node["spec"]["taints"]


@pytest.mark.doc("https://docs.k3s.io/cli/agent")
def test_later_labels_are_left_to_the_api(cluster: "Cluster") -> None:
    """After registration a changed option changes nothing, the API does."""
    node = cluster.agent.name
    cluster.kubectl(f"label node {node} contract.test/a=2 --overwrite")
    cluster.agent.run("systemctl restart k3s-agent", timeout=180)
    cluster.until("agent Ready", lambda: is_ready(cluster, cluster.agent))
    labels = cluster.get(f"node {node}")["metadata"]["labels"]
    assert labels["contract.test/a"] == "2"
    cluster.kubectl(f"label node {node} contract.test/a=1 --overwrite")


@pytest.mark.doc("https://docs.k3s.io/datastore/ha-embedded")
def test_servers_carry_their_roles(cluster: "Cluster") -> None:
    """A server with embedded etcd is labelled as control plane and etcd member."""
    labels = cluster.get(f"node {cluster.server.name}")["metadata"]["labels"]
    assert labels["node-role.kubernetes.io/control-plane"] == "true"
    assert labels["node-role.kubernetes.io/etcd"] == "true"
    agent = cluster.get(f"node {cluster.agent.name}")["metadata"]["labels"]
    assert not any(name.startswith("node-role.kubernetes.io/") for name in agent)


def refused(cluster: "Cluster", token: str) -> str:
    """Start a second agent by hand with a token; return what it says."""
    options = f"--server https://{cluster.server.address}:6443 --token {token}"
    done = cluster.agent.call(
        f"timeout 20 k3s agent --config /dev/null --data-dir /var/tmp/second"
        f" --lb-server-port 7444 --node-name second {options} 2>&1;"
        " code=$?; rm -rf /var/tmp/second; exit $code",
        timeout=60,
    )
    assert done.returncode != 0
    assert "node/second" not in cluster.kubectl("get nodes -o name").split()
    return done.stdout.decode()


@pytest.fixture
def idle_agent(cluster: "Cluster") -> "Host":
    """The agent's host without a running agent, for a test to start another."""
    cluster.agent.run("systemctl stop k3s-agent")
    return cluster.agent


@pytest.mark.doc("https://docs.k3s.io/cli/token#tls-bootstrapping")
@pytest.mark.usefixtures("idle_agent")
def test_tokens_of_other_clusters_are_refused(cluster: "Cluster") -> None:
    """Another authority's hash, or another password, does not let a node in."""
    try:
        said = refused(cluster, f"K10{'0' * 64}::server:{cluster.token}")
        assert re.search("token CA hash does not match", said)
        said = refused(cluster, "not-the-password")
        assert re.search("token|nauthorized", said)
        assert cluster.token not in said
    finally:
        cluster.agent.run("systemctl start k3s-agent", timeout=180)
