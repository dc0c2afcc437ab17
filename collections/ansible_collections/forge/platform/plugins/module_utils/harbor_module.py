# Copyright (c) The Forge contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the modules of Harbor share: account, plan, check mode, report."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ansible.module_utils.basic import AnsibleModule, missing_required_lib
from ansible_collections.forge.platform.plugins.module_utils.harbor_client import (
    IMPORT_PROBLEM,
    Harbor,
    HarborError,
)

ACCOUNT: dict[str, dict[str, Any]] = {
    "endpoint": {"type": "str", "required": True},
    "username": {"type": "str", "required": True},
    "password": {"type": "str", "required": True, "no_log": True},
    "ca_path": {"type": "path"},
    "timeout": {"type": "int", "default": 30},
}


@dataclass
class Plan:
    """What is there, what should be, and the steps between, in their order.

    Neither `before` nor `after` holds a secret; what a step returns is not looked at.
    """

    before: dict[str, Any]
    after: dict[str, Any]
    steps: list[tuple[str, Callable[[], object]]] = field(default_factory=list)
    said: dict[str, Any] = field(default_factory=dict)


def perform(
    spec: dict[str, dict[str, Any]],
    plan: Callable[[Harbor, dict[str, Any]], Plan],
    **rules: Any,  # noqa: ANN401 - as of AnsibleModule
) -> None:
    """Run a module: read and plan, then apply unless in check mode.

    Args:
        spec: The module's options beside the account.
        plan: Reads Harbor and changes nothing; gets the options, and `check`: whether
            this is check mode.
        **rules: As for `AnsibleModule`, such as `required_if`.
    """
    module = AnsibleModule({**ACCOUNT, **spec}, supports_check_mode=True, **rules)
    if IMPORT_PROBLEM is not None:
        module.fail_json(msg=missing_required_lib("requests"), exception=IMPORT_PROBLEM)
    done: list[str] = []
    try:
        harbor = Harbor(module.params)
        harbor.require()
        found = plan(harbor, {**module.params, "check": module.check_mode})
        for name, act in () if module.check_mode else found.steps:
            act()
            done.append(name)
    except HarborError as error:
        already = f" (done before: {', '.join(done)})" if done else ""
        module.fail_json(msg=f"{error}{already}", done=done)
    module.exit_json(
        changed=bool(found.steps),
        done=[name for name, _ in found.steps],
        diff={"before": found.before, "after": found.after},
        **found.said,
    )
