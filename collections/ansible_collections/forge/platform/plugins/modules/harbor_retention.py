#!/usr/bin/python
# Copyright (c) The Forge contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module ``forge.platform.harbor_retention``."""

DOCUMENTATION = r"""
module: harbor_retention
short_description: Have retention and immutable tags in a project of Harbor
version_added: "0.1.0"
author: The Forge contributors
description:
  - Gives a project its one policy of retention, and rules for tags that nobody may
    overwrite or delete.
  - Rules of immutability that are not declared stay, and are named, unless
    O(remove_undeclared) says otherwise.
extends_documentation_fragment: [forge.platform.harbor]
options:
  project:
    description: Its name; it must be there.
    type: str
    required: true
  retention:
    description: All rules of what is kept; not given, the policy stays what it is.
    type: list
    elements: dict
    suboptions:
      keep:
        description: Which artifacts stay. What no rule keeps is deleted.
        type: str
        required: true
        choices:
          - latestPushedK
          - latestPulledN
          - nDaysSinceLastPush
          - nDaysSinceLastPull
          - always
      count:
        description: How many, or days; not for V(always).
        type: int
      repositories:
        description: Pattern of the repositories that it is about.
        type: str
        default: "**"
      tags:
        description: Pattern of the tags that it is about.
        type: str
        default: "**"
      untagged:
        description: It is about artifacts without a tag, too.
        type: bool
        default: true
  schedule:
    description: When it runs, as cron with six fields, seconds first; empty, by hand.
    type: str
    default: 0 0 2 * * *
  immutable:
    description: Rules of tags that cannot be changed; not given, they stay.
    type: list
    elements: dict
    suboptions:
      repositories:
        description: Pattern of the repositories.
        type: str
        default: "**"
      tags:
        description: Pattern of the tags.
        type: str
        default: "**"
  remove_undeclared:
    description: Rules of immutability that are not in O(immutable) are removed.
    type: bool
    default: false
attributes:
  check_mode:
    description: Reads Harbor, and changes nothing.
    support: full
  diff_mode:
    description: Shows rules and schedule before and after.
    support: full
"""

EXAMPLES = r"""
- name: Keep ten images, and never change a release
  forge.platform.harbor_retention:
    endpoint: https://harbor.forge.internal
    username: admin
    password: "{{ harbor_admin_password }}"
    project: platform
    retention:
      - {keep: latestPushedK, count: 10}
      - {keep: always, tags: "v*", untagged: false}
    immutable:
      - {tags: "v*"}
"""

RETURN = r"""
done:
  description: What was changed, or would be.
  returned: success
  type: list
  elements: str
  sample: [retention of project platform]
strangers:
  description: Rules of immutability that are not declared, and were left.
  returned: success
  type: list
  elements: dict
  sample: [{repositories: "repoMatches **", tags: "matches old-*"}]
"""

from collections.abc import Callable
from typing import Any

from ansible_collections.forge.platform.plugins.module_utils import (
    harbor_projects,
    harbor_rules,
)
from ansible_collections.forge.platform.plugins.module_utils.harbor_client import (
    Harbor,
    HarborError,
)
from ansible_collections.forge.platform.plugins.module_utils.harbor_module import (
    Plan,
    perform,
)

PATTERN = {"type": "str", "default": harbor_rules.ALL}
KEEP = {
    "keep": {
        "type": "str",
        "required": True,
        "choices": [*harbor_rules.COUNTED, harbor_rules.ALWAYS],
    },
    "count": {"type": "int"},
    "repositories": PATTERN,
    "tags": PATTERN,
    "untagged": {"type": "bool", "default": True},
}
LOCK = {"repositories": PATTERN, "tags": PATTERN}
SPEC: dict[str, dict[str, Any]] = {
    "project": {"type": "str", "required": True},
    "retention": {"type": "list", "elements": "dict", "options": KEEP},
    "schedule": {"type": "str", "default": "0 0 2 * * *"},
    "immutable": {"type": "list", "elements": "dict", "options": LOCK},
    "remove_undeclared": {"type": "bool", "default": False},
}


