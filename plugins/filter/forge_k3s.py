# Copyright (c) The Forge contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filters of the role ``k3s``; all logic is in the package ``forge.k3s``."""

from typing import Any

from forge.lazy import late


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, Any]:
        """Return the filters by name."""
        return {
            f"forge_k3s_{name}": late("forge.k3s", name)
            for name in (
                "version_finding",
                "token_finding",
                "registration_labels",
                "registration_taints",
            )
        }
