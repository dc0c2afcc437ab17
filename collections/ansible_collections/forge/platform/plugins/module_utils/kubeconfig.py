# Copyright (c) The Forge contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One cluster's entry in a kubeconfig that may hold others: pure, documents in and out.

An entry written here carries the extension ``EXTENSION``. An entry of the same name
without it is someone else's and is never replaced.
"""

from collections.abc import Mapping
from typing import Any

EXTENSION = "forge.dev/managed"
# Section of a kubeconfig -> what an entry holds beside its name.
SECTIONS = {"clusters": "cluster", "contexts": "context", "users": "user"}

Document = dict[str, Any]


class KubeconfigError(Exception):
    """A kubeconfig is unusable; the message has a remedy and no credential."""


def merge(existing: Document, fetched: Document, name: str, server: str) -> Document:
    """Return a kubeconfig with one cluster's entry added or brought up to date.

    Other entries, their order and the current context stay; the current context is set
    only where there is none.

    Args:
        existing: The file's content, empty if there is no file.
        fetched: A kubeconfig whose current context leads to the cluster.
        name: Name of the context, cluster and user.
        server: URL of the API as seen from where the file is used.

    Raises:
        KubeconfigError: A name is taken by someone else, or a document is malformed.
    """
    for document, which in ((existing, "the existing file"), (fetched, "the server's")):
        _require_shape(document, which)
    cluster, user = _current(fetched)
    entries = {
        "clusters": {**cluster, "server": server},
        "users": user,
        "contexts": {"cluster": name, "user": name},
    }
    merged: Document = {"apiVersion": "v1", "kind": "Config", **existing}
    for section, inner in SECTIONS.items():
        entry = {"name": name, inner: _marked(entries[section])}
        merged[section] = _replaced(existing.get(section) or [], entry, section, inner)
    if not merged.get("current-context"):
        merged["current-context"] = name
    return merged


def summary(document: Document) -> dict[str, Any]:
    """Return what a diff may show: names and addresses, no credential."""
    sections = {each: document.get(each) or [] for each in SECTIONS}
    return {
        "current-context": document.get("current-context", ""),
        "clusters": {
            entry["name"]: entry["cluster"].get("server", "")
            for entry in sections["clusters"]
        },
        "contexts": [entry["name"] for entry in sections["contexts"]],
        "users": [entry["name"] for entry in sections["users"]],
    }


def _marked(content: Mapping[str, Any]) -> Document:
    others = [
        each for each in content.get("extensions") or [] if each["name"] != EXTENSION
    ]
    return {**content, "extensions": [*others, {"name": EXTENSION, "extension": True}]}


def _is_marked(content: Mapping[str, Any]) -> bool:
    return any(
        each.get("name") == EXTENSION for each in content.get("extensions") or []
    )


def _replaced(
    entries: list[Document], entry: Document, section: str, inner: str
) -> list[Document]:
    name = entry["name"]
    taken = [each for each in entries if each["name"] == name]
    if any(not _is_marked(each[inner]) for each in taken):
        raise KubeconfigError(
            f"{section} has an entry {name!r} that was not written here; rename it "
            f"(kubectl config rename-context {name} NEW), use another file, or "
            "another name"
        )
    if not taken:
        return [*entries, entry]
    return [entry if each["name"] == name else each for each in entries]


def _current(fetched: Document) -> tuple[Document, Document]:
    """Return cluster and user of the current context."""
    context = _entry(fetched, "contexts", fetched.get("current-context", ""))
    return (
        _entry(fetched, "clusters", context.get("cluster", "")),
        _entry(fetched, "users", context.get("user", "")),
    )


def _entry(document: Document, section: str, name: str) -> Document:
    for each in document.get(section) or []:
        if each["name"] == name:
            return each[SECTIONS[section]]
    raise KubeconfigError(
        f"the server's kubeconfig has no entry {name!r} in {section}; restart K3s on "
        "the server, which writes it again"
    )


def _require_shape(document: object, which: str) -> None:
    remedy = "move it away or repair it"
    if not isinstance(document, dict):
        raise KubeconfigError(f"{which} kubeconfig is not a mapping; {remedy}")
    for section, inner in SECTIONS.items():
        entries = document.get(section) or []
        is_list = isinstance(entries, list)
        if not is_list or not all(
            isinstance(each, dict)
            and "name" in each
            and isinstance(each.get(inner), dict)
            for each in entries
        ):
            raise KubeconfigError(
                f"{which} kubeconfig has a malformed entry in {section}; {remedy}"
            )