def plan(harbor: Harbor, params: dict[str, Any]) -> Plan:
    """Compare a project's rules with what is declared."""
    name = params["project"]
    harbor_rules.check(name, params["retention"] or [], params["schedule"])
    project = harbor_projects.read(harbor, name)
    if project is None and not params["check"]:
        raise HarborError(
            f"rules of project {name}: it is not there: make it first, "
            "with forge.platform.harbor_project"
        )
    found = Plan({}, {}, said={"strangers": []})
    if params["retention"] is not None:
        _plan_retention(harbor, params, project, found)
    if params["immutable"] is not None:
        _plan_immutable(harbor, params, project, found)
    return found


def _plan_retention(
    harbor: Harbor,
    params: dict[str, Any],
    project: harbor_projects.Project | None,
    found: Plan,
) -> None:
    """Add what gives the project its policy. Harbor has at most one a project."""
    what, number = f"retention of project {params['project']}", None
    have = None
    if project and project.retention_id:
        number = project.retention_id
        have = harbor.get(what, f"/retentions/{number}")
    rules, cron = params["retention"], params["schedule"]
    body = harbor_rules.policy(project.id if project else 0, rules, cron)
    before, after = harbor_rules.shown(have), harbor_rules.shown(body)
    found.before["retention"], found.after["retention"] = before, after
    if have is None and not rules:
        found.after["retention"] = before
        return
    if before == after:
        return

    def act() -> None:
        if have is None:
            harbor.create(what, "/retentions", body)
        else:
            harbor.change(what, f"/retentions/{number}", {"id": number, **body})

    found.steps.append((what, act))


def _plan_immutable(
    harbor: Harbor,
    params: dict[str, Any],
    project: harbor_projects.Project | None,
    found: Plan,
) -> None:
    """Add what locks tags; first what is added, so that none is open in between."""
    what = f"immutable tags of project {params['project']}"
    path = f"/projects/{params['project']}/immutabletagrules"
    have = harbor.every(what, path) if project else []
    named = [(harbor_rules.immutable_from_harbor(rule), rule) for rule in have]
    want = [harbor_rules.immutable_from_option(rule) for rule in params["immutable"]]
    found.before["immutable"] = [
        {**rule, "disabled": bool(raw.get("disabled"))} for rule, raw in named
    ]
    found.after["immutable"] = [{**rule, "disabled": False} for rule in want]
    for rule, given in zip(want, params["immutable"], strict=True):
        raw = next((raw for there, raw in named if there == rule), None)
        if raw is None:
            body = harbor_rules.immutable_to_harbor(given)
            found.steps.append((f"{what}: {rule['tags']}", _make(harbor, path, body)))
        elif raw.get("disabled"):
            body = {**raw, "disabled": False}
            step = _enable(harbor, f"{path}/{raw['id']}", body)
            found.steps.append((f"{what}: {rule['tags']}", step))
    for rule, raw in named:
        if rule in want:
            continue
        if params["remove_undeclared"]:
            step = _remove(harbor, f"{path}/{raw['id']}")
            found.steps.append((f"{what}: without {rule['tags']}", step))
        else:
            found.said["strangers"].append(rule)
            found.after["immutable"].append(
                {**rule, "disabled": bool(raw.get("disabled"))}
            )


def _make(harbor: Harbor, path: str, body: dict[str, Any]) -> Callable[[], None]:
    def act() -> None:
        harbor.create("making a rule of immutability", path, body)

    return act


def _enable(harbor: Harbor, path: str, body: dict[str, Any]) -> Callable[[], None]:
    def act() -> None:
        harbor.change("enabling a rule of immutability", path, body)

    return act


def _remove(harbor: Harbor, path: str) -> Callable[[], None]:
    def act() -> None:
        harbor.remove("removing a rule of immutability", path)

    return act


def main() -> None:
    """Have the rules as they are declared."""
    perform(SPEC, plan)


if __name__ == "__main__":
    main()
