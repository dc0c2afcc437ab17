# Copyright (c) The Forge contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The manifests of an overlay as filters; all logic is in ``forge.overlay``."""

from collections.abc import Callable
from typing import Any

from forge.lazy import late


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Map the filters' names to their functions."""
        manifests, state = "forge.overlay.manifests", "forge.overlay.state"
        return {
            "forge_overlay": late(manifests, "resources"),
            "forge_overlay_images": late(manifests, "images"),
            "forge_overlay_names": late(manifests, "names"),
            "forge_overlay_waiting": late(manifests, "waiting"),
            "forge_overlay_left": late(state, "left"),
            "forge_overlay_unready": late(state, "unready"),
            "forge_overlay_problems": late(state, "problems"),
        }
