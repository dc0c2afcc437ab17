#!/usr/bin/python
# Copyright (c) The Forge contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module ``forge.platform.macos_account``."""

DOCUMENTATION = r"""
module: macos_account
short_description: Have an account for a service on macOS
version_added: "0.1.0"
author: The Forge contributors
description:
  - Makes a hidden user, and a group of its name, that nobody can log in to, in the
    local directory, through dscl.
  - Its number is the lowest one from 400 that is free as a user's and a group's, unless
    it has one.
  - macOS lets a remote session remove accounts only with Full Disk Access for remote
    users (System Settings, General, Sharing, Remote Login).
requirements:
  - macOS, and root
options:
  name:
    description: Name of user and group; begins with an underscore.
    type: str
    required: true
  comment:
    description: What it is for, one line.
    type: str
    default: Service of the Forge
  state:
    description: Whether they are there.
    type: str
    choices: [present, absent]
    default: present
attributes:
  check_mode:
    description: Reads and compares.
    support: full
  diff_mode:
    description: Shows the attributes that differ.
    support: full
"""

EXAMPLES = r"""
- name: Have an account for the example
  forge.platform.macos_account:
    name: _example
"""

RETURN = r"""
number:
  description: Of user and group; 0 where there is none.
  returned: success
  type: int
  sample: 400
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.forge.platform.plugins.module_utils import (
    macos_account as rules,
)

REMEDY = {
    "eDSPermissionError": "become root; over SSH, allow full disk access for remote "
    "users in System Settings, General, Sharing, Remote Login",
}


class Directory:
    """The local directory of this host."""

    def __init__(self, module: AnsibleModule) -> None:
        """Find dscl."""
        self.module = module
        self.dscl = module.get_bin_path("dscl", required=True)

    def call(self, *words: str) -> str:
        """Run dscl on the local directory; fail if it does."""
        code, out, error = self._run(*words)
        if code != 0:
            said = (error or out).strip()
            remedy = next((r for e, r in REMEDY.items() if e in said), "see dscl(1)")
            self.module.fail_json(
                msg=f"{self.module.params['name']}: dscl {words[0]} {words[1]} failed "
                f"with {code}: {said}. Remedy: {remedy}"
            )
        return out

    def read(self, path: str) -> dict[str, str] | None:
        """Return a record's attributes; None if there is no such record."""
        code, out, error = self._run("-read", path, *rules.ATTRIBUTES)
        if code == 0:
            return rules.read_record(out)
        if rules.NOT_FOUND in error + out:
            return None
        self.call("-read", path)
        return {}

    def numbers(self) -> tuple[set[int], set[int]]:
        """Return the numbers that users and groups have."""
        users = self.call("-list", "/Users", "UniqueID")
        groups = self.call("-list", "/Groups", "PrimaryGroupID")
        return rules.read_numbers(users), rules.read_numbers(groups)

    def _run(self, *words: str) -> tuple[int, str, str]:
        answer: tuple[int, str, str] = self.module.run_command(
            [self.dscl, ".", *words], environ_update={"LC_ALL": "C"}
        )
        return answer


def wanted(
    module: AnsibleModule,
    directory: Directory,
    user: dict[str, str] | None,
    group: dict[str, str] | None,
) -> tuple[dict[str, str], dict[str, str]]:
    """Return the attributes that user and group are to have."""
    given = (group or {}).get("PrimaryGroupID") or (user or {}).get("UniqueID")
    number = int(given) if given else rules.free_number(*directory.numbers())
    if number is None:
        module.fail_json(
            msg=f"{module.params['name']}: no number from {rules.NUMBERS.start} to "
            f"{rules.NUMBERS.stop - 1} is free. Remedy: remove an account of a service"
        )
    own = int((user or {}).get("UniqueID") or number)
    return (
        rules.user_attributes(own, number, module.params["comment"]),
        {"PrimaryGroupID": str(number), "RealName": module.params["comment"]},
    )


def apply(module: AnsibleModule) -> dict[str, Any]:
    """Return the module's answer, after doing what it says unless in check mode."""
    name = module.params["name"]
    if rules.NAME.fullmatch(name) is None:
        module.fail_json(
            msg=f"{name!r} is not the name of a service's account. Remedy: an "
            "underscore and up to 30 lower-case letters, digits, '-', '_'"
        )
    directory = Directory(module)
    paths = f"/Users/{name}", f"/Groups/{name}"
    now = [directory.read(path) for path in paths]
    if module.params["state"] == "absent":
        there = [p for p, record in zip(paths, now, strict=True) if record is not None]
        if not module.check_mode:
            for path in there:
                directory.call("-delete", path)
        lines = "".join(f"{path}\n" for path in there)
        diff = {"before": lines, "after": ""}
        return {"changed": bool(there), "number": 0, "diff": diff}
    goal = wanted(module, directory, *now)
    todo = [rules.differences(g, n or {}) for g, n in zip(goal, now, strict=True)]
    if not module.check_mode:
        # The group first: a user whose group is missing is a user of another's.
        for path, record, changes in reversed([*zip(paths, now, todo, strict=True)]):
            if record is None:
                directory.call("-create", path)
                directory.call("-create", path, "Password", "*")
            for key, value in changes.items():
                directory.call("-create", path, key, value)
    before, after = "", ""
    for path, record, changes in zip(paths, now, todo, strict=True):
        old = record or {}
        before += "".join(f"{path} {k}: {old[k]}\n" for k in changes if k in old)
        after += "".join(f"{path} {k}: {v}\n" for k, v in changes.items())
    changed = any(todo) or None in now
    number = int(goal[1]["PrimaryGroupID"])
    diff = {"before": before, "after": after}
    return {"changed": changed, "number": number, "diff": diff}


def main() -> None:
    """Have the account."""
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "comment": {"type": "str", "default": "Service of the Forge"},
            "state": {
                "type": "str",
                "choices": ["present", "absent"],
                "default": "present",
            },
        },
        supports_check_mode=True,
    )
    module.exit_json(**apply(module))


if __name__ == "__main__":
    main()
