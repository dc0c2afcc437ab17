"""The manifests folder."""

from functools import partial
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.integration.k3s_contract.conftest import Cluster

FOLDER = "/var/lib/rancher/k3s/server/manifests"


def config_map(name: str, value: str) -> str:
    return (
        "apiVersion: v1\nkind: ConfigMap\n"
        f"metadata: {{name: {name}, namespace: default}}\ndata: {{value: '{value}'}}\n"
    )


def has(cluster: "Cluster", name: str, value: str) -> bool:
    return value_of(cluster, name) == value


def value_of(cluster: "Cluster", name: str) -> str:
    return cluster.kubectl(f"get configmap {name} -o jsonpath={{.data.value}}")


@pytest.mark.doc("https://docs.k3s.io/installation/packaged-components")
def test_manifest_lives(cluster: "Cluster") -> None:
    """A file is applied, applied again when it changes; its removal removes nothing."""
    path = f"{FOLDER}/contract-live.yaml"
    for value in ("first", "second"):
        cluster.server.write(path, config_map("contract-live", value))
        cluster.until(
            f"manifest: {value}", partial(has, cluster, "contract-live", value)
        )
    cluster.server.run(f"rm {path}")
    # Longer than the folder is left unread.
    cluster.server.write(
        f"{FOLDER}/contract-next.yaml", config_map("contract-next", "x")
    )
    cluster.until("next manifest", lambda: value_of(cluster, "contract-next") == "x")
    assert value_of(cluster, "contract-live") == "second"
    cluster.server.run(f"rm {FOLDER}/contract-next.yaml")


@pytest.mark.doc("https://docs.k3s.io/installation/packaged-components")
def test_skipped_manifest_is_not_applied(cluster: "Cluster") -> None:
    """A file beside an empty ``<file>.skip`` is ignored."""
    cluster.server.write(f"{FOLDER}/contract-skip.yaml.skip", "")
    cluster.server.write(
        f"{FOLDER}/contract-skip.yaml", config_map("contract-skip", "x")
    )
    cluster.server.write(f"{FOLDER}/contract-z.yaml", config_map("contract-z", "x"))
    cluster.until("other manifest", lambda: value_of(cluster, "contract-z") == "x")
    found = cluster.kubectl("get configmap contract-skip --ignore-not-found")
    assert found == ""
    cluster.server.run(f"rm {FOLDER}/contract-skip.yaml* {FOLDER}/contract-z.yaml")


@pytest.mark.doc("https://docs.k3s.io/installation/packaged-components")
def test_packaged_components_can_be_disabled(cluster: "Cluster") -> None:
    """CoreDNS comes by itself; what ``disable`` names does not."""
    cluster.kubectl(
        "-n kube-system rollout status deployment/coredns --timeout=90s", timeout=120
    )
    names = cluster.kubectl("-n kube-system get deployments -o name")
    assert names.split() == ["deployment.apps/coredns"]
    files = cluster.server.run(f"ls {FOLDER}").split()
    assert not {"traefik.yaml", "local-storage.yaml"} & set(files)
