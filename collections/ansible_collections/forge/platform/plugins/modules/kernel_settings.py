#!/usr/bin/python
# Copyright (c) The Forge contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module ``forge.platform.kernel_settings``."""

DOCUMENTATION = r"""
module: kernel_settings
short_description: Set the kernel settings that this host can set for itself
version_added: "0.1.0"
author: The Forge contributors
description:
  - Sets values below C(/proc/sys) and keeps them in one file for the next start.
  - What the kernel does not have, what can only be read, and what in a container is
    that of the whole machine, is left alone and returned with the reason, unless it
    is required.
  - The present values count, not only the file, so that a value changed by hand is set
    again.
options:
  settings:
    description: Names of settings with their values.
    type: dict
    required: true
  required:
    description: Names that must be settable; the module fails where one is not.
    type: list
    elements: str
    default: []
  path:
    description: File for C(sysctl.d), read at each start of the host.
    type: path
    required: true
attributes:
  check_mode:
    description: Reads the present values and says what would be set.
    support: full
  diff_mode:
    description: Shows each changed value and the file.
    support: full
"""

EXAMPLES = r"""
- name: Let the node route
  forge.platform.kernel_settings:
    settings:
      net.ipv4.ip_forward: 1
      net.bridge.bridge-nf-call-iptables: 1
    required: [net.ipv4.ip_forward]
    path: /etc/sysctl.d/90-example.conf
"""

RETURN = r"""
set:
  description: Settings whose value was changed, with the value before.
  returned: success
  type: dict
  sample: {net.ipv4.ip_forward: "0"}
left_alone:
  description: Settings that this host cannot set, with the reason.
  returned: success
  type: dict
  sample: {net.bridge.bridge-nf-call-iptables: this kernel does not have it}
"""

import os
import shutil
import stat
import tempfile
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.forge.platform.plugins.module_utils import (
    kernel_settings as rules,
)


def obstacles(module: AnsibleModule, names: list[str]) -> dict[str, str]:
    """Return the settings that cannot be set on this host, with the reason."""
    # systemd-detect-virt answers 0 in a container and something else outside of one.
    detector = shutil.which("systemd-detect-virt")
    container = bool(
        detector and module.run_command([detector, "--container", "--quiet"])[0] == 0
    )
    mounts = rules.mounted(_read("/proc/self/mountinfo"))
    found = {}
    for name in names:
        path = rules.path_of(name)
        exists = os.path.exists(path)  # noqa: PTH110 - Ansible's style
        found[name] = rules.obstacle(
            name,
            exists=exists,
            # The mode, not access(2), which says yes to root whatever the mode is.
            writable=exists and bool(os.stat(path).st_mode & stat.S_IWUSR),  # noqa: PTH116
            container=container,
            mounts=mounts,
        )
    return {name: reason for name, reason in found.items() if reason}


def apply(module: AnsibleModule) -> dict[str, Any]:
    """Return the module's answer, after doing what it says unless in check mode."""
    wanted = {name: str(value) for name, value in module.params["settings"].items()}
    left_alone = obstacles(module, list(wanted))
    missing = [name for name in module.params["required"] if name in left_alone]
    if missing:
        reasons = "; ".join(f"{name}: {left_alone[name]}" for name in missing)
        module.fail_json(msg=f"required kernel settings cannot be set: {reasons}")
    wanted = {n: v for n, v in wanted.items() if n not in left_alone}
    before = {name: _read(rules.path_of(name)).strip() for name in wanted}
    changes = {n: before[n] for n, v in wanted.items() if not rules.same(before[n], v)}
    path, text = module.params["path"], rules.file_text(wanted)
    present = _read(path) if os.path.exists(path) else ""  # noqa: PTH110
    if not module.check_mode:
        for name in changes:
            _set(module, name, wanted[name])
        if present != text:
            _replace(module, path, text)
    return {
        "changed": bool(changes) or present != text,
        "set": changes,
        "left_alone": left_alone,
        "diff": [
            {
                "before": _lines(changes),
                "after": _lines({name: wanted[name] for name in changes}),
            },
            {
                "before_header": path,
                "after_header": path,
                "before": present,
                "after": text,
            },
        ],
    }


def _set(module: AnsibleModule, name: str, value: str) -> None:
    try:
        with open(rules.path_of(name), "w", encoding="ascii") as file:  # noqa: PTH123
            file.write(value + "\n")
    except OSError as error:
        module.fail_json(msg=f"the kernel refuses {name} = {value}: {error.strerror}")


def _replace(module: AnsibleModule, path: str, text: str) -> None:
    descriptor, scratch = tempfile.mkstemp(dir=os.path.dirname(path))  # noqa: PTH120
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(scratch, 0o644)  # noqa: PTH101
    module.atomic_move(scratch, path)


def _read(path: str) -> str:
    with open(path, encoding="utf-8") as file:  # noqa: PTH123
        return file.read()


def _lines(settings: dict[str, str]) -> str:
    return "".join(f"{name} = {value}\n" for name, value in sorted(settings.items()))


def main() -> None:
    """Set what this host can set."""
    module = AnsibleModule(
        argument_spec={
            "settings": {"type": "dict", "required": True},
            "required": {"type": "list", "elements": "str", "default": []},
            "path": {"type": "path", "required": True},
        },
        supports_check_mode=True,
    )
    module.exit_json(**apply(module))


if __name__ == "__main__":
    main()
