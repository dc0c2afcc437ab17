# Copyright (c) The Forge contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Robots of a Harbor as they are declared: names, rights, form of requests. Pure."""

import re
from typing import Any

from ansible_collections.forge.platform.plugins.module_utils.harbor_client import (
    HarborError,
)

# As Harbor checks it.
NAME = re.compile(r"[a-z0-9]+(?:[._-][a-z0-9]+)*")
ACCESS = re.compile(r"[a-z0-9-]+:[a-z0-9-]+")
NEVER = -1  # days
SYSTEM = "/"  # the namespace of rights that are of no project

type Rights = dict[str, list[str]]


def check(params: dict[str, Any]) -> None:
    """Refuse a declaration that Harbor would refuse.

    Raises:
        HarborError: Name, days or rights are none.
    """
    name, what = params["name"], f"robot {params['name']}"
    if not NAME.fullmatch(name):
        raise HarborError(
            f"robot {name!r}: a name is lower-case letters and digits, with single . _ "
            "or - between them, without Harbor's prefix: choose another"
        )
    if params["duration_days"] != NEVER and params["duration_days"] < 1:
        raise HarborError(
            f"{what}: duration_days is {params['duration_days']}; give 1 or more, or "
            "-1 for a robot that never expires"
        )
    rights = declared(params)
    wrong = [each for some in rights.values() for each in some]
    wrong = [each for each in wrong if not ACCESS.fullmatch(each)]
    if wrong or not all(rights.values()) or not rights:
        raise HarborError(
            f"{what}: permissions give {wrong or 'nothing'}; give each project a list "
            "of resource:action, such as repository:pull"
        )
    if params["project"] and set(rights) != {params["project"]}:
        raise HarborError(
            f"{what}: belongs to project {params['project']} and can have rights there "
            f"alone, not on {sorted(rights)}: leave out project for one of the system"
        )


def declared(params: dict[str, Any]) -> Rights:
    """Rights by project, from the module's options."""
    found: dict[str, set[str]] = {}
    for each in params["permissions"] or ():
        found.setdefault(each["project"], set()).update(each["access"])
    return {name: sorted(found[name]) for name in sorted(found)}


def present(robot: dict[str, Any]) -> Rights:
    """Rights by project, from Harbor's answer."""
    found: dict[str, set[str]] = {}
    for each in robot.get("permissions") or ():
        rights = found.setdefault(each["namespace"], set())
        rights.update(f"{one['resource']}:{one['action']}" for one in each["access"])
    return {name: sorted(found[name]) for name in sorted(found)}


def full_name(params: dict[str, Any]) -> str:
    """The name that Harbor gives a robot, and with which it logs in."""
    project = f"{params['project']}+" if params["project"] else ""
    return f"{params['prefix']}{project}{params['name']}"


def shown(robot: dict[str, Any]) -> dict[str, Any]:
    """What is compared, of Harbor's answer."""
    return {
        "description": robot.get("description", ""),
        "duration_days": robot.get("duration"),
        "disabled": bool(robot.get("disable")),
        "permissions": present(robot),
    }


def wanted(params: dict[str, Any]) -> dict[str, Any]:
    """What is compared, of the declaration."""
    return {
        "description": params["description"],
        "duration_days": params["duration_days"],
        "disabled": params["disabled"],
        "permissions": declared(params),
    }


def body(params: dict[str, Any], want: dict[str, Any]) -> dict[str, Any]:
    """The declaration in Harbor's form, without a name."""
    return {
        "level": "project" if params["project"] else "system",
        "description": want["description"],
        "duration": want["duration_days"],
        "disable": want["disabled"],
        "permissions": [
            {
                "kind": "system" if namespace == SYSTEM else "project",
                "namespace": namespace,
                "access": [
                    dict(zip(("resource", "action"), each.split(":"), strict=True))
                    for each in access
                ],
            }
            for namespace, access in want["permissions"].items()
        ],
    }
