# Copyright (c) The Forge contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filters of the inference engines' roles; the logic is in ``forge.engines``."""

from collections.abc import Callable
from typing import Any

from forge.lazy import late


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Map the filters' names to their functions."""
        return {
            "forge_engine_plan": late("forge.engines", "engine_plan"),
            "forge_model_path": late("forge.paths", "model_path"),
            "forge_engine_address": late("forge.engines", "engine_address"),
            "forge_engine_calls": late("forge.engines", "engine_calls"),
            "forge_engine_targets": late("forge.engines", "engine_targets"),
            "forge_engine_guard": late("forge.engines", "guard_rules"),
        }
