#!/usr/bin/python
# Copyright (c) The Forge contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module ``forge.platform.harbor_robot``."""

DOCUMENTATION = r"""
module: harbor_robot
short_description: Have a robot account in a Harbor registry
version_added: "0.1.0"
author: The Forge contributors
description:
  - Makes a robot with rights on projects, and keeps its secret in a file with mode 0600
    where the module runs. Harbor tells a secret once.
  - Where the file is missing, or Harbor no longer takes what it holds, a new secret is
    made. The secret is in no result, diff or log.
extends_documentation_fragment: [forge.platform.harbor]
options:
  name:
    description: Without Harbor's prefix and without the project's name.
    type: str
    required: true
  state:
    description: V(absent) removes the robot and the file of its secret.
    type: str
    choices: [present, absent]
    default: present
  project:
    description: That the robot belongs to; without it, it is one of the system.
    type: str
  prefix:
    description: That Harbor puts before names of robots (C(robot_name_prefix)).
    type: str
    default: robot$
  description:
    description: What it is for.
    type: str
    default: ""
  duration_days:
    description: Days after its making that it works; V(-1), for ever.
    type: int
    default: 365
  disabled:
    description: It cannot log in.
    type: bool
    default: false
  permissions:
    description: What it may do. Nothing else is left to it.
    type: list
    elements: dict
    default: []
    suboptions:
      project:
        description: Name of a project, V(*) for all, V(/) for rights of the system.
        type: str
        required: true
      access:
        description: As C(resource:action), such as V(repository:pull).
        type: list
        elements: str
        required: true
  secret_path:
    description:
      - File for its name and secret, JSON. Its folder must exist.
    type: path
    required: true
attributes:
  check_mode:
    description: Reads Harbor and the file, and changes neither.
    support: full
  diff_mode:
    description: Shows rights, days and whether a secret is made; no secret.
    support: full
"""

EXAMPLES = r"""
- name: Have the robot that pushes images from CI
  forge.platform.harbor_robot:
    endpoint: https://harbor.forge.internal
    username: admin
    password: "{{ harbor_admin_password }}"
    name: ci
    project: platform
    permissions:
      - {project: platform, access: [repository:pull, repository:push]}
    secret_path: ~/.config/forge/robots/ci.json
  delegate_to: localhost
  no_log: true
"""

