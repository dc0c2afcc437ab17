"""Read an overlay's manifests and prepare them for the API."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import yaml

from forge.errors import InputError

LABEL: Final = "forge.dev/overlay"
CONFIGURATION: Final = "forge.dev/configuration"  # digest of what a Pod reads
ROLE: Final = "forge.dev/role"
LOCAL: Final = "forge.local/"  # images that were made on the controller
WORKLOADS: Final = ("Deployment", "StatefulSet", "DaemonSet")
# Belongs to Argo CD alone: it says where the other manifests of the folder are.
_APPLICATION: Final = "application.yaml"
# What others refer to comes first.
_ORDER: Final = (
    "Namespace", "CustomResourceDefinition", "ServiceAccount", "ClusterRole",
    "ClusterRoleBinding", "Role", "RoleBinding", "ConfigMap", "Secret",
    "PersistentVolume", "PersistentVolumeClaim", "Service",
)  # fmt: skip

type Resource = dict[str, Any]


def resources(folder: str, components: Sequence[str], name: str) -> list[Resource]:
    """Return the objects of some components, in the order in which they are applied.

    Each gets the label ``forge.dev/overlay``. The Pods of a workload get the digest of
    the ConfigMaps that they mount, so that they start anew when one changes.

    Args:
        folder: Has one folder a component, and manifests in it.
        components: Names of folders.
        name: The label's value.

    Raises:
        InputError: A component has no folder or no manifests, or one cannot be read;
            the message names the file.
    """
    found = [
        item
        for component in components
        for item in _component(Path(folder) / component, component)
    ]
    for item in found:
        item["metadata"].setdefault("labels", {})[LABEL] = name
    for item in found:
        if item["kind"] in WORKLOADS:
            _mark(item, found)
    return sorted(found, key=_rank)


def images(
    items: Iterable[Resource],
    topology: Mapping[str, Any],
    built: Mapping[str, Mapping[str, str]],
) -> dict[str, list[dict[str, str]]]:
    """Return which local images each node needs.

    Args:
        items: Objects; workloads say by ``nodeSelector`` where they run.
        topology: The fact ``forge_topology``.
        built: Images by name, as ``forge images build --json`` prints them.

    Returns:
        Node name -> images, each with ``name``, ``reference``, ``archive``, ``digest``.

    Raises:
        InputError: A manifest names a local image that is not built.
    """
    by_reference = {
        image["reference"]: {
            "name": name,
            **{key: image[key] for key in ("reference", "archive", "digest")},
        }
        for name, image in built.items()
    }
    needed: dict[str, dict[str, dict[str, str]]] = {}
    for item in items:
        for reference in _references(item):
            if not reference.startswith(LOCAL):
                continue
            if reference not in by_reference:
                known = ", ".join(sorted(by_reference)) or "none"
                raise InputError(
                    f"{_name(item)}: no image {reference} is built (there is {known})",
                    remedy="write the tag of versions.yml, then `make platform`",
                )
            for node in _nodes(item, topology):
                needed.setdefault(node, {})[reference] = by_reference[reference]
    return {node: list(found.values()) for node, found in sorted(needed.items())}


def local_images(items: Iterable[Resource]) -> list[str]:
    """Return the names of the recipes whose images the objects use."""
    found = {reference for item in items for reference in _references(item)}
    return sorted(
        reference.removeprefix(LOCAL).partition(":")[0]
        for reference in found
        if reference.startswith(LOCAL)
    )


def names(items: Iterable[Resource]) -> list[str]:
    """Return kind, namespace and name of each object, for people."""
    return [_name(item) for item in items]


def waiting(
    items: Iterable[Resource],
    namespaces: Iterable[Resource],
    kinds: Iterable[Resource] = (),
) -> list[Resource]:
    """Return the objects whose Namespace or kind is not there yet.

    All of them, if there is no cluster.

    Args:
        items: Objects.
        namespaces: Those of the cluster.
        kinds: Its CustomResourceDefinitions.
    """
    there = {row["metadata"]["name"] for row in namespaces}
    known = {(row["spec"]["group"], row["spec"]["names"]["kind"]) for row in kinds}
    return [
        item
        for item in items
        if item["kind"] != "Namespace"
        and not (
            there
            and item["metadata"].get("namespace") in {None, *there}
            and (_is_built_in(item) or _kind(item) in known)
        )
    ]


def pod(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return the Pod's spec of a workload; empty for everything else."""
    spec = item.get("spec") or {}
    if item["kind"] == "CronJob":
        spec = spec["jobTemplate"]["spec"]
    found: dict[str, Any] = (spec.get("template") or {}).get("spec") or {}
    return found if item["kind"] in {*WORKLOADS, "Job", "CronJob"} else {}


