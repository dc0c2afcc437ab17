# Copyright (c) The Forge contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter ``forge_topology``: hostvars in, checked and resolved topology out.

All logic is in the package ``forge.topology``; this file only carries values
between Ansible and it.
"""

DOCUMENTATION = r"""
name: forge_topology
short_description: Check the whole inventory and resolve it
version_added: "0.1.0"
author: The Forge contributors
description:
  - Reads the C(forge_*) variables of every host of the inventory, whatever C(--limit)
    says, checks them against all rules, and returns one dictionary that roles read.
  - Contacts no host. Every finding is reported at once, with file, host, field and fix.
  - The rules are listed in docs/inventory.md.
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
notes:
  - The Python package C(forge) must be importable on the controller (C(make venv)).
"""

EXAMPLES = r"""
- name: Check the inventory before any host is touched
  ansible.builtin.set_fact:
    forge_topology: >-
      {{ hostvars | forge_topology(groups, versions, ansible_inventory_sources) }}
  run_once: true
"""

RETURN = r"""
_value:
  description: The resolved topology.
  type: dict
  contains:
    digest:
      description: Digest of everything else, C(sha256:) and 64 hex digits.
      type: str
    name:
      description: C(forge_name).
      type: str
    domain:
      description: C(forge_domain).
      type: str
    wires:
      description: Wire name to C(cidr).
      type: dict
    cluster:
      description: Ranges, DNS, API address and port, names and number of servers.
      type: dict
    controller:
      description: Wire name to the controller's address.
      type: dict
    ports:
      description: Port names with a number or a range, C(api) included.
      type: dict
    hosts:
      description:
        - Host name to tier, os, arch, model, role, components, memory_gb, pins,
          is_server, is_agent, addresses, labels, taints and ingress.
        - Each entry of C(ingress) has flow, wire, protocol, ports, sources and
          destination.
      type: dict
    flows:
      description: The declared flows, with port names resolved.
      type: list
      elements: dict
"""

from collections.abc import Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError


def forge_topology(
    hostvars: Mapping[str, Mapping[str, Any]],
    groups: Mapping[str, Sequence[str]],
    versions: Mapping[str, Any] | None = None,
    sources: Sequence[str] = (),
) -> dict[str, Any]:
    """Return the resolved topology, or fail with every finding."""
    try:
        # Here, not above: Ansible loads this file in the process of each task.
        from forge.topology import describe, examine_hostvars, report  # noqa: PLC0415
    except ImportError as error:
        raise AnsibleFilterError(
            "the Python package forge is not importable by the Python of this run;"
            " run `make venv` and use .venv/bin/ansible-playbook"
        ) from error
    topology, findings = examine_hostvars(hostvars, groups, versions, sources)
    if findings:
        raise AnsibleFilterError(report(findings))
    return describe(topology)


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, Any]:
        """Return the filter by name."""
        return {"forge_topology": forge_topology}
