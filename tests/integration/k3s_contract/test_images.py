"""Images from the images folder and from mirrors."""

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.k3s_contract.conftest import Cluster

IMAGES = "/var/lib/rancher/k3s/agent/images"
CTR = "k3s ctr -n k8s.io images"

# A read-only registry over one exported image, asking for a password.
REGISTRY = r"""
import base64, hashlib, http.server, json, pathlib, sys
root, port, credential = pathlib.Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
def blob(digest):
    return root / "blobs" / digest.replace(":", "/")
def load(descriptor):
    return json.loads(blob(descriptor["digest"]).read_text())
def store(descriptor, value):
    body = json.dumps(value).encode()
    digest = "sha256:" + hashlib.sha256(body).hexdigest()
    blob(digest).write_bytes(body)
    return descriptor | {"digest": digest, "size": len(body)}
index = json.loads((root / "index.json").read_text())["manifests"][0]
while "index" in index["mediaType"] or "list" in index["mediaType"]:
    index = next(m for m in load(index)["manifests"] if blob(m["digest"]).exists())
# An image of its own: a kubelet that pulled an image asks for its password again
# where the same image has another name.
manifest = load(index)
config = manifest["config"]
manifest["config"] = store(config, load(config) | {"author": "contract"})
index = store(index, manifest)
class Registry(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        wanted = "Basic " + base64.b64encode(credential.encode()).decode()
        if self.headers.get("Authorization") != wanted:
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="contract"')
            self.send_header("Content-Length", "0")
            return self.end_headers()
        kind, name = self.path.split("?")[0].split("/")[-2:]
        digest = name if ":" in name else index["digest"]
        media = "application/octet-stream" if kind == "blobs" else index["mediaType"]
        found = kind in ("manifests", "blobs") and blob(digest).exists()
        body = blob(digest).read_bytes() if found else b"{}"
        if kind == "manifests" and found:
            media = json.loads(body).get("mediaType", index["mediaType"])
        self.send_response(200 if found or self.path == "/v2/" else 404)
        self.send_header("Content-Type", media)
        self.send_header("Docker-Content-Digest", digest)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)
    do_HEAD = do_GET
http.server.ThreadingHTTPServer(("", port), Registry).serve_forever()
"""


@pytest.mark.doc("https://docs.k3s.io/installation/airgap")
def test_archives_are_imported_at_start(cluster: "Cluster") -> None:
    """A compressed archive in ``agent/images`` is in containerd after a start."""
    name = "contract.test/archive:1"
    cluster.server.run(
        f"{CTR} tag --force {cluster.probe} {name}"
        f" && {CTR} export /var/tmp/a.tar {name} && zstd -qf /var/tmp/a.tar"
    )
    content = cluster.server.call("cat /var/tmp/a.tar.zst").stdout
    assert name not in cluster.agent.run(f"{CTR} list -q").split()
    cluster.agent.write(f"{IMAGES}/contract.tar.zst", content)
    cluster.agent.run("systemctl restart k3s-agent", timeout=180)
    cluster.until(
        "image", lambda: name in cluster.agent.run(f"{CTR} list -q").split(), 30
    )
    cluster.pod("from-archive", cluster.agent, image=name, imagePullPolicy="Never")
    cluster.kubectl("delete pod from-archive")


@pytest.fixture
def registry(cluster: "Cluster") -> "Iterator[None]":
    """A registry on the server's host that holds the probe image."""
    cluster.server.run(
        "rm -rf /var/tmp/registry && mkdir /var/tmp/registry"
        f" && {CTR} export /var/tmp/r.tar {cluster.probe}"
        " && tar -xf /var/tmp/r.tar -C /var/tmp/registry"
    )
    cluster.server.write("/var/lib/contract/registry.py", REGISTRY)
    cluster.server.run(
        "systemd-run --quiet --collect --unit contract-registry python3"
        f" /var/lib/contract/registry.py /var/tmp/registry 5055"
        f" contract:{cluster.password}"
        " && for i in $(seq 50); do ss -ltn | grep -q :5055 && exit; sleep 0.1; done;"
        " exit 1"
    )
    yield
    cluster.server.run("systemctl stop contract-registry")


@pytest.mark.doc("https://docs.k3s.io/installation/private-registry")
@pytest.mark.usefixtures("registry")
def test_mirrors_and_passwords_of_registries_yaml(cluster: "Cluster") -> None:
    """An image is pulled from its mirror's endpoint with the endpoint's password."""
    name = "mirror.contract.test/library/probe:1"
    cluster.pod("from-mirror", cluster.agent, image=name, imagePullPolicy="Always")
    assert name in cluster.agent.run(f"{CTR} list -q").split()
    cluster.kubectl("delete pod from-mirror")
