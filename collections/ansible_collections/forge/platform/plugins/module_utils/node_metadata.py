# Copyright (c) The Forge contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a node's labels and taints should become: pure, no cluster is asked.

A node has labels and taints of several owners. What this module set is remembered in
an annotation of the node; together with the managed prefixes that says what may be
removed once it is no longer declared. Everything else is someone else's.

Order: ``check`` what is declared, ``read`` the node, ``plan``, ``patch``.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

ANNOTATION = "forge.dev/managed-metadata"
EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")

# Kubelets and controllers set these again whenever they differ.
# Source: https://kubernetes.io/docs/reference/labels-annotations-taints/
FOREIGN_LABELS = frozenset(
    f"{prefix}kubernetes.io/{name}"
    for prefix in ("", "beta.")
    for name in ("arch", "hostname", "os")
)
FOREIGN_TAINT_PREFIXES = ("node.kubernetes.io", "node.cloudprovider.kubernetes.io")

NAME = re.compile(r"[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
SUBDOMAIN = re.compile(
    r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*"
)
LONGEST_PREFIX = 253

Taint = Mapping[str, Any]


class MetadataError(Exception):
    """Something declared or found is invalid; the message has every finding."""


@dataclass(frozen=True)
class Managed:
    """What was set here before: label keys, and taints as key and effect."""

    labels: frozenset[str] = frozenset()
    taints: frozenset[tuple[str, str]] = frozenset()

    def text(self) -> str:
        """Return the annotation's value."""
        return json.dumps(
            {
                "labels": sorted(self.labels),
                "taints": [list(pair) for pair in sorted(self.taints)],
            },
            separators=(",", ":"),
        )


@dataclass(frozen=True)
class State:
    """A node's labels and taints, the latter as the API gives them."""

    labels: Mapping[str, str] = field(default_factory=dict)
    taints: Sequence[Taint] = ()
    managed: Managed = field(default_factory=Managed)

    def shown(self) -> dict[str, Any]:
        """Return what a reader of the task's result and diff sees."""
        return {
            "labels": dict(sorted(self.labels.items())),
            "taints": sorted(
                (
                    {
                        name: taint[name]
                        for name in ("key", "value", "effect")
                        if taint.get(name)
                    }
                    for taint in self.taints
                ),
                key=identity,
            ),
        }


def identity(taint: Taint) -> tuple[str, str]:
    """Return what makes a taint unique on a node: key and effect."""
    return taint["key"], taint["effect"]


def check(
    labels: Mapping[str, str], taints: Sequence[Taint], prefixes: Sequence[str]
) -> None:
    """Refuse what the API would refuse, and what others would set again.

    Args:
        labels: Declared labels.
        taints: Declared taints.
        prefixes: Managed prefixes, each with its final ``/``.

    Raises:
        MetadataError: It lists every finding with field and remedy.
    """
    findings = [
        *_prefix_findings(prefixes),
        *(
            text
            for key, value in labels.items()
            for text in _label_findings(key, value)
        ),
        *(text for taint in taints for text in _taint_findings(taint)),
    ]
    seen: set[tuple[str, str]] = set()
    for taint in taints:
        if identity(taint) in seen:
            findings.append(
                f"taints: {taint['key']} with effect {taint['effect']} is declared "
                "twice; a node has one value for each: remove one"
            )
        seen.add(identity(taint))
    if findings:
        raise MetadataError("; ".join(findings))


def read(node: Mapping[str, Any]) -> State:
    """Return the state of a Node object.

    Args:
        node: As the API returns it, in JSON's types.

    Raises:
        MetadataError: The annotation is not what this module writes.
    """
    metadata = node["metadata"]
    return State(
        labels=metadata.get("labels") or {},
        taints=node.get("spec", {}).get("taints") or (),
        managed=_managed((metadata.get("annotations") or {}).get(ANNOTATION)),
    )


def plan(
    now: State,
    labels: Mapping[str, str],
    taints: Sequence[Taint],
    prefixes: Sequence[str],
) -> State:
    """Return the state that a node should have.

    Declared labels and taints are set. Removed is what was declared before, or has a
    managed prefix, and is declared no longer. The rest stays, in its order.

    Args:
        now: The node's state.
        labels: Declared labels.
        taints: Declared taints.
        prefixes: Prefixes whose labels and taints are all declared here.
    """
    wanted = {identity(taint): _clean(taint) for taint in taints}
    kept_labels = {
        key: value
        for key, value in now.labels.items()
        if key not in now.managed.labels and not _has_prefix(key, prefixes)
    }
    kept_taints = [
        taint
        if identity(taint) not in wanted or _clean(taint) == wanted[identity(taint)]
        else wanted[identity(taint)]
        for taint in now.taints
        if identity(taint) in wanted
        or not (
            identity(taint) in now.managed.taints or _has_prefix(taint["key"], prefixes)
        )
    ]
    present = {identity(taint) for taint in kept_taints}
    return State(
        labels={**kept_labels, **labels},
        taints=[*kept_taints, *(wanted[key] for key in wanted if key not in present)],
        managed=Managed(frozenset(labels), frozenset(wanted)),
    )


def patch(now: State, then: State, resource_version: str) -> dict[str, Any]:
    """Return the JSON merge patch from one state to another, empty if there is none.

    The resource version makes the API refuse it if the node was changed meanwhile.

    Args:
        now: The state that was read.
        then: The state to have.
        resource_version: The read object's ``metadata.resourceVersion``.
    """
    metadata: dict[str, Any] = {}
    labels: dict[str, str | None] = {
        key: value for key, value in then.labels.items() if now.labels.get(key) != value
    }
    labels |= dict.fromkeys(key for key in now.labels if key not in then.labels)
    if labels:
        metadata["labels"] = labels
    if then.managed != now.managed:
        is_empty = then.managed == Managed()
        metadata["annotations"] = {
            ANNOTATION: None if is_empty else then.managed.text()
        }
    body: dict[str, Any] = {}
    if list(now.taints) != list(then.taints):
        # A list is replaced whole in a merge patch.
        body["spec"] = {"taints": list(then.taints) or None}
    if metadata or body:
        body["metadata"] = {**metadata, "resourceVersion": resource_version}
    return body


def _managed(text: str | None) -> Managed:
    if text is None:
        return Managed()
    try:
        value = json.loads(text)
        return Managed(
            frozenset(str(key) for key in value["labels"]),
            frozenset((str(key), str(effect)) for key, effect in value["taints"]),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise MetadataError(
            f"annotation {ANNOTATION} was changed by hand, so that what is managed "
            f"is not known; remove it (kubectl annotate node NAME {ANNOTATION}-), "
            "and remove labels and taints that are no longer declared by hand once"
        ) from error


def _clean(taint: Taint) -> dict[str, str]:
    return {
        name: str(taint[name]) for name in ("key", "value", "effect") if taint.get(name)
    }


def _has_prefix(key: str, prefixes: Iterable[str]) -> bool:
    return key.startswith(tuple(prefixes))


def _prefix_findings(prefixes: Sequence[str]) -> list[str]:
    return [
        f"managed_prefixes: {prefix!r} is not a domain of your own that ends in '/', "
        "such as 'forge.dev/'"
        for prefix in prefixes
        if not SUBDOMAIN.fullmatch(prefix.removesuffix("/"))
        or not prefix.endswith("/")
        or f".{prefix[:-1]}".endswith((".kubernetes.io", ".k8s.io"))
    ]


def _key_finding(key: str) -> str:
    prefix, slash, name = key.rpartition("/")
    is_name = NAME.fullmatch(name) is not None
    is_prefix = (
        len(prefix) <= LONGEST_PREFIX and SUBDOMAIN.fullmatch(prefix) is not None
    )
    if is_name and (is_prefix or not slash):
        return ""
    return (
        "is no valid key: write [DOMAIN/]NAME, NAME of at most 63 of A-Z a-z 0-9 - _ ."
    )


def _value_finding(value: object) -> str:
    if isinstance(value, str) and (not value or NAME.fullmatch(value)):
        return ""
    return (
        f"has the value {value!r}: at most 63 of A-Z a-z 0-9 - _ . as a quoted string"
    )


def _label_findings(key: str, value: object) -> list[str]:
    findings = [
        f"labels: {key} {text}"
        for text in (_key_finding(key), _value_finding(value))
        if text
    ]
    if key in FOREIGN_LABELS:
        findings.append(f"labels: {key} is the kubelet's own; remove it")
    return findings


def _taint_findings(taint: Taint) -> list[str]:
    key = taint["key"]
    texts = [_key_finding(key), _value_finding(taint.get("value") or "")]
    findings = [f"taints: {key} {text}" for text in texts if text]
    if taint["effect"] not in EFFECTS:
        findings.append(
            f"taints: {key} has the effect {taint['effect']!r}: "
            f"one of {', '.join(EFFECTS)}"
        )
    if key.rpartition("/")[0] in FOREIGN_TAINT_PREFIXES:
        findings.append(
            f"taints: {key} is set by Kubernetes from the node's state; remove it"
        )
    return findings
