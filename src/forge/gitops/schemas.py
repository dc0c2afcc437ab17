"""Strict schemas: of Kubernetes by kubernetes-validate, of custom resources by CRDs."""

from collections.abc import Iterator, Mapping
from typing import Any

import jsonschema
import kubernetes_validate

from forge.gitops.crds import Schemas
from forge.gitops.documents import Document
from forge.gitops.findings import Finding

_BUILT_IN = ("k8s.io",)
_GROUPS = {"apps", "autoscaling", "batch", "policy"}


def check(document: Document, crds: Schemas, version: str) -> Iterator[Finding]:
    """Yield what the schema of an object's kind refuses.

    Args:
        document: The object.
        crds: The strict schemas of custom resources.
        version: The version of Kubernetes, such as ``1.36``.
    """
    api = str(document.content["apiVersion"])
    schema = crds.get(f"{api}/{document.kind}")
    if schema is not None:
        yield from _custom(document, schema)
    elif is_built_in(api):
        yield from _built_in(document, version)
    else:
        yield _finding(
            document,
            f"no schema of {api}/{document.kind}; pin its CRDs in versions.yml",
        )


def is_built_in(api: str) -> bool:
    """Whether an API version is Kubernetes' own."""
    group, _, version = api.rpartition("/")
    return bool(version) and (
        not group or group in _GROUPS or group.endswith(_BUILT_IN)
    )


def _custom(document: Document, schema: Mapping[str, Any]) -> Iterator[Finding]:
    validator = jsonschema.Draft202012Validator(schema)
    for error in validator.iter_errors(document.content):
        yield _finding(document, f"{_path(error)}: {error.message}")


def _built_in(document: Document, version: str) -> Iterator[Finding]:
    try:
        kubernetes_validate.validate(dict(document.content), version, strict=True)
    except kubernetes_validate.ValidationError as error:
        yield _finding(document, f"{_path(error)}: {error.message}")
    except kubernetes_validate.SchemaNotFoundError:
        yield _finding(
            document,
            f"Kubernetes {version} has no {document.content['apiVersion']}/"
            f"{document.kind}",
        )


def _path(error: jsonschema.ValidationError) -> str:
    return ".".join(str(step) for step in error.absolute_path) or "the object"


def _finding(document: Document, message: str) -> Finding:
    return Finding(
        file=document.file, where=document.name, check="schemas", message=message
    )
