#!/usr/bin/python
# Copyright (c) The Forge contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module ``forge.platform.service_ready``."""

DOCUMENTATION = r"""
module: service_ready
short_description: Wait until a service of systemd answers
version_added: "0.1.0"
author: The Forge contributors
description:
  - Asks a service until it answers, over HTTP or by connecting, from the host that the
    task runs on.
  - When it gives up, the message has the unit's state and the last lines of its
    journal, without anything that looks like a secret. A unit that has failed for good
    is not waited for.
options:
  unit:
    description: Name of the unit.
    type: str
    required: true
  url:
    description: Address of http or https; a status from 200 to 399 is an answer.
    type: str
  host:
    description: Where to connect to O(port).
    type: str
    default: 127.0.0.1
  port:
    description: Port that must accept a connection.
    type: int
  seconds:
    description: How long to wait.
    type: int
    default: 60
attributes:
  check_mode:
    description: Waits for nothing, since nothing was started.
    support: full
  diff_mode:
    description: There is nothing to show.
    support: none
"""

EXAMPLES = r"""
- name: Wait until the example answers
  forge.platform.service_ready:
    unit: example.service
    url: http://127.0.0.1:8080/health
"""

RETURN = r"""
seconds:
  description: How long it took.
  returned: success
  type: float
  sample: 1.5
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.forge.platform.plugins.module_utils import health, redaction

LINES = 15  # of the journal


def state(module: AnsibleModule) -> dict[str, str]:
    """Return what systemd says of the unit."""
    _, listing, _ = module.run_command(
        ["systemctl", "show", "--property=ActiveState,SubState,Result,NRestarts",
         module.params["unit"]],
        environ_update={"LC_ALL": "C"},
    )  # fmt: skip
    return dict(line.split("=", 1) for line in listing.splitlines() if "=" in line)


def ended(module: AnsibleModule) -> str:
    """Return why the unit will never answer; nothing while it may."""
    found = state(module)
    if found.get("ActiveState") == "failed":
        return f"{module.params['unit']} has failed ({found.get('Result')})"
    return ""


def explain(module: AnsibleModule, problem: str) -> str:
    """Return a message for a service that did not answer."""
    unit, found = module.params["unit"], state(module)
    _, journal, _ = module.run_command(
        ["journalctl", "--no-pager", "--output=cat", f"--lines={LINES}",
         f"--unit={unit}"]
    )  # fmt: skip
    now = f"{found.get('ActiveState')}/{found.get('SubState')}"
    return (
        f"{unit}: {problem}. It is {now}, restarted {found.get('NRestarts')} times. "
        f"Remedy: journalctl -u {unit}; its last lines:\n"
        f"{redaction.redact(journal.strip())}"
    )


def apply(module: AnsibleModule) -> dict[str, Any]:
    """Return the module's answer once the service answers."""
    if module.check_mode:
        return {"changed": False, "seconds": 0.0}
    try:
        seconds, problem = health.wait(module.params, lambda: ended(module))
    except ValueError as error:
        module.fail_json(msg=f"{module.params['unit']}: {error}")
    if problem:
        module.fail_json(msg=explain(module, problem))
    return {"changed": False, "seconds": round(seconds, 1)}


def main() -> None:
    """Wait for the service."""
    module = AnsibleModule(
        argument_spec={"unit": {"type": "str", "required": True}, **health.OPTIONS},
        required_one_of=[("url", "port")],
        mutually_exclusive=[("url", "port")],
        supports_check_mode=True,
    )
    module.exit_json(**apply(module))


if __name__ == "__main__":
    main()
