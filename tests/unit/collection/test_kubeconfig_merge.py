"""The merge of forge.platform.kubeconfig, pure."""

from importlib import import_module
from typing import Any

import pytest

kubeconfig = import_module(
    "ansible_collections.forge.platform.plugins.module_utils.kubeconfig"
)

SERVER = "https://192.0.2.11:6443"
type Document = dict[str, Any]


def fetched(key: str = "KEY") -> Document:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "default",
        "clusters": [
            {
                "name": "default",
                "cluster": {"server": "https://127.0.0.1:6443", "ca": "CA"},
            }
        ],
        "contexts": [
            {"name": "default", "context": {"cluster": "default", "user": "default"}}
        ],
        "users": [{"name": "default", "user": {"client-key-data": key}}],
    }


def others() -> Document:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "preferences": {"colors": True},
        "current-context": "work",
        "clusters": [{"name": "work", "cluster": {"server": "https://work:6443"}}],
        "contexts": [{"name": "work", "context": {"cluster": "work", "user": "me"}}],
        "users": [{"name": "me", "user": {"token": "T"}}],
    }


def entry(document: Document, section: str, name: str) -> Document:
    [found] = [each for each in document[section] if each["name"] == name]
    return dict(found)


def test_first_entry_gets_the_name_the_address_and_the_current_context() -> None:
    merged = kubeconfig.merge({}, fetched(), "forge", SERVER)

    assert merged["current-context"] == "forge"
    assert entry(merged, "clusters", "forge")["cluster"]["server"] == SERVER
    assert entry(merged, "clusters", "forge")["cluster"]["ca"] == "CA"
    assert entry(merged, "users", "forge")["user"]["client-key-data"] == "KEY"
    context = entry(merged, "contexts", "forge")["context"]
    assert (context["cluster"], context["user"]) == ("forge", "forge")


def test_entries_of_others_stay_as_they_are() -> None:
    merged = kubeconfig.merge(others(), fetched(), "forge", SERVER)

    assert merged["current-context"] == "work"
    assert merged["preferences"] == {"colors": True}
    for section in ("clusters", "contexts", "users"):
        assert merged[section][0] == others()[section][0]
        assert len(merged[section]) == 2


def test_second_merge_changes_nothing() -> None:
    once = kubeconfig.merge(others(), fetched(), "forge", SERVER)

    assert kubeconfig.merge(once, fetched(), "forge", SERVER) == once


def test_own_entry_is_brought_up_to_date_in_its_place() -> None:
    once = kubeconfig.merge(others(), fetched("OLD"), "forge", SERVER)
    twice = kubeconfig.merge(once, fetched("NEW"), "forge", "https://192.0.2.12:6443")

    assert [each["name"] for each in twice["clusters"]] == ["work", "forge"]
    assert entry(twice, "users", "forge")["user"]["client-key-data"] == "NEW"
    assert "192.0.2.12" in entry(twice, "clusters", "forge")["cluster"]["server"]


@pytest.mark.parametrize(
    ("section", "name"), [("clusters", "work"), ("contexts", "work"), ("users", "me")]
)
def test_name_that_someone_else_has_is_refused(section: str, name: str) -> None:
    with pytest.raises(kubeconfig.KubeconfigError, match="was not written here"):
        kubeconfig.merge(
            {**others(), **{s: [] for s in ("clusters", "contexts", "users")},
             section: others()[section]},
            fetched(), name, SERVER,
        )  # fmt: skip


@pytest.mark.parametrize(
    "broken",
    [
        [],
        {"clusters": "x"},
        {"clusters": [{"name": "x"}]},
        {"users": [{"user": {}}]},
        {"contexts": ["x"]},
    ],
)
def test_malformed_file_is_refused_not_replaced(broken: Document) -> None:
    with pytest.raises(kubeconfig.KubeconfigError, match="move it away or repair it"):
        kubeconfig.merge(broken, fetched(), "forge", SERVER)


def test_fetched_without_a_current_context_is_refused() -> None:
    with pytest.raises(kubeconfig.KubeconfigError, match="no entry"):
        kubeconfig.merge({}, {**fetched(), "current-context": "gone"}, "forge", SERVER)


def test_summary_holds_no_credential() -> None:
    merged = kubeconfig.merge(others(), fetched(), "forge", SERVER)
    text = str(kubeconfig.summary(merged))

    assert "KEY" not in text
    assert "'T'" not in text
    assert SERVER in text
