# Copyright (c) The Forge contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filters for hosts that run macOS; the logic is in ``forge``."""

from collections.abc import Callable
from typing import Any

from forge.lazy import late


def plainly(module: str, function: str) -> Callable[..., Any]:
    """Return a function that takes Ansible's values as built-in types."""

    def call(*values: object) -> Any:  # noqa: ANN401 - as the function
        plain = late("forge.topology.hostvars", "plain")
        return late(module, function)(*map(plain, values))

    return call


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Map the filters' names to their functions."""
        return {
            "forge_pf_anchor": plainly("forge.pf", "anchor"),
            "forge_engine_guards": plainly("forge.pf", "engine_guards"),
            "forge_wired_limit_mb": plainly("forge.macos", "wired_limit_mb"),
        }
