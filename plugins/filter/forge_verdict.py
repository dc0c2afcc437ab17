# Copyright (c) The Forge contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filters ``forge_proposal`` and ``forge_verdict``."""

import importlib
from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleFilterError


def late(function: str) -> Callable[..., Any]:
    """Return a function of ``forge.change.judging`` that is imported when called."""

    def call(*values: Any, **named: Any) -> Any:  # noqa: ANN401 - as the function
        logic = importlib.import_module("forge.change.judging")
        known = importlib.import_module("forge.errors").ForgeError
        try:
            return getattr(logic, function)(*values, **named)
        except known as error:
            raise AnsibleFilterError(str(error)) from error

    return call


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Map the filters' names to their functions."""
        return {"forge_proposal": late("proposal"), "forge_verdict": late("verdict")}
