# Copyright (c) The Forge contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter ``forge_topology_findings``: what is wrong with the inventory, as text."""

DOCUMENTATION = r"""
name: forge_topology_findings
short_description: Report everything that is wrong with the inventory
version_added: "0.1.0"
author: The Forge contributors
description:
  - Applies the same rules as C(forge_topology), and returns their report instead of
    failing, so that a play can show it once, without a trace of templates around it.
  - Contacts no host.
positional: groups, versions, sources
options:
  _input:
    description: The magic variable C(hostvars).
    type: dict
    required: true
  groups:
    description: The magic variable C(groups).
    type: dict
    required: true
  versions:
    description:
      - The content of versions.yml. Without it, pins and versions are not checked.
    type: dict
  sources:
    description:
      - The magic variable C(ansible_inventory_sources). Findings
        then name file and line.
    type: list
    elements: path
    default: []
seealso:
  - plugin: forge_topology
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Refuse a wrong inventory
  ansible.builtin.fail:
    msg: "{{ findings }}"
  when: findings | length > 0
  vars:
    findings: >-
      {{ hostvars | forge_topology_findings(
           groups, versions, ansible_inventory_sources) }}
"""

RETURN = r"""
_value:
  description: The report, one finding after the other; empty for a valid inventory.
  type: str
"""

from collections.abc import Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError


def forge_topology_findings(
    hostvars: Mapping[str, Mapping[str, Any]],
    groups: Mapping[str, Sequence[str]],
    versions: Mapping[str, Any] | None = None,
    sources: Sequence[str] = (),
) -> str:
    """Return the report of everything that is wrong, empty if nothing is."""
    try:
        # Here, not above: Ansible loads this file in the process of each task.
        from forge.topology import examine_hostvars, report  # noqa: PLC0415
    except ImportError as error:
        raise AnsibleFilterError(
            "the Python package forge is not importable by the Python of this run;"
            " run `make venv` and use .venv/bin/ansible-playbook"
        ) from error
    _, findings = examine_hostvars(hostvars, groups, versions, sources)
    return report(findings) if findings else ""


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, Any]:
        """Return the filter by name."""
        return {"forge_topology_findings": forge_topology_findings}
