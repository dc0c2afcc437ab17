import json
from typing import Any

import pytest

from forge.cluster_checks import (
    encryption_problems,
    metadata_problems,
    network_problems,
    node_problems,
    placement_problems,
    platform_problems,
)

VERSION = "v1.36.4+k3s1"
TAINT = {"key": "forge.dev/dedicated", "value": "observability", "effect": "NoSchedule"}
TOPOLOGY: dict[str, Any] = {
    "hosts": {
        "one": {
            "is_server": True,
            "is_agent": False,
            "labels": {"forge.dev/role": "control"},
            "taints": [],
        },
        "two": {
            "is_server": False,
            "is_agent": True,
            "labels": {"forge.dev/role": "observability"},
            "taints": [TAINT],
        },
        "m4-pro": {"is_server": False, "is_agent": False, "labels": {}, "taints": []},
    }
}


def node(name: str, **changed: Any) -> dict[str, Any]:
    host = TOPOLOGY["hosts"][name]
    return {
        "metadata": {
            "name": name,
            "labels": {"kubernetes.io/arch": "amd64", **host["labels"]}
            | changed.get("labels", {}),
        },
        "spec": {"taints": changed.get("taints", host["taints"])},
        "status": {
            "conditions": [{"type": "Ready", "status": changed.get("ready", "True")}],
            "nodeInfo": {"kubeletVersion": changed.get("version", VERSION)},
        },
    }


def pod(where: str | None, kind: str = "plain", ready: str = "True") -> dict[str, Any]:
    return {
        "metadata": {"labels": {"forge.dev/probe": kind}},
        "spec": {"nodeName": where} if where else {},
        "status": {"conditions": [{"type": "Ready", "status": ready}] if where else []},
    }


TOLERANT = [pod("one", "tolerant"), pod("two", "tolerant")]


def test_declared_nodes_ready_at_the_version_have_no_problem() -> None:
    assert node_problems([node("one"), node("two")], TOPOLOGY, VERSION) == []


@pytest.mark.parametrize(
    ("nodes", "problem"),
    [
        ([node("one")], "two: not a node"),
        ([node("one"), node("two"), node("m4-pro")], "m4-pro: not declared"),
        ([node("one"), node("two", ready="Unknown")], "two: not Ready"),
        (
            [node("one"), node("two", version="v1.35.0+k3s1")],
            "two: runs v1.35.0+k3s1, pinned is v1.36.4+k3s1",
        ),
    ],
)
def test_a_wrong_node_is_named(nodes: list[dict[str, Any]], problem: str) -> None:
    assert node_problems(nodes, TOPOLOGY, VERSION) == [problem]


def test_declared_labels_and_taints_have_no_problem() -> None:
    unwell = {"key": "node.kubernetes.io/unreachable", "effect": "NoExecute"}
    nodes = [node("one", taints=[unwell]), node("two")]
    assert metadata_problems(nodes, TOPOLOGY) == []


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        (
            {"labels": {"forge.dev/role": "x"}},
            "two: label forge.dev/role is 'x', declared 'observability'",
        ),
        (
            {"labels": {"forge.dev/old": "1"}},
            "two: label forge.dev/old is not declared",
        ),
        (
            {"taints": []},
            "two: taint forge.dev/dedicated=observability:NoSchedule is missing",
        ),
        (
            {"taints": [TAINT, {"key": "k", "effect": "NoExecute"}]},
            "two: taint k:NoExecute is not declared",
        ),
    ],
)
def test_wrong_metadata_is_named(changed: dict[str, Any], problem: str) -> None:
    assert metadata_problems([node("two", **changed)], TOPOLOGY) == [problem]


def test_a_plain_probe_keeps_off_the_tainted_node() -> None:
    assert placement_problems([pod("one"), *TOLERANT], TOPOLOGY) == []


@pytest.mark.parametrize(
    ("pods", "problem"),
    [
        ([pod("one"), pod("two"), *TOLERANT], "two: a plain probe is there"),
        ([pod("one"), TOLERANT[0]], "two: no tolerant probe runs"),
        ([pod("one", ready="False"), *TOLERANT], "one: no plain probe runs"),
        ([pod("one"), pod("one"), *TOLERANT], "one: two plain probes run"),
        ([pod("one"), pod(None), *TOLERANT], "no node: a plain probe is there"),
        (TOLERANT, "one: no plain probe runs"),
    ],
)
def test_wrong_placement_is_named(pods: list[dict[str, Any]], problem: str) -> None:
    assert placement_problems(pods, TOPOLOGY) == [problem]


