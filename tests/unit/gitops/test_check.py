"""Every check of the GitOps tree: the tree passes, and each check's fault is found."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from forge.artifacts.pins import Versions
from forge.gitops import check
from forge.gitops.crds import bare, strict
from forge.gitops.errors import TreeError

ROOT = Path(__file__).resolve().parents[3]
SERVER = "https://kubernetes.default.svc"
GIT = "https://git.example/forge.git"
CHARTS = "https://charts.example"
# Argo CD's kinds take everything here: their real schemas are the command's.
SCHEMAS: dict[str, Any] = {
    "argoproj.io/v1alpha1/Application": {},
    "argoproj.io/v1alpha1/AppProject": {},
    "monitoring.coreos.com/v1/PrometheusRule": {},
    "postgresql.cnpg.io/v1/Cluster": {},
    "kyverno.io/v1/ClusterPolicy": {},
}

type Tree = Callable[[dict[str, str]], Versions]


def application(**changes: object) -> dict[str, Any]:
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": {
            "name": "minio",
            "namespace": "argocd",
            "annotations": {"argocd.argoproj.io/sync-wave": "1"},
        },
        "spec": {
            "project": "storage",
            "source": {"repoURL": GIT, "path": "gitops/apps/minio/manifests"},
            "destination": {"server": SERVER, "namespace": "object-store"},
        }
        | changes,
    }


PROJECT = {
    "apiVersion": "argoproj.io/v1alpha1",
    "kind": "AppProject",
    "metadata": {"name": "storage", "namespace": "argocd"},
    "spec": {
        "sourceRepos": [GIT, CHARTS],
        "destinations": [{"server": SERVER, "namespace": "object-store"}],
        "clusterResourceWhitelist": [{"group": "", "kind": "Namespace"}],
    },
}


def deployment() -> dict[str, Any]:
    resources = {"cpu": "1", "memory": "1Gi"}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "minio", "namespace": "object-store"},
        "spec": {
            "selector": {"matchLabels": {"app": "minio"}},
            "template": {
                "metadata": {"labels": {"app": "minio"}},
                "spec": {
                    "nodeSelector": {"forge.dev/role": "storage"},
                    "containers": [
                        {
                            "name": "minio",
                            "image": "docker.io/x/minio:v1@unresolved",
                            "resources": {"requests": resources, "limits": resources},
                            "readinessProbe": {"tcpSocket": {"port": 9000}},
                        }
                    ],
                },
            },
        },
    }


VALUES = """\
# The node of the store.
nodeSelector: {forge.dev/role: storage}
# Estimates.
resources: {requests: {cpu: 1, memory: 1Gi}, limits: {cpu: 1, memory: 1Gi}}
"""
RULE = {
    "apiVersion": "monitoring.coreos.com/v1",
    "kind": "PrometheusRule",
    "metadata": {"name": "nodes", "namespace": "monitoring"},
    "spec": {"groups": [{"name": "nodes", "rules": [{"alert": "NodeDown"}]}]},
}


@pytest.fixture
def found(tree: Tree, tmp_path: Path) -> Callable[..., list[tuple[str, str]]]:
    """Return a function that gives check and message of a tree with changes."""

    def run(**changes: object) -> list[tuple[str, str]]:
        objects: dict[str, object] = {
            "bootstrap/projects.yaml": PROJECT,
            "apps/minio/application.yaml": application(),
            "apps/minio/manifests/minio.yaml": deployment(),
            "observability/rules/nodes.yaml": RULE,
        }
        texts = {
            "apps/cnpg/values.yaml": VALUES,
            "observability/tests/nodes.yaml": 'expr: ALERTS{alertname="NodeDown"}\n',
        }
        for name, change in changes.items():
            path = {
                "application": "apps/minio/application.yaml",
                "manifest": "apps/minio/manifests/minio.yaml",
                "values": "apps/cnpg/values.yaml",
                "tests": "observability/tests/nodes.yaml",
                "unknown_chart": "apps/new/values.yaml",
            }[name]
            if isinstance(change, str):
                texts[path] = change
            else:
                objects[path] = change
        hosts = tmp_path / "inventory/forge/hosts.yml"
        hosts.parent.mkdir(parents=True, exist_ok=True)
        hosts.write_text("forge_labels: {forge.dev/role: storage}\n")
        texts |= {
            name: yaml.safe_dump(content)
            for name, content in objects.items()
            if name not in texts
        }
        report = check.run(tree(texts), SCHEMAS)
        return [(each.check, each.text()) for each in report.findings]

    return run


def test_a_tree_as_it_must_be_has_no_finding(found: Any) -> None:
    assert found() == []


def changed(path: str, value: object) -> dict[str, Any]:
    """Return the Deployment with one field replaced, or removed by None."""
    made = deployment()
    at: Any = made
    *steps, last = path.split(".")
    for step in steps:
        at = at[int(step)] if step.isdecimal() else at[step]
    if value is None:
        del at[last]
    else:
        at[last] = value
    return made


POD = "spec.template.spec"
ONE = f"{POD}.containers.0"
FAULTY_MANIFESTS = {
    "a field that Kubernetes does not know": (
        "schemas",
        changed("spec.replica", 1),
    ),
    "a field of the wrong type": ("schemas", changed("spec.replicas", "one")),
    "a kind without schema": (
        "schemas",
        {
            "apiVersion": "x.example/v1",
            "kind": "X",
            "metadata": {"namespace": "object-store"},
        },
    ),
    "no selector": ("placement", changed(f"{POD}.nodeSelector", None)),
    "a selector of another label": (
        "placement",
        changed(f"{POD}.nodeSelector", {"kubernetes.io/hostname": "worker-04"}),
    ),
    "a role that no node has": (
        "placement",
        changed(f"{POD}.nodeSelector", {"forge.dev/role": "storages"}),
    ),
    "every node, but no DaemonSet": (
        "placement",
        changed(f"{POD}.nodeSelector", {"kubernetes.io/os": "linux"}),
    ),
    "no limits": (
        "limits",
        changed(f"{ONE}.resources", {"requests": {"cpu": 1, "memory": 1}}),
    ),
    "no resources": ("limits", changed(f"{ONE}.resources", None)),
    "an init container without limits": (
        "limits",
        changed(f"{POD}.initContainers", [{"name": "x", "image": "docker.io/x/y:1"}]),
    ),
    "no readiness": ("probes", changed(f"{ONE}.readinessProbe", None)),
    "the tag latest": ("images", changed(f"{ONE}.image", "docker.io/x/minio:latest")),
    "latest with digest": (
        "images",
        changed(f"{ONE}.image", "docker.io/x/minio:latest@sha256:" + "0" * 64),
    ),
    "no tag": ("images", changed(f"{ONE}.image", "docker.io/x/minio")),
    "a registry's port is no tag": (
        "images",
        changed(f"{ONE}.image", "host:5000/x/minio"),
    ),
    "a password": (
        "secrets",
        changed(f"{ONE}.env", [{"name": "A", "value": "AGE-SECRET-KEY-1XX"}]),
    ),
    "a Secret with data": (
        "secrets",
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "x", "namespace": "object-store"},
            "stringData": {"a": "b"},
        },
    ),
    "a namespace of another layer": (
        "project",
        changed("metadata.namespace", "argocd"),
    ),
    "a kind without namespace that the layer may not make": (
        "project",
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRole",
            "metadata": {"name": "x"},
            "rules": [],
        },
    ),
    "an old kind of Kyverno": (
        "old",
        {
            "apiVersion": "kyverno.io/v1",
            "kind": "ClusterPolicy",
            "metadata": {"name": "x", "namespace": "object-store"},
        },
    ),
    "a database without limits": (
        "limits",
        {
            "apiVersion": "postgresql.cnpg.io/v1",
            "kind": "Cluster",
            "metadata": {"name": "x", "namespace": "object-store"},
            "spec": {
                "imageName": "ghcr.io/x/postgresql:18",
                "affinity": {"nodeSelector": {"forge.dev/role": "storage"}},
            },
        },
    ),
}


@pytest.mark.parametrize("name", FAULTY_MANIFESTS)
def test_a_faulty_manifest_is_found(found: Any, name: str) -> None:
    wanted, manifest = FAULTY_MANIFESTS[name]
    findings = found(manifest=manifest)
    assert [check for check, _ in findings] == [wanted], findings


FAULTY_APPLICATIONS: dict[str, tuple[str, dict[str, object]]] = {
    "the project that allows everything": ("project", {"project": "default"}),
    "a project that is none": ("project", {"project": "storages"}),
    "a source of another layer": (
        "project",
        {
            "source": {
                "repoURL": "https://x.example",
                "path": "gitops/apps/minio/manifests",
            }
        },
    ),
    "a destination of another layer": (
        "project",
        {"destination": {"server": SERVER, "namespace": "kube-system"}},
    ),
    "another cluster": (
        "project",
        {"destination": {"server": "https://m4-pro", "namespace": "object-store"}},
    ),
    "a path that is not there": (
        "sources",
        {"source": {"repoURL": GIT, "path": "gitops/apps/absent"}},
    ),
    "a value file that is not there": (
        "sources",
        {
            "source": {
                "repoURL": CHARTS,
                "helm": {"valueFiles": ["$values/gitops/x.yaml"]},
            }
        },
    ),
}


@pytest.mark.parametrize("name", FAULTY_APPLICATIONS)
def test_a_faulty_application_is_found(found: Any, name: str) -> None:
    wanted, changes = FAULTY_APPLICATIONS[name]
    findings = found(application=application(**changes))
    assert wanted in {check for check, _ in findings}, findings


@pytest.mark.parametrize("wave", ["", "3", "-1", "early"])
def test_a_wave_that_is_not_the_layers_is_found(found: Any, wave: str) -> None:
    wrong = application()
    wrong["metadata"]["annotations"] = {"argocd.argoproj.io/sync-wave": wave}
    ((name, text),) = found(application=wrong)
    assert name == "waves"
    assert "project storage has 1, 2, 5" in text


FAULTY_VALUES = {
    "no reason": ("reasons", VALUES.replace("# Estimates.\n", "\n")),
    "no place": ("placement", VALUES.replace("storage", "nowhere")),
    "no limits": ("limits", VALUES.replace("limits", "limit")),
    "a password": ("secrets", VALUES + "# x\nadminPassword: changeit\n"),
    "a hash of a password": ("secrets", VALUES + "# x\nusers: {a: $2y$10$abc}\n"),
    "a private key": ("secrets", VALUES + "# x\nx: '-----BEGIN EC PRIVATE KEY-----'\n"),
    "latest": ("images", VALUES + "# x\nimage: {tag: latest}\n"),
    "an image without tag": ("images", VALUES + "# x\nimage: ghcr.io/x/y\n"),
}


@pytest.mark.parametrize("name", FAULTY_VALUES)
def test_faulty_values_are_found(found: Any, name: str) -> None:
    wanted, text = FAULTY_VALUES[name]
    findings = found(values=text)
    assert [check for check, _ in findings] == [wanted], findings


def test_names_of_secrets_are_no_secrets(found: Any) -> None:
    text = (
        VALUES
        + "# x\nadmin: {existingSecret: a, passwordKey: b, userKey: c}\n"
        + "secretName: d\ngithubConfigSecret: e\n"
    )
    assert found(values=text) == []


def test_a_chart_of_unknown_workloads_is_found(found: Any) -> None:
    ((name, text),) = found(unknown_chart="# why\na: 1\n")
    assert name == "charts"
    assert "apps/new/values.yaml" in text


def test_a_rule_without_test_is_found(found: Any) -> None:
    ((name, text),) = found(tests='expr: ALERTS{alertname="NodeDownToo"}\n')
    assert name == "rules"
    assert "NodeDown" in text


def test_a_stale_pin_is_found(found: Any) -> None:
    text = VALUES + "# x\ntag: 0.0.1  # pin: charts.cnpg.version\n"
    assert [check for check, _ in found(values=text)] == ["pins"]


@pytest.mark.parametrize("text", ["a: [", "- 1\n", "kind: X\n"])
def test_what_is_no_manifest_is_an_error_that_names_the_file(
    found: Any, text: str
) -> None:
    with pytest.raises(TreeError, match=r"gitops/apps/minio/manifests/minio\.yaml"):
        found(manifest=text)


def test_strict_schema_refuses_unknown_fields_where_the_server_prunes() -> None:
    schema = strict(
        {
            "type": "object",
            "properties": {
                "port": {"x-kubernetes-int-or-string": True},
                "free": {
                    "type": "object",
                    "properties": {"a": {"type": "string"}},
                    "x-kubernetes-preserve-unknown-fields": True,
                },
                "labels": {
                    "type": "object",
                    "additionalProperties": {"type": "string"},
                },
                "maybe": {"type": "string", "nullable": True},
                "list": {"type": "array", "items": {"properties": {"x": {}}}},
            },
        }
    )
    assert schema["additionalProperties"] is False
    assert "additionalProperties" not in schema["properties"]["free"]
    assert schema["properties"]["labels"]["additionalProperties"] == {"type": "string"}
    assert schema["properties"]["port"] == {
        "anyOf": [{"type": "integer"}, {"type": "string"}]
    }
    assert schema["properties"]["maybe"]["type"] == ["string", "null"]
    assert schema["properties"]["list"]["items"]["additionalProperties"] is False


def test_every_role_of_the_inventory_is_known() -> None:
    assert check.roles(ROOT) >= {"control", "registry", "gitops", "storage"}


def test_scraped_address_of_etcd_is_the_servers() -> None:
    hosts = yaml.safe_load((ROOT / "inventory/forge/hosts.yml").read_text())
    servers = hosts["all"]["children"]["k3s_cluster"]["children"]["k3s_server"]["hosts"]
    values = yaml.safe_load(
        (ROOT / "gitops/apps/kube-prometheus-stack/values.yaml").read_text()
    )
    assert values["kubeEtcd"]["endpoints"] == [
        host["forge_addresses"]["cluster"] for host in servers.values()
    ]


def test_both_rooms_have_the_same_projects() -> None:
    def read(name: str) -> dict[str, dict[str, Any]]:
        text = (ROOT / "gitops/bootstrap" / name).read_text()
        return {
            project["metadata"]["name"]: {
                key: value
                for key, value in project["spec"].items()
                if key != "sourceRepos"
            }
            for project in yaml.safe_load_all(text)
        }

    assert read("projects.yaml") == read("projects-testbed.yaml")


def test_definitions_lose_their_texts_and_no_field() -> None:
    schema = {
        "description": "what it is",
        "properties": {"description": {"type": "string", "description": "a field"}},
        "required": ["description"],
    }
    assert bare({"versions": [{"schema": schema}]}) == {
        "versions": [
            {
                "schema": {
                    "properties": {"description": {"type": "string"}},
                    "required": ["description"],
                }
            }
        ]
    }
