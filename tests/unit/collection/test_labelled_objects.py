"""`labelled_objects` against a double of the API's lists, over HTTP."""

import contextlib
import importlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from kubernetes.client import ApiException

MODULE = importlib.import_module(
    "ansible_collections.forge.platform.plugins.modules.labelled_objects"
)
DEPLOYMENT = {"api": "apps/v1", "kind": "Deployment"}
SECRET = {"api": "v1", "kind": "Secret"}
POLICY = {"api": "policies.kyverno.io/v1", "kind": "ValidatingPolicy"}
FOUND = {"name": "registry", "namespace": "forge", "uid": "1"}
SERVED: dict[str, dict[str, Any]] = {
    "/version": {"major": "1", "minor": "36", "gitVersion": "v1.36.4"},
    "/api": {"kind": "APIVersions", "versions": ["v1"]},
    "/apis": {
        "kind": "APIGroupList",
        "groups": [
            {
                "name": "apps",
                "versions": [{"groupVersion": "apps/v1", "version": "v1"}],
                "preferredVersion": {"groupVersion": "apps/v1", "version": "v1"},
            }
        ],
    },
    "/api/v1": {
        "kind": "APIResourceList",
        "resources": [{"name": "secrets", "kind": "Secret", "verbs": ["list", "get"]}]
    },
    "/apis/apps/v1": {
        "kind": "APIResourceList",
        "resources": [
            {"name": "deployments", "kind": "Deployment", "verbs": ["list", "get"]}
        ],
    },
}  # fmt: skip


class Lists(BaseHTTPRequestHandler):
    """A double: says what it serves, lists one Deployment, refuses Secrets."""

    def do_GET(self) -> None:
        asked = urlsplit(self.path)
        status, said = 200, SERVED.get(asked.path)
        if asked.path == "/apis/apps/v1/deployments":
            matched = parse_qs(asked.query).get("labelSelector") == ["a=b"]
            items = [{"metadata": FOUND, "spec": {}}] if matched else []
            said = {"kind": "DeploymentList", "apiVersion": "apps/v1", "items": items}
        elif said is None:
            status, said = 403, {"kind": "Status", "code": 403}
        body = json.dumps(said).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing is printed."""


@contextlib.contextmanager
def double(folder: Path) -> Iterator[Path]:
    """A kubeconfig of the double, while it serves."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Lists) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        said = {
            "current-context": "c",
            "clusters": [{"name": "c", "cluster": {"server": url}}],
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
            "users": [{"name": "u", "user": {"token": "t"}}],
        }
        path = folder / "kubeconfig"
        path.write_text(json.dumps(said))
        yield path
        server.shutdown()


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Any]:
    with double(tmp_path) as path:
        yield MODULE.connected(str(path), str(tmp_path))


def test_objects_are_named_with_their_kind(api: Any) -> None:
    assert MODULE.listed(api, DEPLOYMENT, "a=b", 5) == [
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "registry", "namespace": "forge"},
        }
    ]


def test_the_selector_is_asked_for(api: Any) -> None:
    assert MODULE.listed(api, DEPLOYMENT, "a=other", 5) == []


def test_a_kind_that_is_not_served_has_no_objects(api: Any) -> None:
    assert MODULE.listed(api, POLICY, "a=b", 5) == []


def test_a_refusal_is_no_empty_list(api: Any) -> None:
    with pytest.raises(ApiException, match="403"):
        MODULE.listed(api, SECRET, "a=b", 5)