def _is_built_in(item: Resource) -> bool:
    """Whether a kind is Kubernetes' own, of every cluster."""
    group, _ = _kind(item)
    return "." not in group or group.endswith(".k8s.io")


def _kind(item: Resource) -> tuple[str, str]:
    return str(item["apiVersion"]).rpartition("/")[0], item["kind"]


def _component(folder: Path, name: str) -> list[Resource]:
    files = _files(folder, name)
    if not files:
        known = ", ".join(sorted(p.name for p in folder.parent.glob("*/")))
        raise InputError(
            f"component {name}: {folder} has no manifests",
            remedy=f"use one of: {known or 'none, the overlay is empty'}",
        )
    found = []
    for file in files:
        try:
            documents = list(yaml.safe_load_all(file.read_text(encoding="utf-8")))
        except (OSError, yaml.YAMLError) as error:
            raise InputError(f"component {name}: {file}: {error}") from error
        for item in documents:
            if item is None:
                continue
            if not isinstance(item, dict) or not {"apiVersion", "kind", "metadata"} <= (
                item.keys()
            ):
                raise InputError(
                    f"component {name}: {file}: a document is no Kubernetes object",
                    remedy="give it apiVersion, kind and metadata",
                )
            # Anchors of YAML are one object in several places; labels must not be.
            found.append(json.loads(json.dumps(item, default=str)))
    return found


def _files(folder: Path, name: str) -> list[Path]:
    """Return a component's manifests: its folder's, and those its Application names."""
    folders = [folder]
    application = folder / _APPLICATION
    if application.is_file():
        try:
            spec = yaml.safe_load(application.read_text(encoding="utf-8"))["spec"]
            sources = spec.get("sources") or [spec["source"]]
            # Paths of Applications begin at the checkout, three folders up.
            named = [folder.parents[3] / str(source["path"]) for source in sources]
        except (KeyError, TypeError, IndexError, yaml.YAMLError) as error:
            raise InputError(
                f"component {name}: {application} names no source: {error}"
            ) from error
        folders += [path for path in named if path.resolve() != folder.resolve()]
    return [
        file
        for each in folders
        for file in sorted(each.glob("*.yaml"))
        if file.name != _APPLICATION
    ]


def _mark(item: Resource, found: Sequence[Resource]) -> None:
    """Write the digest of a workload's ConfigMaps into its Pods' annotations."""
    space = item["metadata"].get("namespace")
    mounted = {
        volume["configMap"]["name"]
        for volume in pod(item).get("volumes", [])
        if "configMap" in volume
    }
    data = {
        other["metadata"]["name"]: other.get("data")
        for other in found
        if other["kind"] == "ConfigMap"
        and other["metadata"].get("namespace") == space
        and other["metadata"]["name"] in mounted
    }
    if data:
        text = json.dumps(data, sort_keys=True).encode()
        metadata = item["spec"]["template"].setdefault("metadata", {})
        digest = hashlib.sha256(text).hexdigest()[:16]
        metadata.setdefault("annotations", {})[CONFIGURATION] = digest


def _references(item: Resource) -> set[str]:
    spec = pod(item)
    containers = [*spec.get("initContainers", []), *spec.get("containers", [])]
    return {str(container["image"]) for container in containers}


def _nodes(item: Resource, topology: Mapping[str, Any]) -> list[str]:
    """Return the nodes that a workload's Pods may run on, by label."""
    role = pod(item).get("nodeSelector", {}).get(ROLE)
    return [
        name
        for name, host in topology["hosts"].items()
        if (host["is_server"] or host["is_agent"])
        and role in (None, host["labels"].get(ROLE))
    ]


def _rank(item: Resource) -> tuple[int, str]:
    kind = item["kind"]
    place = _ORDER.index(kind) if kind in _ORDER else len(_ORDER)
    return place, _name(item)


def _name(item: Mapping[str, Any]) -> str:
    metadata = item["metadata"]
    space = metadata.get("namespace")
    return f"{item['kind']} {f'{space}/' if space else ''}{metadata['name']}"
