# Copyright (c) The Forge contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the modules that bring models have in common: options, and how they run."""

from collections.abc import Callable
from typing import Any

from ansible.module_utils.basic import AnsibleModule, missing_required_lib
from ansible_collections.forge.platform.plugins.module_utils.model_files import (
    ModelError,
)

# Who asks a registry, and how.
ACCOUNT: dict[str, dict[str, Any]] = {
    "username": {"type": "str"},
    "password": {"type": "str", "no_log": True},
    "plain_http": {"type": "bool"},
    "ca_path": {"type": "path"},
}
OPTIONS: dict[str, dict[str, Any]] = {**ACCOUNT, "progress": {"type": "path"}}


def account(params: dict[str, Any]) -> dict[str, Any]:
    """Return what a registry is told of who asks, out of a module's parameters."""
    return {name: params[name] for name in ACCOUNT}


def run(
    module: AnsibleModule,
    act: Callable[..., dict[str, Any]],
    problem: str | None,
    reason: str,
) -> None:
    """Act and answer; an error of the model or of the host is the module's failure.

    Args:
        module: With its parameters.
        act: Takes them and ``check``; returns the answer.
        problem: Why ``requests`` cannot be imported; None where it can.
        reason: What it is needed for.
    """
    if problem is not None:
        module.fail_json(
            msg=missing_required_lib("requests", reason=reason), exception=problem
        )
    try:
        result = act(module.params, check=module.check_mode)
    except (ModelError, OSError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(**result)
