"""Files and folders that K3s documents."""

import base64
import hashlib
import re
from typing import TYPE_CHECKING

import pytest
import yaml

if TYPE_CHECKING:
    from tests.integration.k3s_contract.conftest import Cluster

SERVER = "/var/lib/rancher/k3s/server"


@pytest.mark.doc("https://docs.k3s.io/cli/token")
def test_token_names_the_authority(cluster: "Cluster") -> None:
    """``server/token`` is ``K10<SHA-256 of the CA's PEM>::server:<password>``."""
    for name in ("token", "node-token"):
        text = cluster.server.run(f"cat {SERVER}/{name}")
        match = re.fullmatch(r"K10([0-9a-f]{64})::server:(.+)", text)
        assert match, name
        authority = cluster.server.run(f"base64 -w0 {SERVER}/tls/server-ca.crt")
        assert match[1] == hashlib.sha256(base64.b64decode(authority)).hexdigest()
        assert match[2] == cluster.token


@pytest.mark.doc("https://docs.k3s.io/cluster-access")
def test_kubeconfig_can_be_copied_away(cluster: "Cluster") -> None:
    """``k3s.yaml`` has the asked mode and carries its credential, for 127.0.0.1."""
    path = "/etc/rancher/k3s/k3s.yaml"
    assert cluster.server.run(f"stat -c %a {path}") == "640"
    config = yaml.safe_load(cluster.server.run(f"cat {path}"))
    assert config["clusters"][0]["cluster"]["server"] == "https://127.0.0.1:6443"
    cluster.agent.write(
        "/root/away.yaml",
        yaml.safe_dump(config).replace("127.0.0.1", cluster.server.address),
    )
    seen = cluster.agent.run("k3s kubectl --kubeconfig /root/away.yaml get nodes")
    assert cluster.server.name in seen


@pytest.mark.doc("https://docs.k3s.io/cli/certificate")
def test_certificates_have_their_documented_names(cluster: "Cluster") -> None:
    """The authorities' certificates and keys lie in ``server/tls``, keys for root."""
    for name in (
        "server-ca",
        "client-ca",
        "request-header-ca",
        "etcd/server-ca",
        "etcd/peer-ca",
    ):
        cluster.server.run(
            f"openssl x509 -noout -in {SERVER}/tls/{name}.crt"
            f" && test $(stat -c %a {SERVER}/tls/{name}.key) = 600"
        )
    cluster.server.run(f"test -s {SERVER}/tls/service.key")


@pytest.mark.doc("https://docs.k3s.io/security/hardening-guide")
def test_folders_of_secrets_are_closed(cluster: "Cluster") -> None:
    """Nobody but root reads the keys, the credentials, the tokens."""
    open_files = cluster.server.run(
        f"find {SERVER}/tls {SERVER}/cred {SERVER}/token /etc/rancher/k3s/token"
        r" -type f \( -name '*.key' -o -path '*/cred/*' -o -name token \) -perm /077"
    )
    assert open_files == ""


@pytest.mark.doc("https://docs.k3s.io/advanced#configuring-containerd")
def test_containerd_is_configured_by_k3s(cluster: "Cluster") -> None:
    """containerd runs on ``agent/etc/containerd/config.toml`` and K3s's socket."""
    cluster.agent.run(
        "test -s /var/lib/rancher/k3s/agent/etc/containerd/config.toml"
        " && test -S /run/k3s/containerd/containerd.sock"
    )
    info = cluster.get(f"node {cluster.agent.name}")["status"]["nodeInfo"]
    assert info["containerRuntimeVersion"].startswith("containerd://")
