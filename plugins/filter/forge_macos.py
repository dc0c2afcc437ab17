# Copyright (c) The Forge contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filters for hosts that run macOS; the logic is in ``forge``."""

from collections.abc import Callable
from typing import Any

from forge.lazy import late


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Map the filters' names to their functions."""
        return {
            "forge_pf_anchor": late("forge.pf", "anchor"),
            "forge_wired_limit_mb": late("forge.macos", "wired_limit_mb"),
        }
