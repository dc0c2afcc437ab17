# Copyright (c) The Forge contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filters ``forge_topology`` and ``forge_topology_findings``.

Hostvars in; the checked and resolved topology, or what is wrong with it, out. All
logic is in the package ``forge.topology``; this file only carries values between
Ansible and it. Each filter's documentation is in the YAML file of its name.
"""

from typing import Any

from ansible.errors import AnsibleFilterError


def forge_topology(*values: Any, **named: Any) -> dict[str, Any]:  # noqa: ANN401 - as examine_hostvars
    """Return the resolved topology, or fail with every finding."""
    package = _package()
    topology, findings = package.examine_hostvars(*values, **named)
    if findings:
        raise AnsibleFilterError(package.report(findings))
    resolved: dict[str, Any] = package.describe(topology)
    return resolved


def forge_topology_findings(*values: Any, **named: Any) -> str:  # noqa: ANN401 - as examine_hostvars
    """Return the report of everything that is wrong, empty if nothing is."""
    package = _package()
    _, findings = package.examine_hostvars(*values, **named)
    return str(package.report(findings)) if findings else ""


def _package() -> Any:  # noqa: ANN401 - a module
    """Return ``forge.topology``, which is the first thing that any playbook needs."""
    try:
        # Here, not above: Ansible loads this file in the process of each task.
        import forge.topology as package  # noqa: PLC0415
    except ImportError as error:
        raise AnsibleFilterError(
            "the Python package forge is not importable by the Python of this run;"
            " run `make venv` and use .venv/bin/ansible-playbook"
        ) from error
    return package


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, Any]:
        """Return the filters by name."""
        return {
            "forge_topology": forge_topology,
            "forge_topology_findings": forge_topology_findings,
        }