RIGHT = "dns 10.43.0.5\npod one\npod two\nservice two\nservice one\n"


def test_a_network_where_all_answer_has_no_problem() -> None:
    answers = {"one": RIGHT, "two": RIGHT}
    assert network_problems(answers, {}, ["one", "two"], "10.43.0.5") == []


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (RIGHT.replace("dns 10.43.0.5", "dns "), "DNS did not answer 10.43.0.5"),
        (RIGHT.replace("pod two", "pod "), "no answer from the Pod on two"),
        (RIGHT.replace("service two", "service one"), "reached no other node"),
    ],
)
def test_what_did_not_answer_is_named(answer: str, problem: str) -> None:
    answers = {"one": answer, "two": RIGHT}
    found = network_problems(answers, {}, ["one", "two"], "10.43.0.5")
    assert len(found) == 1
    assert found[0].startswith("one: ")
    assert found[0].endswith(problem)


def test_a_single_node_may_answer_itself() -> None:
    answers = {"one": "dns 10.43.0.5\npod one\nservice one\n"}
    assert network_problems(answers, {}, ["one"], "10.43.0.5") == []


def test_a_pod_that_was_not_asked_is_one_problem() -> None:
    found = network_problems(
        {"one": RIGHT}, {"two": "no end in 30 s"}, ["one", "two"], "10.43.0.5"
    )
    assert found == ["two: its Pod was not asked: no end in 30 s"]


def test_encryption_is_seen_in_the_raw_record() -> None:
    assert encryption_problems('"Value" : "k8s:enc:secretbox:v1:k:\\x01"', "pw") == []
    plain = encryption_problems('"Value" : "k8s\\x00\\n\\x0cpw"', "pw")
    assert plain == [
        "the raw record does not begin with k8s:enc:",
        "the raw record holds the plain value",
    ]


REGISTRY = "HTTP/1.0 200 OK\r\nDocker-Distribution-Api-Version: registry/2.0\r\n\r\n{}"


def metrics(*up: tuple[str, str, str]) -> str:
    rows = [
        {"metric": {"job": job, "node": node}, "value": [1, value]}
        for job, node, value in up
    ]
    return "HTTP/1.0 200 OK\r\n\r\n" + json.dumps({"data": {"result": rows}})


SEEN = (("node", "one", "1"), ("node", "two", "1"), ("registry", "two", "1"))


@pytest.mark.parametrize(
    ("registry", "prometheus", "says"),
    [
        (REGISTRY, metrics(*SEEN), []),
        ("", metrics(*SEEN), ["registry: its API does not answer: no answer"]),
        (
            "HTTP/1.0 503 Service Unavailable\r\n\r\n",
            metrics(*SEEN),
            ["registry: its API does not answer: http/1.0 503 service unavailable"],
        ),
        (REGISTRY, "", ["prometheus: does not answer a query: no answer"]),
        (
            REGISTRY,
            "HTTP/1.0 400 Bad Request\r\n\r\nmissing header",
            ["prometheus: does not answer a query: HTTP/1.0 400 Bad Request"],
        ),
        (
            REGISTRY,
            metrics(("node", "one", "1"), ("node", "two", "0"), SEEN[2]),
            ["prometheus: cannot read node-exporter on two"],
        ),
        (
            REGISTRY,
            metrics(*SEEN[:2]),
            ["prometheus: cannot read the registry's metrics"],
        ),
    ],
)
def test_the_platform_answers(registry: str, prometheus: str, says: list[str]) -> None:
    answers = {"registry": registry, "prometheus": prometheus}
    components = ["registry", "prometheus"]
    assert platform_problems(answers, components, ["one", "two"]) == says


def test_a_component_that_does_not_run_is_not_asked() -> None:
    assert platform_problems({"registry": REGISTRY}, ["registry"], ["one"]) == []
