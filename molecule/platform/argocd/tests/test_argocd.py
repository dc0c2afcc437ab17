"""Argo CD makes true what a commit says, and undoes what nobody committed."""

import json
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from testinfra.host import Host

type Hosts = Mapping[str, Host]
type Converge = Callable[..., subprocess.CompletedProcess[str]]
type Document = dict[str, Any]

ROOT = Path(__file__).parents[4]
OVERLAY = Path("gitops/overlays/testbed")
SERVER = "http://git.git.svc.cluster.local/forge.git"
# Git is asked every 20 s and five seconds at most of jitter; the machine may be busy.
SECONDS = 240


def kubectl(hosts: Hosts, *words: str, check: bool = True) -> str:
    """Run kubectl on the node, as root there does."""
    command = " ".join(["kubectl", *words])
    done = hosts["one"].run(command)
    assert done.rc == 0 or not check, f"{command}: {done.stderr}"
    return str(done.stdout if check else done.stdout + done.stderr)


def get(hosts: Hosts, *words: str) -> Document:
    found: Document = json.loads(kubectl(hosts, "get", *words, "--output=json"))
    return found


def wait(what: str, is_so: Callable[[], bool]) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + SECONDS
    while not is_so():
        assert time.monotonic() < deadline, f"not after {SECONDS} s: {what}"
        time.sleep(2)


def configuration(hosts: Hosts) -> str:
    found: str = get(hosts, "-n registry configmap registry")["data"]["config.yml"]
    return found


def replicas(hosts: Hosts) -> int:
    found: int = get(hosts, "-n registry deployment registry")["spec"]["replicas"]
    return found


def revision(hosts: Hosts, application: str) -> str:
    status = get(hosts, "-n argocd application", application).get("status", {})
    return str(status.get("sync", {}).get("revision"))


def test_the_root_made_every_application_of_the_commit(hosts: Hosts) -> None:
    wanted = {"argocd", "git", "registry", "root-testbed"}
    names = ["-n", "argocd", "applications", "--output=name"]
    wait(
        "four Applications",
        lambda: (
            {line.split("/")[1] for line in kubectl(hosts, "get", *names).split()}
            == wanted
        ),
    )
    wait("the registry of wave 2", lambda: "registry" in kubectl(hosts, "get ns"))


def test_argo_cd_owns_what_ansible_installed(hosts: Hosts) -> None:
    wait(
        "Argo CD manages itself",
        lambda: (
            get(hosts, "-n argocd application argocd")["status"]["sync"]["status"]
            == "Synced"
        ),
    )
    item = get(hosts, "-n argocd deployment argocd-repo-server --show-managed-fields")
    appliers = {
        row["manager"]
        for row in item["metadata"]["managedFields"]
        if row["operation"] == "Apply"
    }
    assert appliers == {"argocd-controller"}
    # The mark with which Argo CD finds its own again.
    assert item["metadata"]["annotations"]["argocd.argoproj.io/tracking-id"]


def test_nothing_in_the_cluster_can_push(hosts: Hosts) -> None:
    inside = "-n argocd exec deploy/argocd-repo-server -- git"
    kubectl(hosts, inside, "clone --quiet", SERVER, "/tmp/copy")  # noqa: S108 - the Pod's
    said = kubectl(hosts, inside, "-C /tmp/copy push", SERVER, "HEAD:main", check=False)
    assert "403" in said
    kubectl(hosts, inside, "-C /tmp/copy ls-remote --exit-code", SERVER, "main")


def test_a_manual_change_is_reverted(hosts: Hosts) -> None:
    wait("the registry is there", lambda: replicas(hosts) == 1)
    kubectl(hosts, "-n registry scale deployment registry --replicas=0")
    kubectl(hosts, "-n registry delete service registry --wait=true")
    wait("one replica again", lambda: replicas(hosts) == 1)
    wait(
        "the Service is there again",
        lambda: "registry" in kubectl(hosts, "-n registry get services"),
    )


def test_a_commit_changes_the_cluster(
    hosts: Hosts, converge: Converge, tmp_path: Path
) -> None:
    assert "age: 24h" in configuration(hosts)
    before = revision(hosts, "registry")
    shutil.copytree(ROOT / OVERLAY, tmp_path / OVERLAY)
    manifest = tmp_path / OVERLAY / "registry/registry.yaml"
    text = manifest.read_text()
    assert text.count("age: 24h") == 1
    manifest.write_text(text.replace("age: 24h", "age: 36h"))

    done = converge(argocd_tree=str(tmp_path))

    assert done.returncode == 0, done.stdout
    wait("the committed value", lambda: "age: 36h" in configuration(hosts))
    assert revision(hosts, "registry") != before
