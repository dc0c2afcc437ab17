"""What must hold for everything that runs Pods: place, limits, images, probes."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from forge.gitops.documents import Document
from forge.gitops.findings import Finding

ROLE = "forge.dev/role"
_EVERY_NODE = {"kubernetes.io/os": "linux"}
_PATHS = {
    "Pod": ("spec",),
    "Deployment": ("spec", "template", "spec"),
    "StatefulSet": ("spec", "template", "spec"),
    "DaemonSet": ("spec", "template", "spec"),
    "ReplicaSet": ("spec", "template", "spec"),
    "Job": ("spec", "template", "spec"),
    "CronJob": ("spec", "jobTemplate", "spec", "template", "spec"),
}
_SERVERS = {"Deployment", "StatefulSet", "DaemonSet"}
# An image with a tag that says a version, or with a digest.
_PINNED = re.compile(
    r"^[a-z0-9.-]+(:\d+)?(/[a-z0-9._-]+)+"
    r"(:(?!latest@?)[A-Za-z0-9_][A-Za-z0-9._-]*)?(@(sha256:[0-9a-f]{64}|unresolved))?$"
)


def check(document: Document, roles: frozenset[str]) -> Iterator[Finding]:
    """Yield what is wrong with one object, if it runs Pods.

    Args:
        document: Any object.
        roles: The values that nodes carry in the label ``forge.dev/role``.
    """
    if document.content.get("apiVersion") == "postgresql.cnpg.io/v1":
        yield from _postgres(document, roles)
        return
    spec = pod(document)
    if spec is None:
        return
    yield from _place(document, spec.get("nodeSelector"), roles)
    for container in [*spec.get("initContainers", []), *spec.get("containers", [])]:
        yield from _container(document, container)
    if document.kind in _SERVERS:
        for container in spec.get("containers", []):
            if "readinessProbe" not in container:
                yield _finding(
                    document,
                    "probes",
                    f"container {container.get('name')} has no readinessProbe",
                )


def pod(document: Document) -> Mapping[str, Any] | None:
    """Return the Pod's spec of a workload; None for everything else."""
    path = _PATHS.get(document.kind)
    if path is None or "." in str(document.content["apiVersion"]).split("/")[0]:
        return None
    found: Any = document.content
    for key in path:
        found = (found or {}).get(key)
    return found if isinstance(found, dict) else None


def image_problem(image: object) -> str | None:
    """Return what is wrong with an image's reference, if anything."""
    text = str(image)
    if not _PINNED.match(text) or (":" not in text.rsplit("/", 1)[-1]):
        return f"image {text} names no version or digest; pin it in versions.yml"
    return None


def limits_problem(resources: object) -> str | None:
    """Return what is wrong with a container's resources, if anything."""
    for part in ("requests", "limits"):
        found = resources.get(part) if isinstance(resources, dict) else None
        for unit in ("cpu", "memory"):
            if not isinstance(found, dict) or unit not in found:
                return f"has no {part}.{unit}"
    return None


def _place(
    document: Document, selector: object, roles: frozenset[str]
) -> Iterator[Finding]:
    if document.kind == "DaemonSet" and selector == _EVERY_NODE:
        return
    role = selector.get(ROLE) if isinstance(selector, dict) else None
    if role not in roles:
        yield _finding(
            document,
            "placement",
            f"nodeSelector names {ROLE}: {role}; use one of {', '.join(sorted(roles))}",
        )


def _container(document: Document, container: Mapping[str, Any]) -> Iterator[Finding]:
    name = container.get("name")
    problem = limits_problem(container.get("resources"))
    if problem:
        yield _finding(document, "limits", f"container {name} {problem}")
    problem = image_problem(container.get("image"))
    if problem:
        yield _finding(document, "images", f"container {name}: {problem}")


def _postgres(document: Document, roles: frozenset[str]) -> Iterator[Finding]:
    """A cluster of CloudNativePG runs Pods without a Pod's spec."""
    if document.kind != "Cluster":
        return
    spec = document.content["spec"]
    selector = (spec.get("affinity") or {}).get("nodeSelector")
    yield from _place(document, selector, roles)
    problem = limits_problem(spec.get("resources"))
    if problem:
        yield _finding(document, "limits", problem)
    problem = image_problem(spec.get("imageName"))
    if problem:
        yield _finding(document, "images", problem)


def _finding(document: Document, check: str, message: str) -> Finding:
    return Finding(
        file=document.file, where=document.name, check=check, message=message
    )