RETURN = r"""
done:
  description: What was changed, or would be.
  returned: success
  type: list
  elements: str
  sample: [robot robot$platform+ci]
full_name:
  description: With which it logs in.
  returned: success
  type: str
  sample: robot$platform+ci
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ansible_collections.forge.platform.plugins.module_utils import (
    harbor_projects,
    harbor_robots,
    harbor_secret,
)
from ansible_collections.forge.platform.plugins.module_utils.harbor_client import (
    Harbor,
    HarborError,
)
from ansible_collections.forge.platform.plugins.module_utils.harbor_module import (
    Plan,
    perform,
)

PERMISSION = {
    "project": {"type": "str", "required": True},
    "access": {"type": "list", "elements": "str", "required": True},
}
SPEC: dict[str, dict[str, Any]] = {
    "name": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "project": {"type": "str"},
    "prefix": {"type": "str", "default": "robot$"},
    "description": {"type": "str", "default": ""},
    "duration_days": {"type": "int", "default": 365},
    "disabled": {"type": "bool", "default": False},
    "permissions": {
        "type": "list", "elements": "dict", "default": [], "options": PERMISSION,
    },
    # The path of a secret is none.
    "secret_path": {"type": "path", "required": True, "no_log": False},
}  # fmt: skip


def plan(harbor: Harbor, params: dict[str, Any]) -> Plan:
    """Compare robot and file with what is declared."""
    full, path = harbor_robots.full_name(params), Path(params["secret_path"])
    if params["state"] == "present":
        harbor_robots.check(params)
    have = _read(harbor, params, full)
    before = harbor_robots.shown(have) if have else {}
    if params["state"] == "absent":
        found = Plan(before, {}, said={"full_name": full})
        if have or path.exists():
            found.steps.append((f"robot {full}", lambda: _removed(harbor, have, path)))
        return found
    want = harbor_robots.wanted(params)
    found = Plan(before, want, said={"full_name": full})
    if have is None:
        body = {"name": params["name"], **harbor_robots.body(params, want)}
        found.steps.append(
            (f"robot {full}", lambda: _created(harbor, full, body, path))
        )
        found.after = {**want, "secret": "made"}
        return found
    _add_changes(harbor, params, found, have)
    return found


def _add_changes(
    harbor: Harbor, params: dict[str, Any], found: Plan, have: dict[str, Any]
) -> None:
    """What brings a robot that is there to what is declared."""
    full, path = have["name"], Path(params["secret_path"])
    changed = found.before != found.after
    ends = have.get("expires_at", harbor_robots.NEVER)
    ended = 0 < ends <= time.time()
    if ended and found.before["duration_days"] == found.after["duration_days"]:
        since = time.strftime("%F %TZ", time.gmtime(ends))
        raise HarborError(
            f"robot {full}: expired at {since}: give more days in duration_days, or "
            "remove it (state: absent) and run again"
        )
    if changed:
        body = {"id": have["id"], "name": full}
        body |= harbor_robots.body(params, found.after)
        step = _changing(harbor, f"robot {full}", f"/robots/{have['id']}", body)
        found.steps.append((f"robot {full}", step))
    secret = harbor_secret.read(path, full)
    # One that cannot log in just now is not asked to.
    asleep = ended or have.get("disable")
    if secret is None or not (asleep or harbor.accepts(f"as {full}", full, secret)):
        found.before = {**found.before, "secret": "lost"}
        found.after = {**found.after, "secret": "made anew"}
        found.steps.append((f"secret of {full}", lambda: _renewed(harbor, have, path)))
    elif not harbor_secret.is_private(path):
        found.before = {**found.before, "secret": "others may read it"}
        found.after = {**found.after, "secret": "private"}
        found.steps.append((f"mode of {path}", lambda: path.chmod(harbor_secret.MODE)))


def _read(harbor: Harbor, params: dict[str, Any], full: str) -> dict[str, Any] | None:
    level = "Level=system"
    if params["project"]:
        project = harbor_projects.read(harbor, params["project"])
        if project is None:
            if params["check"] or params["state"] == "absent":
                return None
            raise HarborError(
                f"robot {full}: project {params['project']} is not there: make it first"
            )
        level = f"Level=project,ProjectID={project.id}"
    robots = harbor.every(f"robot {full}", "/robots", q=level)
    return next((each for each in robots if each["name"] == full), None)


def _changing(
    harbor: Harbor, what: str, path: str, body: dict[str, Any]
) -> Callable[[], None]:
    def act() -> None:
        harbor.change(what, path, body)

    return act


def _created(harbor: Harbor, full: str, body: dict[str, Any], path: Path) -> None:
    def obtain() -> str:
        made = harbor.create(f"robot {full}", "/robots", body)
        if made.get("name") != full:
            # Left alone, every run would make another, or fail over the name.
            harbor.remove(f"removing robot {made.get('name')}", f"/robots/{made['id']}")
            raise HarborError(
                f"robot {full}: Harbor calls it {made.get('name')}, and it was removed "
                "again: set prefix to Harbor's robot_name_prefix"
            )
        return str(made["secret"])

    harbor_secret.keep(path, full, obtain)


def _renewed(harbor: Harbor, have: dict[str, Any], path: Path) -> None:
    def obtain() -> str:
        what, at = f"secret of {have['name']}", f"/robots/{have['id']}"
        # Nothing given: Harbor makes one.
        return str(harbor.change(what, at, {"secret": ""}, method="PATCH")["secret"])

    harbor_secret.keep(path, have["name"], obtain)


def _removed(harbor: Harbor, have: dict[str, Any] | None, path: Path) -> None:
    if have:
        harbor.remove(f"removing robot {have['name']}", f"/robots/{have['id']}")
    path.unlink(missing_ok=True)


def main() -> None:
    """Have the robot as it is declared."""
    perform(SPEC, plan)


if __name__ == "__main__":
    main()
