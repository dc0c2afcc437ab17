"""Judge what the API shows of an overlay against its manifests. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from forge.overlay.manifests import WORKLOADS, Resource

# Reason of a waiting container -> what to do; ``{image}`` and ``{pod}`` are filled in.
_REMEDIES = {
    "ErrImageNeverPull": "the node has no image {image}: run `make platform` again",
    "ImagePullBackOff": "the node has no image {image}: run `make platform` again",
    "ErrImagePull": "the node has no image {image}: run `make platform` again",
    "CrashLoopBackOff": "read why it ends: kubectl -n {space} logs {pod} --previous",
    "CreateContainerConfigError": "a Secret or ConfigMap that it names is missing",
}


def left(applied: Iterable[Resource], wanted: Iterable[Resource]) -> list[Resource]:
    """Return the objects that were applied and are in no manifest any more."""
    declared = {_key(item) for item in wanted}
    return [
        item
        for item in applied
        if _key(item) not in declared
        # Made by a controller for an object of ours, with its labels.
        and not item["metadata"].get("ownerReferences")
    ]


def unready(
    live: Iterable[Resource], wanted: Iterable[Resource], kind: str
) -> list[str]:
    """Return the names of one kind's workloads that are not ready."""
    found = {_key(item): item for item in live}
    return [
        f"{item['metadata'].get('namespace')}/{item['metadata']['name']}"
        for item in wanted
        if item["kind"] == kind and not _is_ready(found.get(_key(item)))
    ]


def problems(
    live: Sequence[Resource], wanted: Sequence[Resource], pods: Sequence[Resource]
) -> list[str]:
    """Say of each workload that is not ready what its Pods wait for and what to do.

    Args:
        live: Workloads as the API shows them.
        wanted: The overlay's objects.
        pods: The Pods of its Namespaces.
    """
    found = []
    for kind in WORKLOADS:
        for name in unready(live, wanted, kind):
            space, _, own = name.partition("/")
            reasons = sorted(
                {
                    reason
                    for pod in pods
                    if pod["metadata"].get("namespace") == space
                    and pod["metadata"]["name"].startswith(f"{own}-")
                    for reason in _reasons(pod)
                }
            )
            said = ", ".join(reasons) or (
                f"no Pod says why: kubectl -n {space} describe {kind.lower()} {own}"
            )
            found.append(f"{own} ({kind} in {space}) is not ready: {said}")
    return found


def _is_ready(item: Mapping[str, Any] | None) -> bool:
    if item is None:
        return False
    status = item.get("status") or {}
    if status.get("observedGeneration", 0) < item["metadata"].get("generation", 0):
        return False
    if item["kind"] == "DaemonSet":
        want = status.get("desiredNumberScheduled", 0)
        ready, updated = status.get("numberReady", 0), "updatedNumberScheduled"
    else:
        want = item["spec"].get("replicas", 1)
        ready, updated = status.get("readyReplicas", 0), "updatedReplicas"
    if status.get("replicas", want) != want:
        return False  # one of the old ones is still there
    return bool(ready >= want and status.get(updated, 0) >= want)


def _reasons(pod: Mapping[str, Any]) -> list[str]:
    status, name = pod.get("status") or {}, pod["metadata"]["name"]
    found = [
        f"{name} is not placed: {condition.get('message', 'no reason given')}"
        for condition in status.get("conditions", [])
        if condition["type"] == "PodScheduled" and condition["status"] != "True"
    ]
    for container in [
        *status.get("initContainerStatuses", []),
        *status.get("containerStatuses", []),
    ]:
        waiting = (container.get("state") or {}).get("waiting") or {}
        reason = waiting.get("reason")
        if reason:
            remedy = _REMEDIES.get(reason, waiting.get("message", "no reason given"))
            space = pod["metadata"].get("namespace")
            text = remedy.replace("{image}", container.get("image", "?"))
            text = text.replace("{pod}", name).replace("{space}", str(space))
            found.append(f"{name}: {reason}: {text}")
        elif not container.get("ready") and "running" in (container.get("state") or {}):
            found.append(
                f"{name}: {container['name']} runs and its probe does not pass: "
                f"kubectl -n {pod['metadata'].get('namespace')} logs {name}"
            )
    return found


def _key(item: Mapping[str, Any]) -> tuple[str, str, str, str]:
    group = str(item["apiVersion"]).rpartition("/")[0]
    metadata = item["metadata"]
    return group, item["kind"], metadata.get("namespace") or "", metadata["name"]
