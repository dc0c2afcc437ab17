# Copyright (c) The Forge contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filters that write a service for what starts it; the logic is in ``forge``."""

from collections.abc import Callable
from typing import Any

from forge.lazy import late


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Map the filters' names to their functions."""
        return {
            "forge_systemd_unit": late("forge.services.render", "systemd_unit"),
            "forge_launchd_daemon": late("forge.services.render", "launchd_daemon"),
            "forge_folder_problems": late("forge.services.model", "folder_problems"),
        }
