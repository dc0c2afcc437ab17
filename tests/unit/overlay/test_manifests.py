"""An overlay's manifests, prepared for the API."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from forge.errors import InputError
from forge.overlay import manifests
from forge.testbed.platform import FOLDER, PROFILES

CHECKOUT = Path(__file__).parents[3]
CONFIG = """
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: n}
data: {a: VALUE}
"""
SERVER = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: server, namespace: n, labels: &l {app: server}}
spec:
  template:
    metadata: {labels: *l}
    spec:
      nodeSelector: {forge.dev/role: ROLE}
      containers: [{name: c, image: "forge.local/server:v1"}]
      volumes: [{name: v, configMap: {name: settings}}]
---
apiVersion: v1
kind: Namespace
metadata: {name: n}
"""
BUILT = {
    "server": {
        "reference": "forge.local/server:v1",
        "archive": "/x/server.tar",
        "digest": "sha256:1",
    }
}


def host(role: str, *, is_node: bool = True) -> dict[str, Any]:
    return {"is_server": False, "is_agent": is_node, "labels": {"forge.dev/role": role}}


TOPOLOGY = {
    "hosts": {
        "worker-01": host("registry"),
        "worker-04": host("storage"),
        "m4-pro": host("boundary", is_node=False),
    }
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "server").mkdir()
    write(tmp_path)
    return tmp_path


def write(folder: Path, value: str = "one", role: str = "storage") -> None:
    (folder / "server" / "a.yaml").write_text(SERVER.replace("ROLE", role))
    (folder / "server" / "config.yaml").write_text(CONFIG.replace("VALUE", value))
    (folder / "server" / "application.yaml").write_text(
        "spec: {source: {path: server}}\n"
    )


def read(folder: Path) -> list[dict[str, Any]]:
    return manifests.resources(str(folder), ["server"], "testbed")


def annotation(items: list[dict[str, Any]]) -> str:
    (found,) = [i for i in items if i["kind"] == "Deployment"]
    digest: str = found["spec"]["template"]["metadata"]["annotations"][
        manifests.CONFIGURATION
    ]
    return digest


def test_what_others_need_comes_first_and_argo_cds_own_is_left_out(
    folder: Path,
) -> None:
    assert manifests.names(read(folder)) == [
        "Namespace n",
        "ConfigMap n/settings",
        "Deployment n/server",
    ]


def test_the_label_is_on_the_object_and_not_on_its_pods(folder: Path) -> None:
    server = read(folder)[-1]
    assert server["metadata"]["labels"] == {"app": "server", manifests.LABEL: "testbed"}
    assert server["spec"]["template"]["metadata"]["labels"] == {"app": "server"}


def test_pods_start_anew_when_their_configuration_changes(folder: Path) -> None:
    before = annotation(read(folder))
    assert annotation(read(folder)) == before
    write(folder, "two")
    assert annotation(read(folder)) != before


def test_an_image_goes_to_the_nodes_that_the_selector_names(folder: Path) -> None:
    found = manifests.images(read(folder), TOPOLOGY, BUILT)
    assert found == {"worker-04": [{"name": "server", **BUILT["server"]}]}
    write(folder, role="registry")
    assert list(manifests.images(read(folder), TOPOLOGY, BUILT)) == ["worker-01"]


def test_without_a_selector_it_goes_to_every_node(folder: Path) -> None:
    items = read(folder)
    del items[-1]["spec"]["template"]["spec"]["nodeSelector"]
    found = manifests.images(items, TOPOLOGY, BUILT)
    assert list(found) == ["worker-01", "worker-04"]


def test_an_image_that_is_not_built_is_named(folder: Path) -> None:
    with pytest.raises(InputError, match=r"Deployment n/server: no image .*server:v1"):
        manifests.images(read(folder), TOPOLOGY, {})
    assert manifests.local_images(read(folder)) == ["server"]


def test_a_component_that_is_not_there_lists_the_others(folder: Path) -> None:
    with pytest.raises(InputError, match=r"component other: .*\n.*one of: server"):
        manifests.resources(str(folder), ["other"], "testbed")


@pytest.mark.parametrize(
    ("text", "says"), [("a: [", "while parsing"), ("a: 1", "no Kubernetes object")]
)
def test_a_bad_manifest_is_named_by_file(folder: Path, text: str, says: str) -> None:
    (folder / "server" / "bad.yaml").write_text(text)
    with pytest.raises(InputError, match=r"server/bad\.yaml") as caught:
        read(folder)
    assert says in str(caught.value)


def test_what_waits_for_its_namespace() -> None:
    items = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n"}},
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "s", "namespace": "n"},
        },
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRole",
            "metadata": {"name": "r"},
        },
    ]
    there = [{"metadata": {"name": "n"}}]
    other = [{"metadata": {"name": "default"}}]
    assert manifests.waiting(items, there) == []
    assert manifests.waiting(items, other) == [items[1]]
    assert manifests.waiting(items, []) == items[1:]


def test_what_waits_for_its_kind() -> None:
    policy = {
        "apiVersion": "policies.kyverno.io/v1",
        "kind": "ValidatingPolicy",
        "metadata": {"name": "p"},
    }
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": "r"},
    }
    server = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "d", "namespace": "n"},
    }
    items: list[manifests.Resource] = [policy, role, server]
    there = [{"metadata": {"name": "n"}}]
    served = {
        "spec": {"group": "policies.kyverno.io", "names": {"kind": "ValidatingPolicy"}}
    }
    assert manifests.waiting(items, there) == [policy]
    assert manifests.waiting(items, there, [served]) == []


def test_manifests_are_where_the_application_says_too(tmp_path: Path) -> None:
    own = tmp_path / "gitops" / "overlays" / "testbed" / "policies"
    other = tmp_path / "gitops" / "policies" / "enforce"
    for folder, name in ((own, "exception"), (other, "policy")):
        folder.mkdir(parents=True)
        (folder / f"{name}.yaml").write_text(
            f"{{apiVersion: v1, kind: ConfigMap, metadata: {{name: {name}}}}}\n"
        )
    application = own / "application.yaml"
    paths = ("gitops/overlays/testbed/policies", "gitops/policies/enforce")
    sources = [{"path": path} for path in paths]
    application.write_text(yaml.safe_dump({"spec": {"sources": sources}}))
    found = manifests.resources(str(own.parent), ["policies"], "testbed")
    assert [item["metadata"]["name"] for item in found] == ["exception", "policy"]
    application.write_text("spec: {}\n")
    with pytest.raises(InputError, match=r"component policies: .* names no source"):
        manifests.resources(str(own.parent), ["policies"], "testbed")


@pytest.mark.parametrize("profile", PROFILES)
def test_a_profiles_components_are_in_the_overlay(profile: str) -> None:
    items = manifests.resources(str(CHECKOUT / FOLDER), PROFILES[profile], "testbed")
    servers = [item for item in items if manifests.pod(item)]
    # Rules and policies are objects of others.
    bare = {"rules", "policies"}.intersection(PROFILES[profile])
    assert len(servers) >= len(PROFILES[profile]) - len(bare)
    recipes = {path.stem for path in (CHECKOUT / "testbed" / "images").glob("*.yml")}
    assert set(manifests.local_images(items)) <= recipes
