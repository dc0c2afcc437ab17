"""What the API shows of an overlay, judged against its manifests."""

from typing import Any

import pytest

from forge.overlay import state


def item(kind: str = "Deployment", name: str = "server", **more: Any) -> dict[str, Any]:
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": name, "namespace": "n", "generation": 2},
        "spec": {"replicas": 1},
        **more,
    }


READY = {
    "observedGeneration": 2, "replicas": 1, "readyReplicas": 1, "updatedReplicas": 1,
}  # fmt: skip
DAEMON = {
    "observedGeneration": 2, "desiredNumberScheduled": 2, "numberReady": 2,
    "updatedNumberScheduled": 2,
}  # fmt: skip


def pod(status: dict[str, Any]) -> dict[str, Any]:
    return {"metadata": {"name": "server-x", "namespace": "n"}, "status": status}


def waiting(reason: str, message: str = "") -> dict[str, Any]:
    state_ = {"waiting": {"reason": reason, "message": message}}
    return pod({"containerStatuses": [{"image": "i:1", "name": "c", "state": state_}]})


@pytest.mark.parametrize(
    ("change", "waits"),
    [
        ({}, []),
        ({"readyReplicas": 0}, ["n/server"]),
        ({"updatedReplicas": 0}, ["n/server"]),
        ({"replicas": 2}, ["n/server"]),
        ({"observedGeneration": 1}, ["n/server"]),
    ],
)
def test_ready_is_what_the_newest_generation_says(
    change: dict[str, int], waits: list[str]
) -> None:
    live = item(status={**READY, **change})
    assert state.unready([live], [item()], "Deployment") == waits


def test_a_workload_that_is_not_there_is_not_ready() -> None:
    assert state.unready([], [item()], "Deployment") == ["n/server"]


def test_every_pod_of_a_daemon_set_counts() -> None:
    wanted = [item("DaemonSet")]
    live = item("DaemonSet", status=DAEMON)
    assert state.unready([live], wanted, "DaemonSet") == []
    live["status"] = {**DAEMON, "numberReady": 1}
    assert state.unready([live], wanted, "DaemonSet") == ["n/server"]


@pytest.mark.parametrize(
    ("found", "says"),
    [
        (waiting("ErrImageNeverPull"), "no image i:1: run `make platform` again"),
        (waiting("CrashLoopBackOff"), "kubectl -n n logs server-x --previous"),
        (waiting("Odd", "its own words"), "Odd: its own words"),
        (
            pod(
                {
                    "conditions": [
                        {
                            "type": "PodScheduled",
                            "status": "False",
                            "message": "0/6 nodes are available",
                        }
                    ]
                }
            ),
            "is not placed: 0/6 nodes",
        ),
        (
            pod(
                {
                    "containerStatuses": [
                        {"name": "c", "ready": False, "state": {"running": {}}}
                    ]
                }
            ),
            "its probe does not pass",
        ),
    ],
)
def test_a_problem_names_component_reason_and_remedy(
    found: dict[str, Any], says: str
) -> None:
    (said,) = state.problems([], [item()], [found])
    assert said.startswith("server (Deployment in n) is not ready: ")
    assert says in said


def test_another_components_pod_explains_nothing() -> None:
    other = waiting("CrashLoopBackOff")
    other["metadata"]["namespace"] = "m"
    (said,) = state.problems([], [item()], [other])
    assert "describe deployment server" in said


def test_ready_workloads_have_no_problem() -> None:
    assert state.problems([item(status=READY)], [item()], []) == []


def test_only_what_was_applied_and_is_gone_is_left() -> None:
    gone, kept = item(name="gone"), item()
    owned = item(name="owned")
    owned["metadata"]["ownerReferences"] = [{"kind": "Deployment"}]
    elsewhere = item()
    elsewhere["metadata"] = {**elsewhere["metadata"], "namespace": "m"}
    assert state.left([gone, kept, owned, elsewhere], [kept]) == [gone, elsewhere]
