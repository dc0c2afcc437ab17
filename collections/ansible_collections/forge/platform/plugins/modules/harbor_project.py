#!/usr/bin/python
# Copyright (c) The Forge contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module ``forge.platform.harbor_project``."""

DOCUMENTATION = r"""
module: harbor_project
short_description: Have a project in a Harbor registry
version_added: "0.1.0"
author: The Forge contributors
description:
  - Makes a project, and gives it visibility, scans, and a quota.
extends_documentation_fragment: [forge.platform.harbor]
options:
  name:
    description: Of the project.
    type: str
    required: true
  state:
    description: V(absent) removes it, which Harbor refuses while it holds anything.
    type: str
    choices: [present, absent]
    default: present
  public:
    description: Anyone may pull.
    type: bool
    default: false
  scan_on_push:
    description: Every push is scanned for vulnerabilities.
    type: bool
    default: false
  block_severity:
    description: Images with vulnerabilities this bad or worse cannot be pulled.
    type: str
    choices: [none, low, medium, high, critical]
    default: none
  quota_bytes:
    description:
      - Bytes that it may hold, V(-1) for no limit. Not given, the quota stays what it
        is, and a new project gets Harbor's default.
    type: int
attributes:
  check_mode:
    description: Reads Harbor, and changes nothing.
    support: full
  diff_mode:
    description: Shows the project's settings before and after.
    support: full
"""

EXAMPLES = r"""
- name: Have a project for models of at most 200 GiB
  forge.platform.harbor_project:
    endpoint: https://harbor.forge.internal
    username: admin
    password: "{{ harbor_admin_password }}"
    name: models
    quota_bytes: 214748364800
"""

RETURN = r"""
done:
  description: What was changed, or would be.
  returned: success
  type: list
  elements: str
  sample: [project models]
"""

from typing import Any

from ansible_collections.forge.platform.plugins.module_utils import harbor_projects
from ansible_collections.forge.platform.plugins.module_utils.harbor_client import (
    Harbor,
)
from ansible_collections.forge.platform.plugins.module_utils.harbor_module import (
    Plan,
    perform,
)

SPEC: dict[str, dict[str, Any]] = {
    "name": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    **harbor_projects.OPTIONS,
}


def plan(harbor: Harbor, params: dict[str, Any]) -> Plan:
    """Compare the project with what is declared."""
    name = params["name"]
    have = harbor_projects.read(harbor, name)
    before = have.settings if have else {}
    if params["state"] == "absent":
        found = Plan(before, {})
        if have:
            found.steps.append(
                (
                    f"project {name}",
                    lambda: harbor.remove(
                        f"removing project {name}", f"/projects/{name}"
                    ),
                )
            )
        return found
    want = harbor_projects.wanted(params, have)
    harbor_projects.check_quota(name, have, want["quota_bytes"])
    return Plan(before, want, harbor_projects.steps(harbor, name, have, want))


def main() -> None:
    """Have the project as it is declared."""
    perform(SPEC, plan)


if __name__ == "__main__":
    main()
