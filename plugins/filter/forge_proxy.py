# Copyright (c) The Forge contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter of the inference proxy's role; its logic is in ``forge.proxy_plan``."""

from collections.abc import Callable
from typing import Any

from forge.lazy import late


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Map the filter's name to its function."""
        return {"forge_proxy_plan": late("forge.proxy_plan", "proxy_plan")}
