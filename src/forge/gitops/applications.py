"""Applications, projects and waves: what may come from where, when, and to where."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from forge.gitops.documents import Document
from forge.gitops.findings import Finding
from forge.gitops.pins import TREE

WAVE = "argocd.argoproj.io/sync-wave"
_ARGO = "argoproj.io/v1alpha1"
# The waves of a layer, as docs/gitops.md has them.
WAVES = {
    "foundation": {0, 1},
    "gitops": {0, 1},
    "storage": {1, 2, 5},
    "registry": {2},
    "observability": {3},
    "policy": {4, 6},
    "delivery": {5},
}
_ARGO_KINDS = ("Application", "AppProject")


def check(documents: list[Document], root: Path) -> Iterator[Finding]:
    """Yield what is wrong between Applications and projects.

    Args:
        documents: The whole tree.
        root: The checkout, whose folders sources name.
    """
    for room, projects_file in (
        ("forge", "projects.yaml"),
        ("testbed", "projects-testbed.yaml"),
    ):
        projects = {
            str(document.content["metadata"]["name"]): document
            for document in _argo(documents, "AppProject")
            if document.file == f"{TREE}/bootstrap/{projects_file}"
        }
        applications = [
            document
            for document in _argo(documents, "Application")
            if _room(document) == room
        ]
        for application in applications:
            yield from _application(application, projects, root)
        yield from _children(documents, applications, projects)


def _argo(documents: Iterable[Document], kind: str) -> list[Document]:
    return [
        document
        for document in documents
        if document.kind == kind and document.content["apiVersion"] == _ARGO
    ]


def _room(document: Document) -> str:
    is_testbed = "/overlays/testbed/" in document.file
    return "testbed" if is_testbed or "root-testbed" in document.file else "forge"


def sources(application: Document) -> list[Mapping[str, Any]]:
    """Return an Application's sources, whether it has one or several."""
    spec = application.content["spec"]
    return list(spec.get("sources") or [spec.get("source") or {}])


def _application(
    application: Document, projects: Mapping[str, Document], root: Path
) -> Iterator[Finding]:
    spec = application.content["spec"]
    name = str(spec.get("project", ""))
    project = projects.get(name)
    if project is None or name == "default":
        yield _finding(application, "project", f"project {name} is none of its layers'")
        return
    allowed = project.content["spec"]
    for source in sources(application):
        if source.get("repoURL") not in allowed["sourceRepos"]:
            yield _finding(
                application,
                "project",
                f"source {source.get('repoURL')} is not one of project {name}",
            )
        if name != "root":
            yield from _source(application, source, root)
    destination = spec.get("destination") or {}
    if destination not in allowed["destinations"]:
        yield _finding(
            application,
            "project",
            f"destination {dict(destination)} is not one of project {name}",
        )
    if name != "root":
        yield from _wave(application, name)


def _wave(application: Document, project: str) -> Iterator[Finding]:
    annotations = application.content["metadata"].get("annotations") or {}
    wave = str(annotations.get(WAVE, ""))
    allowed = WAVES.get(project, set())
    if not wave.isdecimal() or int(wave) not in allowed:
        yield _finding(
            application,
            "waves",
            f"wave {wave or 'none'}; project {project} has "
            f"{', '.join(str(each) for each in sorted(allowed)) or 'no wave'}",
        )


def _source(
    application: Document, source: Mapping[str, Any], root: Path
) -> Iterator[Finding]:
    path = source.get("path")
    if path is not None and not any((root / str(path)).rglob("*.*")):
        yield _finding(application, "sources", f"path {path} is empty or absent")
    for name in (source.get("helm") or {}).get("valueFiles", []):
        if not (root / str(name).removeprefix("$values/")).is_file():
            yield _finding(application, "sources", f"no file {name}")


def _children(
    documents: list[Document],
    applications: list[Document],
    projects: Mapping[str, Document],
) -> Iterator[Finding]:
    """Namespace and kind of a manifest must be ones of its Application's project."""
    for application in applications:
        spec = application.content["spec"]
        project = projects.get(str(spec.get("project")))
        if project is None:
            continue
        allowed = project.content["spec"]
        spaces = {entry["namespace"] for entry in allowed["destinations"]}
        for document in _of(application, documents):
            if document.namespace and document.namespace not in spaces:
                yield _finding(
                    document,
                    "project",
                    f"namespace {document.namespace} is not one of project "
                    f"{spec['project']}",
                )
            if not document.namespace and not _allowed_kind(document, allowed):
                yield _finding(
                    document,
                    "project",
                    f"names no namespace, and project {spec['project']} may not make a "
                    f"{document.kind} without one",
                )


def _of(application: Document, documents: list[Document]) -> Iterator[Document]:
    """Yield the documents that an Application brings from its paths, but Applications.

    What a root includes by a pattern is Applications alone, which are judged apart.
    """
    for source in sources(application):
        path, directory = source.get("path"), source.get("directory") or {}
        if path is None or "include" in directory:
            continue
        for document in documents:
            inside = document.file.removeprefix(f"{path}/")
            is_below = inside != document.file and document.kind not in _ARGO_KINDS
            if is_below and ("/" not in inside or directory.get("recurse")):
                yield document


def _allowed_kind(document: Document, allowed: Mapping[str, Any]) -> bool:
    """Whether a kind without a namespace may be made by the project.

    An object that names no namespace gets the Application's, if its kind has one; so
    manifests of namespaced kinds must name it, or the destination would decide.
    """
    group = str(document.content["apiVersion"]).rpartition("/")[0]
    return any(
        entry["group"] in (group, "*") and entry["kind"] in (document.kind, "*")
        for entry in allowed.get("clusterResourceWhitelist") or []
    )


def _finding(document: Document, check: str, message: str) -> Finding:
    return Finding(
        file=document.file, where=document.name, check=check, message=message
    )
