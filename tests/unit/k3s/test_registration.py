import pytest

from forge.k3s import registration_labels, registration_taints


@pytest.mark.parametrize(
    "key",
    [
        "forge.dev/role",
        "plain",
        "svccontroller.k3s.cattle.io/enablelb",
        "node.kubernetes.io/instance-type",
        "kubelet.kubernetes.io/anything",
        "topology.kubernetes.io/zone",
        "notkubernetes.io/free",
    ],
)
def test_labels_that_a_kubelet_may_set_are_kept(key: str) -> None:
    assert registration_labels({key: "x"}) == [f"{key}=x"]


@pytest.mark.parametrize(
    "key",
    [
        "node-role.kubernetes.io/storage",
        "node-restriction.kubernetes.io/fips",
        "kubernetes.io/arch",
        "scheduling.k8s.io/group",
    ],
)
def test_labels_that_a_kubelet_may_not_set_are_left_to_the_api(key: str) -> None:
    assert registration_labels({key: "x"}) == []


def test_labels_have_a_stable_order() -> None:
    assert registration_labels({"b/x": "1", "a/x": "2"}) == ["a/x=2", "b/x=1"]


def test_taints_are_written_with_and_without_a_value() -> None:
    taints = [
        {"key": "forge.dev/dedicated", "value": "telemetry", "effect": "NoSchedule"},
        {"key": "dedicated", "effect": "NoExecute"},
        {"key": "empty", "value": "", "effect": "NoSchedule"},
    ]

    assert registration_taints(taints) == [
        "dedicated:NoExecute",
        "empty:NoSchedule",
        "forge.dev/dedicated=telemetry:NoSchedule",
    ]
