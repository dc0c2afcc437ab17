# Copyright (c) The Forge contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filters ``forge_attempts`` and ``forge_violations``; logic in ``forge.reach``."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from ansible.errors import AnsibleFilterError

from forge.lazy import late


def forge_attempts(topology: Mapping[str, Any], source: str) -> list[dict[str, Any]]:
    """Return the connections to try from a host, or from ``controller``."""
    try:
        found = late("forge.reach", "attempts")(topology, source)
    except KeyError as error:
        raise AnsibleFilterError(f"forge_attempts: no host {error}") from error
    return [asdict(item) for item in found]


def forge_violations(
    tried: Mapping[str, Sequence[Mapping[str, Any]]], topology: Mapping[str, Any]
) -> list[str]:
    """Return one line for each outcome that the declared flows do not explain."""
    outcome = late("forge.reach", "Outcome")
    found: list[str] = late("forge.reach", "violations")(
        topology,
        {
            source: [
                # Ansible's own kinds of text become plain here.
                outcome(str(item["address"]), int(item["port"]), str(item["result"]))
                for item in outcomes
            ]
            for source, outcomes in tried.items()
        },
    )
    return found


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Map the filters' names to their functions."""
        return {
            "forge_attempts": forge_attempts,
            "forge_violations": forge_violations,
        }
