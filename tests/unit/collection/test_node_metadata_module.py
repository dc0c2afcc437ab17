"""The module forge.platform.node_metadata against an API in memory."""

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

module = import_module(
    "ansible_collections.forge.platform.plugins.modules.node_metadata"
)
rules = module.rules

type Document = dict[str, Any]
TAINT = {"key": "forge.dev/dedicated", "value": "x", "effect": "NoSchedule"}


class Memory:
    """Nodes by name; the first ``conflicts`` patches meet a node changed meanwhile."""

    def __init__(self, conflicts: int = 0) -> None:
        metadata = {"name": "n", "resourceVersion": "1", "labels": {"own": "1"}}
        self.nodes: dict[str, Document] = {"n": {"metadata": metadata, "spec": {}}}
        self.conflicts = conflicts
        self.patches: list[Document] = []

    def read(self, name: str) -> Document | None:
        return self.nodes.get(name)

    def patch(self, name: str, body: Document) -> Document | None:
        self.patches.append(body)
        metadata = self.nodes[name]["metadata"]
        if self.conflicts:
            self.conflicts -= 1
            metadata["resourceVersion"] = str(int(metadata["resourceVersion"]) + 1)
            metadata["labels"][f"other-{self.conflicts}"] = "1"
            return None
        assert body["metadata"]["resourceVersion"] == metadata["resourceVersion"]
        labels = {**metadata["labels"], **body["metadata"].get("labels", {})}
        metadata["labels"] = {k: v for k, v in labels.items() if v is not None}
        metadata["annotations"] = body["metadata"].get("annotations", {})
        self.nodes[name]["spec"] = body.get("spec", {})
        return self.nodes[name]


@pytest.fixture
def params(tmp_path: Path) -> Document:
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.touch()
    return {
        "name": "n",
        "labels": {"forge.dev/role": "registry"},
        "taints": [TAINT],
        "managed_prefixes": ["forge.dev/"],
        "kubeconfig": str(kubeconfig),
        "context": None,
        "timeout": 1,
    }


def use(monkeypatch: pytest.MonkeyPatch, memory: Memory) -> Memory:
    monkeypatch.setattr(module, "Nodes", lambda *_: memory)
    return memory


def test_second_run_changes_nothing(
    monkeypatch: pytest.MonkeyPatch, params: Document
) -> None:
    memory = use(monkeypatch, Memory())

    first = module.reconcile(params, check=False)
    second = module.reconcile(params, check=False)

    assert (first["changed"], second["changed"]) == (True, False)
    assert first["after"] == second["before"] == second["after"]
    assert first["diff"]["before"] == {"labels": {"own": "1"}, "taints": []}
    assert len(memory.patches) == 1


def test_check_mode_says_the_same_and_patches_nothing(
    monkeypatch: pytest.MonkeyPatch, params: Document
) -> None:
    memory = use(monkeypatch, Memory())

    checked = module.reconcile(params, check=True)

    assert memory.patches == []
    assert checked["changed"]
    assert checked["after"] == module.reconcile(params, check=False)["after"]


def test_node_changed_meanwhile_is_read_and_planned_again(
    monkeypatch: pytest.MonkeyPatch, params: Document
) -> None:
    memory = use(monkeypatch, Memory(conflicts=2))

    result = module.reconcile(params, check=False)

    assert result["attempts"] == 3
    assert memory.nodes["n"]["metadata"]["labels"] == {
        "own": "1",
        "other-0": "1",
        "other-1": "1",
        "forge.dev/role": "registry",
    }


def test_endless_conflict_ends_with_the_node_and_a_remedy(
    monkeypatch: pytest.MonkeyPatch, params: Document
) -> None:
    use(monkeypatch, Memory(conflicts=99))

    with pytest.raises(module.ClusterError, match=r"node n .*show-managed-fields"):
        module.reconcile(params, check=False)


def test_missing_node_fails_but_may_be_checked(
    monkeypatch: pytest.MonkeyPatch, params: Document
) -> None:
    use(monkeypatch, Memory())
    params["name"] = "absent"

    with pytest.raises(module.ClusterError, match="absent is not registered"):
        module.reconcile(params, check=False)
    checked = module.reconcile(params, check=True)
    assert checked["changed"]
    assert "absent" in checked["warnings"][0]


def test_cluster_that_is_not_there_yet_may_be_checked(params: Document) -> None:
    params["kubeconfig"] = "/nonexistent/kubeconfig"

    checked = module.reconcile(params, check=True)

    assert checked["after"]["labels"] == params["labels"]
    with pytest.raises(module.ClusterError, match="/nonexistent/kubeconfig"):
        module.reconcile(params, check=False)


def test_invalid_declaration_asks_no_cluster(params: Document) -> None:
    params["labels"] = {"kubernetes.io/hostname": "x"}
    params["kubeconfig"] = "/nonexistent/kubeconfig"

    with pytest.raises(rules.MetadataError, match="kubelet's own"):
        module.reconcile(params, check=False)
