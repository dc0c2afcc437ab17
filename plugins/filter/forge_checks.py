# Copyright (c) The Forge contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The checks of ``forge.cluster_checks`` as filters; all logic is there."""

from collections.abc import Callable
from typing import Any

from forge.lazy import late


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Map the filters' names to their functions."""
        checks = "forge.cluster_checks"
        return {
            "forge_node_problems": late(checks, "node_problems"),
            "forge_metadata_problems": late(checks, "metadata_problems"),
            "forge_placement_problems": late(checks, "placement_problems"),
            "forge_network_problems": late(checks, "network_problems"),
            "forge_platform_problems": late(checks, "platform_problems"),
            "forge_encryption_problems": late(checks, "encryption_problems"),
        }
