"""Every check of the GitOps tree, in one run that needs no cluster."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from forge.artifacts.pins import Versions
from forge.gitops import applications, charts, enforced, schemas, secrets, workloads
from forge.gitops.crds import Schemas
from forge.gitops.documents import Document, manifests
from forge.gitops.findings import Finding
from forge.gitops.pins import TREE, stale

CHECKS = {
    "schemas": "every manifest against the strict schema of its kind",
    "placement": "every workload on a role's node, or on every node by name",
    "limits": "requests and limits of every container",
    "probes": "readiness of every server",
    "images": "no latest, no image without version",
    "secrets": "no secret in manifests and values",
    "reasons": "a comment at every value that differs from its chart's default",
    "charts": "the workloads of every chart are known",
    "project": "sources, namespaces and kinds within the layer's AppProject",
    "waves": "the wave of every Application is one of its layer",
    "sources": "paths and value files exist",
    "rules": "every alerting rule has a test",
    "judged": "every policy has objects that it admits and refuses",
    "old": "no kind of Kyverno that 1.20 drops",
    "pins": "generated values as versions.yml has them",
}
# Judging it takes signed images in a registry.
_BY_SIGNATURE = "image-signatures"
_OLD_KYVERNO = re.compile(r"^kyverno\.io/")


@dataclass(frozen=True)
class Report:
    """What a run of all checks found.

    Attributes:
        findings: What is wrong, sorted; empty if the tree is as it must be.
        documents: How many manifests were looked at.
        charts: How many charts' values were looked at.
    """

    findings: tuple[Finding, ...]
    documents: int
    charts: int


def roles(root: Path) -> frozenset[str]:
    """Return the roles that nodes of the inventory carry as label.

    Args:
        root: The checkout.
    """
    text = (root / "inventory/forge/hosts.yml").read_text(encoding="utf-8")
    return frozenset(re.findall(r"forge\.dev/role: ([a-z]+)", text))


def run(versions: Versions, crds: Schemas) -> Report:
    """Run every check.

    Args:
        versions: The pins; the tree is beside them.
        crds: The strict schemas of custom resources.

    Raises:
        TreeError: A file cannot be read as what it must be.
    """
    root = versions.root
    documents = manifests(root)
    known = roles(root)
    minor = ".".join(versions.artifact("k3s").version.removeprefix("v").split(".")[:2])
    found: list[Finding] = []
    for document in documents:
        found += schemas.check(document, crds, minor)
        found += workloads.check(document, known)
        found += _secrets(document)
        found += _old(document)
    found += applications.check(documents, root)
    found += charts.check(root, known)
    found += _rules(documents, root)
    found += [
        Finding(
            file=str(entry.file.relative_to(root)),
            where=f"line {entry.line}",
            check="pins",
            message=f"{entry.path} is {entry.found}; run `forge gitops pins --write`",
        )
        for entry in stale(versions)
    ]
    found += [
        Finding(
            file=str(path.relative_to(root)),
            where="the file",
            check="pins",
            message="not as made from audit; run `forge gitops pins --write`",
        )
        for path in enforced.stale(root)
    ]
    found += _judged(documents, root)
    return Report(
        findings=tuple(sorted(found)),
        documents=len(documents),
        charts=len(list((root / TREE / "apps").glob("*/values.yaml"))),
    )


def _secrets(document: Document) -> Iterator[Finding]:
    for where, message in secrets.problems(document.content):
        yield Finding(file=document.file, where=where, check="secrets", message=message)


def _old(document: Document) -> Iterator[Finding]:
    api = str(document.content["apiVersion"])
    if _OLD_KYVERNO.match(api):
        yield Finding(
            file=document.file,
            where=document.name,
            check="old",
            message=f"{api} ends with Kyverno 1.20; use policies.kyverno.io/v1",
        )


def _rules(documents: list[Document], root: Path) -> Iterator[Finding]:
    """A rule that no test names may fire never, or always."""
    tests = "".join(
        path.read_text(encoding="utf-8")
        for path in sorted((root / TREE / "observability/tests").glob("*.yaml"))
    )
    for document in documents:
        for alert in _alerts(document.content):
            if not re.search(rf"\b{re.escape(alert)}\b", tests):
                yield Finding(
                    file=document.file,
                    where=alert,
                    check="rules",
                    message="no test of gitops/observability/tests names this alert",
                )


def _judged(documents: list[Document], root: Path) -> Iterator[Finding]:
    """A policy without objects to judge may admit everything, or nothing."""
    folder = root / TREE / "policies"
    for document in documents:
        if not document.file.startswith(f"{TREE}/policies/audit/"):
            continue
        name = str(document.content["metadata"]["name"])
        for part in ("pass", "fail"):
            if (
                name != _BY_SIGNATURE
                and not (folder / "tests" / name / f"{part}.yaml").is_file()
            ):
                yield Finding(
                    file=document.file,
                    where=document.name,
                    check="judged",
                    message=f"no file gitops/policies/tests/{name}/{part}.yaml",
                )


def _alerts(content: Any) -> Iterator[str]:  # noqa: ANN401 - any manifest
    if content.get("kind") != "PrometheusRule":
        return
    for group in content["spec"].get("groups", []):
        for rule in group.get("rules", []):
            if "alert" in rule:
                yield str(rule["alert"])
