"""Pods, Services and DNS across nodes."""

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.k3s_contract.conftest import Cluster

SERVE = (
    "mkdir /tmp/w && echo answer > /tmp/w/index.html && exec httpd -f -p 8080 -h /tmp/w"
)
REQUEST = r"printf 'GET / HTTP/1.0\r\n\r\n' | nc -w 5 {target} | tail -n 1"


@pytest.fixture(scope="module")
def pods(cluster: "Cluster") -> "Iterator[None]":
    """A web server on the agent, a client on each node, a Service."""
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web"},
        "spec": {
            "selector": {"app": "web"},
            "ports": [{"port": 80, "targetPort": 8080}],
        },
    }
    cluster.kubectl("apply -f -", json.dumps(service))
    cluster.pod("web", cluster.agent, SERVE)
    cluster.pod("client-server", cluster.server)
    cluster.pod("client-agent", cluster.agent)
    yield
    cluster.kubectl("delete pod web client-server client-agent")
    cluster.kubectl("delete service web")


def ask(cluster: "Cluster", pod: str, target: str) -> str:
    return cluster.kubectl(f'exec {pod} -- sh -c "{REQUEST.format(target=target)}"')


@pytest.mark.doc("https://docs.k3s.io/networking/basic-network-options")
@pytest.mark.usefixtures("pods")
def test_pods_talk_across_nodes(cluster: "Cluster") -> None:
    """A Pod reaches a Pod on another node by its address."""
    address = cluster.get("pod web")["status"]["podIP"]
    assert ask(cluster, "client-server", f"{address} 8080") == "answer"


@pytest.mark.doc("https://docs.k3s.io/networking/networking-services")
@pytest.mark.usefixtures("pods")
@pytest.mark.parametrize("client", ["client-server", "client-agent"])
def test_service_answers_by_name(cluster: "Cluster", client: str) -> None:
    """A Service answers by its DNS name, from its own node and from another."""
    cluster.kubectl("-n kube-system rollout status deployment/coredns --timeout=90s")
    assert ask(cluster, client, "web.default.svc.cluster.local 80") == "answer"


@pytest.mark.doc("https://docs.k3s.io/cli/server#networking")
@pytest.mark.usefixtures("pods")
def test_ranges_are_the_documented_ones(cluster: "Cluster") -> None:
    """Pods are in 10.42.0.0/16, Services in 10.43.0.0/16, DNS is 10.43.0.10."""
    assert cluster.get("pod web")["status"]["podIP"].startswith("10.42.")
    assert cluster.get("service web")["spec"]["clusterIP"].startswith("10.43.")
    dns = cluster.get("service -n kube-system kube-dns")
    assert dns["spec"]["clusterIP"] == "10.43.0.10"


@pytest.mark.doc("https://docs.k3s.io/installation/requirements#networking")
def test_tunnel_uses_the_documented_port(cluster: "Cluster") -> None:
    """Pods' traffic between nodes goes through vxlan on UDP 8472."""
    (link,) = json.loads(cluster.agent.run("ip -j -d link show flannel.1"))
    assert link["linkinfo"]["info_kind"] == "vxlan"
    assert link["linkinfo"]["info_data"]["port"] == 8472


@pytest.mark.doc("https://docs.k3s.io/cli/server")
@pytest.mark.usefixtures("pods")
def test_logs_and_exec_reach_every_node(cluster: "Cluster") -> None:
    """The API server reaches the kubelet of each node, with a checked certificate."""
    cluster.pod("said", cluster.agent, "echo spoken; exec sleep 86400")
    assert cluster.kubectl("logs said") == "spoken"
    cluster.kubectl("delete pod said")
