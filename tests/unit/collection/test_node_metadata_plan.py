"""The plan of forge.platform.node_metadata, pure."""

import json
from collections.abc import Mapping
from importlib import import_module
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

rules = import_module(
    "ansible_collections.forge.platform.plugins.module_utils.node_metadata"
)

PREFIXES = ["forge.dev/"]
OTHERS_TAINT = {"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}

type Document = dict[str, Any]


def node(
    labels: Mapping[str, str] | None = None,
    taints: list[Document] | None = None,
    annotation: str | None = None,
) -> Document:
    return {
        "metadata": {
            "resourceVersion": "7",
            "labels": dict(labels or {}),
            "annotations": {rules.ANNOTATION: annotation} if annotation else {},
        },
        "spec": {"taints": taints} if taints else {},
    }


def applied(document: Document, body: Document) -> Document:
    """Apply a JSON merge patch as RFC 7386 says."""
    result = dict(document)
    for key, value in body.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict):
            result[key] = applied(result.get(key) or {}, value)
        else:
            result[key] = value
    return result


def converge(
    document: Document,
    labels: Mapping[str, str],
    taints: list[Document],
    prefixes: list[str] = PREFIXES,
) -> Document:
    now = rules.read(document)
    then = rules.plan(now, labels, taints, prefixes)
    return applied(document, rules.patch(now, then, "7"))


def labels_of(document: Document) -> dict[str, str]:
    return dict(document["metadata"].get("labels") or {})


def taints_of(document: Document) -> list[Document]:
    return list(document.get("spec", {}).get("taints") or [])


def test_declared_labels_and_taints_are_set_beside_those_of_others() -> None:
    before = node({"kubernetes.io/os": "linux"}, [OTHERS_TAINT])
    taint = {"key": "forge.dev/dedicated", "value": "x", "effect": "NoSchedule"}

    after = converge(before, {"node-role.kubernetes.io/storage": ""}, [taint])

    assert labels_of(after) == {
        "kubernetes.io/os": "linux",
        "node-role.kubernetes.io/storage": "",
    }
    assert taints_of(after) == [OTHERS_TAINT, taint]


def test_what_was_declared_and_is_no_longer_is_removed() -> None:
    taint = {"key": "example.org/t", "value": "x", "effect": "NoExecute"}
    before = converge(
        node({"own": "1"}, [OTHERS_TAINT]), {"example.org/l": "1"}, [taint]
    )

    after = converge(before, {}, [])

    assert labels_of(after) == {"own": "1"}
    assert taints_of(after) == [OTHERS_TAINT]
    assert rules.ANNOTATION not in after["metadata"]["annotations"]


def test_managed_prefix_is_cleared_of_what_was_never_recorded() -> None:
    stray = {"key": "forge.dev/dedicated", "value": "x", "effect": "NoSchedule"}
    before = node({"forge.dev/role": "old", "forge.developer/x": "1"}, [stray])

    after = converge(before, {}, [])

    assert labels_of(after) == {"forge.developer/x": "1"}
    assert taints_of(after) == []


def test_changed_value_of_a_taint_keeps_its_place_and_the_others() -> None:
    old = {"key": "forge.dev/dedicated", "value": "a", "effect": "NoSchedule"}
    before = node(taints=[old, OTHERS_TAINT])

    after = converge(before, {}, [{**old, "value": "b"}])

    assert taints_of(after) == [{**old, "value": "b"}, OTHERS_TAINT]


def test_time_added_by_the_api_does_not_make_a_taint_differ() -> None:
    taint = {"key": "a/b", "value": "x", "effect": "NoExecute"}
    stored = {**taint, "timeAdded": "2026-11-23T06:00:00Z"}
    memory = rules.Managed(taints=frozenset({("a/b", "NoExecute")})).text()
    before = node(taints=[stored], annotation=memory)
    now = rules.read(before)

    assert rules.patch(now, rules.plan(now, {}, [taint], PREFIXES), "7") == {}


def test_same_key_with_two_effects_is_two_taints() -> None:
    pair = [
        {"key": "a/b", "value": "x", "effect": "NoSchedule"},
        {"key": "a/b", "value": "x", "effect": "NoExecute"},
    ]
    both = converge(node(), {}, pair)

    assert taints_of(both) == pair
    assert taints_of(converge(both, {}, pair[1:])) == pair[1:]


def test_patch_carries_the_version_that_was_read() -> None:
    now = rules.read(node())
    body = rules.patch(now, rules.plan(now, {"a": "b"}, [], PREFIXES), "41")

    assert body["metadata"]["resourceVersion"] == "41"
    assert "spec" not in body


def test_annotation_changed_by_hand_is_refused_with_a_remedy() -> None:
    for text in ("{", '{"labels": 1}', '{"labels": [], "taints": [["one"]]}', "[]"):
        with pytest.raises(rules.MetadataError, match="kubectl annotate node"):
            rules.read(node(annotation=text))


