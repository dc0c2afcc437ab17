"""The objects of the GitOps tree: every document of every manifest."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from forge.gitops.errors import TreeError
from forge.gitops.pins import TREE

# YAML that no API server reads: values of charts, lists of metrics, and tests that
# other tools run.
_NOT_MANIFESTS = ("values.yaml", "exporters.yaml")
_NOT_FOLDERS = {
    "policies/tests",
    "observability/tests",
    "observability/prometheus",
    "observability/alertmanager",
    "observability/loki",
    "observability/alloy",
    "observability/dashboards",
}


class Loader(yaml.CSafeLoader):
    """YAML as Kubernetes reads it, where a bare ``=`` is text; in C, for speed."""


Loader.add_constructor("tag:yaml.org,2002:value", lambda _, node: str(node.value))


@dataclass(frozen=True)
class Document:
    """One object of a manifest.

    Attributes:
        file: Path from the checkout.
        content: The object, as JSON would hold it.
    """

    file: str
    content: Mapping[str, Any]

    @property
    def kind(self) -> str:
        """The object's kind."""
        return str(self.content["kind"])

    @property
    def name(self) -> str:
        """``Kind/name`` for people."""
        metadata = self.content.get("metadata") or {}
        return f"{self.kind}/{metadata.get('name', '?')}"

    @property
    def namespace(self) -> str:
        """The object's namespace; empty if it names none."""
        return str((self.content.get("metadata") or {}).get("namespace", ""))


def manifests(root: Path) -> list[Document]:
    """Read every manifest of the tree.

    Args:
        root: The checkout.

    Raises:
        TreeError: A file is not YAML, or a document is not an object of Kubernetes.
    """
    tree = root / TREE
    return [
        document
        for path in sorted(tree.rglob("*.yaml"))
        if path.name not in _NOT_MANIFESTS
        and "/".join(path.relative_to(tree).parts[:2]) not in _NOT_FOLDERS
        for document in read(path, root)
    ]


def read(path: Path, root: Path) -> Iterator[Document]:
    """Read the objects of one file; see :func:`manifests`."""
    shown = str(path.relative_to(root))
    try:
        documents = list(yaml.load_all(path.read_bytes(), Loader=Loader))
    except yaml.YAMLError as error:
        raise TreeError(f"{shown}: not YAML: {error}") from error
    for content in documents:
        if content is None:
            continue
        if not isinstance(content, dict) or not {"apiVersion", "kind"} <= set(content):
            raise TreeError(f"{shown}: a document without apiVersion and kind")
        yield Document(shown, content)


def values(path: Path, root: Path) -> Mapping[str, Any]:
    """Read a chart's values.

    Raises:
        TreeError: It is not YAML, or not a mapping.
    """
    shown = str(path.relative_to(root))
    try:
        content = yaml.load(path.read_bytes(), Loader=Loader)  # noqa: S506 - a SafeLoader
    except yaml.YAMLError as error:
        raise TreeError(f"{shown}: not YAML: {error}") from error
    if not isinstance(content, dict):
        raise TreeError(f"{shown}: not a mapping of values")
    return content
