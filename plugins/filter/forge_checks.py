# Copyright (c) The Forge contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The checks of ``forge.cluster_checks`` as filters; all logic is there."""

from collections.abc import Callable
from typing import Any

from forge import cluster_checks


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Map the filters' names to their functions."""
        return {
            "forge_nodes": lambda topology: list(cluster_checks.members(topology)),
            "forge_node_problems": cluster_checks.node_problems,
            "forge_metadata_problems": cluster_checks.metadata_problems,
            "forge_placement_problems": cluster_checks.placement_problems,
            "forge_network_problems": cluster_checks.network_problems,
            "forge_encryption_problems": cluster_checks.encryption_problems,
        }
