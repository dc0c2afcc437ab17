# Copyright (c) The Forge contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filters that turn the resolved topology into one host's network settings.

All logic is in the package ``forge``; this file only carries values.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError

try:
    from forge import nftables, nodes
    from forge.errors import ForgeError
    from forge.topology.hostvars import plain
except ImportError as error:
    IMPORT_ERROR: ImportError | None = error
else:
    IMPORT_ERROR = None


def _call(path: str, *values: object) -> Any:  # noqa: ANN401 - what the function returns
    if IMPORT_ERROR is not None:
        raise AnsibleFilterError(
            "the Python package forge is not importable by the Python that runs "
            "Ansible; run `make venv` and start .venv/bin/ansible-playbook"
        ) from IMPORT_ERROR
    module, _, name = path.partition(".")
    try:
        function = getattr({"nftables": nftables, "nodes": nodes}[module], name)
        return function(*map(plain, values))
    except ForgeError as error:
        raise AnsibleFilterError(str(error)) from error


def forge_firewall(
    topology: Mapping[str, Any],
    host: str,
    pod_interfaces: Sequence[str] = (),
    log_rate: str = "6/minute",
) -> str:
    """Return the body of a host's table ``inet forge``."""
    text: str = _call("nftables.table", topology, host, pod_interfaces, log_rate)
    return text


def forge_locked_out(
    topology: Mapping[str, Any], host: str, target: str, connection: str = ""
) -> str:
    """Return why a host's rules would lock the controller out, or nothing."""
    text: str = _call("nftables.locked_out", topology, host, target, connection)
    return text


def forge_host_names(topology: Mapping[str, Any], host: str) -> list[str]:
    """Return the lines of /etc/hosts with which a host finds the others."""
    lines: list[str] = _call("nodes.host_lines", topology, host)
    return lines


def forge_same_machine(identities: Mapping[str, str]) -> list[str]:
    """Return a sentence for each pair of inventory names that are one machine."""
    sentences: list[str] = _call("nodes.same_machine", identities)
    return sentences


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, Any]:
        """Return the filters by name."""
        return {
            "forge_firewall": forge_firewall,
            "forge_locked_out": forge_locked_out,
            "forge_host_names": forge_host_names,
            "forge_same_machine": forge_same_machine,
        }
