# Copyright (c) The Forge contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Projects of a Harbor, with their quotas."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ansible_collections.forge.platform.plugins.module_utils.harbor_client import (
    Harbor,
    HarborError,
)

# As Harbor checks it: lower case, single separators, none at an end.
NAME = re.compile(r"[a-z0-9]+(?:[._-][a-z0-9]+)*")
NAME_MAX = 255  # characters
UNLIMITED = -1
SEVERITIES = ["none", "low", "medium", "high", "critical"]
OPTIONS: dict[str, dict[str, Any]] = {
    "public": {"type": "bool", "default": False},
    "scan_on_push": {"type": "bool", "default": False},
    "block_severity": {"type": "str", "choices": SEVERITIES, "default": "none"},
    "quota_bytes": {"type": "int"},
}


@dataclass(frozen=True)
class Project:
    """One project as Harbor has it."""

    id: int
    registry_id: int  # of a proxy cache's endpoint, else 0
    retention_id: int | None
    settings: dict[str, Any]  # as `OPTIONS`
    quota_id: int | None
    used_bytes: int


def check_name(name: str) -> None:
    """Refuse a name that Harbor would refuse.

    Raises:
        HarborError: It is none of a project.
    """
    if not NAME.fullmatch(name) or len(name) > NAME_MAX:
        raise HarborError(
            f"project {name!r}: a name is 1 to {NAME_MAX} lower-case letters and "
            "digits, with single . _ or - between them: choose another"
        )


def read(harbor: Harbor, name: str) -> Project | None:
    """Return a project; `None`: there is none.

    Raises:
        HarborError: The name is none, or Harbor does not say.
    """
    check_name(name)
    what = f"project {name}"
    found = harbor.get(what, f"/projects/{name}")
    if found is None:
        return None
    raw, number = found.get("metadata") or {}, int(found["project_id"])
    quotas = harbor.every(
        f"quota of {what}", "/quotas", reference="project", reference_id=str(number)
    )
    quota = quotas[0] if quotas else {}
    return Project(
        id=number,
        registry_id=int(found.get("registry_id") or 0),
        retention_id=int(raw["retention_id"]) if raw.get("retention_id") else None,
        settings={
            "public": raw.get("public") == "true",
            "scan_on_push": raw.get("auto_scan") == "true",
            "block_severity": str(raw.get("severity", "none")).lower()
            if raw.get("prevent_vul") == "true"
            else "none",
            "quota_bytes": quota.get("hard", {}).get("storage"),
        },
        quota_id=quota.get("id"),
        used_bytes=quota.get("used", {}).get("storage", 0),
    )


def wanted(params: dict[str, Any], have: Project | None) -> dict[str, Any]:
    """The settings that a project should have; an undeclared quota stays what it is."""
    want = {name: params[name] for name in OPTIONS}
    if want["quota_bytes"] is None:
        want["quota_bytes"] = have.settings["quota_bytes"] if have else None
    return want


def check_quota(name: str, have: Project | None, quota: int | None) -> None:
    """Refuse a quota that Harbor cannot keep.

    Raises:
        HarborError: More is stored already, or Harbor has no quotas.
    """
    if quota is not None and quota != UNLIMITED and quota <= 0:
        raise HarborError(
            f"project {name}: quota_bytes is {quota}; give more than 0, or -1 for none"
        )
    if have is None or quota == have.settings["quota_bytes"]:
        return
    if have.quota_id is None:
        raise HarborError(
            f"project {name}: has no quota; switch quotas on in Harbor's configuration "
            "(quota_per_project_enable), or declare none"
        )
    if quota is not None and quota != UNLIMITED and quota < have.used_bytes:
        raise HarborError(
            f"project {name}: quota exceeded: {have.used_bytes} bytes are stored, "
            f"quota_bytes is {quota}: raise it, or delete artifacts and collect garbage"
        )


def steps(
    harbor: Harbor,
    name: str,
    have: Project | None,
    want: dict[str, Any],
    registry_id: Callable[[], int] | None = None,
) -> list[tuple[str, Callable[[], object]]]:
    """What makes a project what it should be.

    Args:
        harbor: Which is asked.
        name: Of the project.
        have: What is there.
        want: Settings as `OPTIONS`.
        registry_id: Tells the endpoint of a proxy cache once it is made.
    """
    what = f"project {name}"

    def create() -> None:
        body: dict[str, Any] = {"project_name": name, "metadata": _metadata(want)}
        if want["quota_bytes"] is not None:
            body["storage_limit"] = want["quota_bytes"]
        if registry_id is not None:
            body["registry_id"] = registry_id()
        harbor.create(what, "/projects", body)

    if have is None:
        return [(what, create)]
    found: list[tuple[str, Callable[[], object]]] = []
    if _metadata(want) != _metadata(have.settings):
        body = {"metadata": _metadata(want)}
        path = f"/projects/{name}"
        found.append((what, lambda: harbor.change(what, path, body)))
    if want["quota_bytes"] != have.settings["quota_bytes"]:
        hard = {"hard": {"storage": want["quota_bytes"]}}
        path_of_quota = f"/quotas/{have.quota_id}"
        found.append((
            f"quota of {what}",
            lambda: harbor.change(f"quota of {what}", path_of_quota, hard),
        ))  # fmt: skip
    return found


def _metadata(settings: dict[str, Any]) -> dict[str, str]:
    """Settings in Harbor's words: all of them are text."""
    severity = settings["block_severity"]
    blocks = severity != "none"
    return {
        "public": str(settings["public"]).lower(),
        "auto_scan": str(settings["scan_on_push"]).lower(),
        "prevent_vul": str(blocks).lower(),
        **({"severity": severity} if blocks else {}),
    }
