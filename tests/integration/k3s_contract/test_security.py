"""Secrets at rest, anonymous requests."""

import base64
import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.integration.k3s_contract.conftest import Cluster

TLS = "/var/lib/rancher/k3s/server/tls/etcd"
# Reads one key from the datastore itself, past the API server.
RANGE = """
import json, ssl, sys, urllib.request
context = ssl.create_default_context(cafile="{tls}/server-ca.crt")
context.load_cert_chain("{tls}/client.crt", "{tls}/client.key")
request = urllib.request.Request(
    "https://127.0.0.1:2379/v3/kv/range", json.dumps({{"key": "{key}"}}).encode())
print(urllib.request.urlopen(request, context=context).read().decode())
"""


def stored(cluster: "Cluster", key: str) -> bytes:
    encoded = base64.b64encode(key.encode()).decode()
    script = RANGE.format(tls=TLS, key=encoded)
    answer = json.loads(cluster.server.run("python3 -", script.encode()))
    return base64.b64decode(answer["kvs"][0]["value"])


@pytest.mark.doc("https://docs.k3s.io/security/secrets-encryption")
def test_secrets_are_encrypted_in_the_datastore(cluster: "Cluster") -> None:
    """With ``secrets-encryption`` a Secret's bytes in etcd are not its value."""
    cluster.kubectl("create secret generic contract --from-literal=k=in-plain-sight")
    raw = stored(cluster, "/registry/secrets/default/contract")
    assert raw.startswith(b"k8s:enc:")
    assert b"in-plain-sight" not in raw
    cluster.kubectl("create configmap contract --from-literal=k=in-plain-sight")
    assert b"in-plain-sight" in stored(cluster, "/registry/configmaps/default/contract")
    value = cluster.get("secret contract")["data"]["k"]
    assert base64.b64decode(value) == b"in-plain-sight"
    cluster.kubectl("delete secret/contract configmap/contract")


@pytest.mark.doc("https://docs.k3s.io/cli/secrets-encrypt")
def test_encryption_status_is_told(cluster: "Cluster") -> None:
    """``k3s secrets-encrypt status`` says that encryption is on, and with which key."""
    said = cluster.server.run("k3s secrets-encrypt status")
    assert "Encryption Status: Enabled" in said
    assert "aescbckey" in said


@pytest.mark.doc("https://docs.k3s.io/security/hardening-guide")
def test_nobody_is_anonymous(cluster: "Cluster") -> None:
    """API server and kubelet refuse a request without credential."""
    script = (
        "import ssl, sys, urllib.request as u\n"
        "c = ssl._create_unverified_context()\n"
        "try: print(u.urlopen(sys.argv[1], context=c).status)\n"
        "except u.HTTPError as e: print(e.code)\n"
    )
    for url in (
        f"https://{cluster.server.address}:6443/api/v1/nodes",
        f"https://{cluster.agent.address}:10250/pods",
    ):
        assert cluster.agent.run(f"python3 - {url}", script.encode()) == "401"


@pytest.mark.doc("https://docs.k3s.io/cli/token")
def test_secrets_are_in_no_argument_and_no_log(cluster: "Cluster") -> None:
    """The token is in no process's arguments and not in the journal."""
    for host, unit in ((cluster.server, "k3s"), (cluster.agent, "k3s-agent")):
        arguments = host.run("cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' '")
        assert cluster.token not in arguments
        assert cluster.token not in host.run(f"journalctl -u {unit} --no-pager")