@pytest.mark.parametrize(
    ("labels", "taints", "prefixes", "finding"),
    [
        ({"a b": "x"}, [], PREFIXES, "labels: a b is no valid key"),
        ({"A.b/c": "x"}, [], PREFIXES, "labels: A.b/c is no valid key"),
        ({"a/b": "x y"}, [], PREFIXES, "labels: a/b has the value 'x y'"),
        ({"a/b": True}, [], PREFIXES, "labels: a/b has the value True"),
        ({"a/b": "x" * 64}, [], PREFIXES, "labels: a/b has the value"),
        ({"kubernetes.io/hostname": "x"}, [], PREFIXES, "is the kubelet's own"),
        ({}, [{"key": "a/b", "effect": "Never"}], PREFIXES, "the effect 'Never'"),
        ({}, [{"key": "-", "effect": "NoExecute"}], PREFIXES, "taints: - is no valid"),
        ({}, [OTHERS_TAINT], PREFIXES, "is set by Kubernetes from the node's state"),
        ({}, [{"key": "a", "effect": "NoExecute"}] * 2, PREFIXES, "declared twice"),
        ({}, [], ["forge.dev"], "managed_prefixes: 'forge.dev'"),
        ({}, [], [""], "managed_prefixes: ''"),
        ({}, [], ["node.kubernetes.io/"], "managed_prefixes: 'node.kubernetes.io/'"),
        ({}, [], ["kubernetes.io/"], "managed_prefixes: 'kubernetes.io/'"),
    ],
)
def test_what_cannot_be_declared_is_named(
    labels: dict[str, Any], taints: list[Document], prefixes: list[str], finding: str
) -> None:
    with pytest.raises(rules.MetadataError) as error:
        rules.check(labels, taints, prefixes)

    assert finding in str(error.value)


def test_every_finding_is_reported_at_once() -> None:
    with pytest.raises(rules.MetadataError) as error:
        rules.check({"a b": "x", "c d": "x"}, [OTHERS_TAINT], PREFIXES)

    assert str(error.value).count("; ") >= 2


KEYS = st.sampled_from(
    ["forge.dev/role", "forge.dev/x", "example.org/rack", "kubernetes.io/os", "plain"]
)
LABELS = st.dictionaries(KEYS, st.sampled_from(["", "a", "b"]), max_size=4)
TAINTS = st.lists(
    st.fixed_dictionaries(
        {"key": KEYS, "effect": st.sampled_from(rules.EFFECTS)},
        optional={"value": st.sampled_from(["a", "b"])},
    ),
    max_size=4,
    unique_by=lambda taint: (taint["key"], taint["effect"]),
)
NODES = st.builds(node, LABELS, TAINTS)


@given(NODES, LABELS, TAINTS)
def test_second_plan_changes_nothing(
    before: Document, labels: dict[str, str], taints: list[Document]
) -> None:
    once = converge(before, labels, taints)
    now = rules.read(once)

    assert rules.patch(now, rules.plan(now, labels, taints, PREFIXES), "8") == {}


@given(NODES, LABELS, TAINTS)
def test_everything_declared_is_there(
    before: Document, labels: dict[str, str], taints: list[Document]
) -> None:
    after = converge(before, labels, taints)

    assert labels_of(after).items() >= labels.items()
    assert all(taint in taints_of(after) for taint in taints)


@given(NODES, LABELS, TAINTS, LABELS, TAINTS)
def test_what_others_set_is_never_touched(
    before: Document,
    labels: dict[str, str],
    taints: list[Document],
    later_labels: dict[str, str],
    later_taints: list[Document],
) -> None:
    declared = labels.keys() | later_labels.keys()
    places = {rules.identity(each) for each in [*taints, *later_taints]}
    after = converge(converge(before, labels, taints), later_labels, later_taints)

    foreign = {
        key: value
        for key, value in labels_of(before).items()
        if key not in declared and not key.startswith("forge.dev/")
    }
    assert labels_of(after).items() >= foreign.items()
    for taint in taints_of(before):
        if rules.identity(taint) not in places:
            kept = not taint["key"].startswith("forge.dev/")
            assert (taint in taints_of(after)) is kept


@given(NODES, LABELS, TAINTS, LABELS, TAINTS)
def test_withdrawn_declarations_leave_nothing_behind(
    before: Document,
    labels: dict[str, str],
    taints: list[Document],
    later_labels: dict[str, str],
    later_taints: list[Document],
) -> None:
    after = converge(converge(before, labels, taints), later_labels, later_taints)

    assert not labels_of(after).keys() & (labels.keys() - later_labels.keys())
    now = {rules.identity(each) for each in taints_of(after)}
    gone = {rules.identity(each) for each in taints} - {
        rules.identity(each) for each in later_taints
    }
    assert not now & gone


@given(LABELS, TAINTS)
def test_memory_survives_its_own_text(
    labels: dict[str, str], taints: list[Document]
) -> None:
    memory = rules.plan(rules.State(), labels, taints, PREFIXES).managed

    assert rules.read(node(annotation=memory.text())).managed == memory
    assert json.loads(memory.text()).keys() == {"labels", "taints"}
