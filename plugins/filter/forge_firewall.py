# Copyright (c) The Forge contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filters that turn the resolved topology into one host's network settings.

All logic is in the package ``forge``; this file only carries values. The package is
imported at the first use of a filter: Ansible loads every filter file in the process
of each task, whatever the task uses.
"""

import importlib
from collections.abc import Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError


def _call(module: str, function: str, *values: object) -> Any:  # noqa: ANN401 - what the function returns
    logic = importlib.import_module(f"forge.{module}")
    plain = importlib.import_module("forge.topology.hostvars").plain
    known = importlib.import_module("forge.errors").ForgeError
    try:
        return getattr(logic, function)(*map(plain, values))
    except known as error:
        raise AnsibleFilterError(str(error)) from error


def forge_firewall(
    topology: Mapping[str, Any],
    host: str,
    pod_interfaces: Sequence[str] = (),
    log_rate: str = "6/minute",
) -> str:
    """Return the body of a host's table ``inet forge``."""
    text: str = _call("nftables", "table", topology, host, pod_interfaces, log_rate)
    return text


def forge_locked_out(
    topology: Mapping[str, Any], host: str, target: str, connection: str = ""
) -> str:
    """Return why a host's rules would lock the controller out, or nothing."""
    text: str = _call("nftables", "locked_out", topology, host, target, connection)
    return text


def forge_host_names(topology: Mapping[str, Any], host: str) -> list[str]:
    """Return the lines of /etc/hosts with which a host finds the others."""
    lines: list[str] = _call("nodes", "host_lines", topology, host)
    return lines


def forge_same_machine(identities: Mapping[str, str]) -> list[str]:
    """Return a sentence for each pair of inventory names that are one machine."""
    sentences: list[str] = _call("nodes", "same_machine", identities)
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
