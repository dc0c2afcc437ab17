#!/usr/bin/python
# Copyright (c) The Forge contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module ``forge.platform.config_files``."""

DOCUMENTATION = r"""
module: config_files
short_description: Own the small files of one service, all or none
version_added: "0.1.0"
author: The Forge contributors
description:
  - Writes the files that belong together in one step, with their folders. Every file is
    validated before the first one is replaced; each is replaced at once.
  - One connection for all of them, where a task for each would need two or three.
options:
  folders:
    description: Folders that are made, or given their owner and mode, before the files.
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description: Absolute path. Missing parents are made with mode 0755.
        type: path
        required: true
      mode:
        description: Permissions as octal digits.
        type: str
        default: "0755"
      owner:
        description: Account that it belongs to.
        type: str
        default: root
      group:
        description: Its group; the owner's own unless given.
        type: str
        default: ""
  files:
    description: The files, with their whole content.
    type: list
    elements: dict
    required: true
    suboptions:
      path:
        description: Absolute path. Missing folders are made with mode 0755.
        type: path
        required: true
      content:
        description: Everything that stands in the file.
        type: str
        required: true
      mode:
        description: Permissions as octal digits.
        type: str
        default: "0644"
      owner:
        description: Account that it belongs to, with the account's own group.
        type: str
        default: root
      validate:
        description:
          - Command that must succeed, C(%s) standing for a file with the new content.
          - It is split into words and started without a shell.
        type: str
        default: ""
  exclusive:
    description:
      - A folder in which no other files are left, nor in those below it. It need not
        exist.
    type: path
  unit:
    description:
      - Unit of systemd that reads the files. Where it runs since before the newest of
        them, the task is changed although no file is, so that a restart which an
        interrupted run left out is made up for.
    type: str
    default: ""
  product:
    description:
      - File that is made from the files; as for O(unit), one that is older than the
        newest of them makes the task changed.
    type: path
  inputs:
    description:
      - Further paths that O(unit) reads when it starts, such as its program or a link
        to a release. Only their times count; a path that is missing does not.
    type: list
    elements: path
    default: []
attributes:
  check_mode:
    description: Validates and compares, and writes nothing that stays.
    support: full
  diff_mode:
    description: Shows the difference of each file.
    support: full
"""

EXAMPLES = r"""
- name: Configure the example
  forge.platform.config_files:
    files:
      - path: /etc/example/example.conf
        content: "{{ lookup('ansible.builtin.template', 'example.conf.j2') }}"
        validate: exampled --check-config %s
      - path: /etc/default/example
        content: |
          OPTIONS=--quiet
      - path: /etc/example/password
        content: "{{ example_password }}"
        owner: example
        mode: "0600"
    folders:
      - path: /var/lib/example
        owner: example
        mode: "0700"
    unit: example.service
  notify: Restart the example
"""

RETURN = r"""
outdated:
  description: Whether the unit or the product is older than files that did not change.
  returned: success
  type: bool
  sample: false
written:
  description: Files and folders that were written or, in check mode, would be.
  returned: success
  type: list
  elements: str
  sample: [/etc/example/example.conf]
removed:
  description: Paths in the exclusive folder that were or would be removed.
  returned: success
  type: list
  elements: str
  sample: []
"""

import grp
import os
import pwd
import shlex
import stat
import tempfile
from datetime import datetime
from typing import Any

from ansible.module_utils.basic import AnsibleModule


def present(path: str) -> tuple[str | None, str, tuple[int, int] | None]:
    """Return content, mode as four octal digits, and uid and gid of a file."""
    try:
        with open(path, encoding="utf-8") as file:  # noqa: PTH123 - Ansible's style
            content = file.read()
            status = os.fstat(file.fileno())
    except FileNotFoundError:
        return None, "", None
    owner = status.st_uid, status.st_gid
    return content, f"{stat.S_IMODE(status.st_mode):04o}", owner


def ids(module: AnsibleModule, wanted: dict[str, str]) -> tuple[int, int]:
    """Return uid and gid of whom a file or folder shall belong to.

    In check mode an account that an earlier task would have made has neither.
    """
    owner, group = wanted["owner"], wanted.get("group", "")
    try:
        found = pwd.getpwnam(owner)
        return found.pw_uid, grp.getgrnam(group).gr_gid if group else found.pw_gid
    except KeyError as error:
        if module.check_mode:
            return -1, -1
        module.fail_json(msg=f"{wanted['path']}: {error.args[0]}; nothing was changed")
        raise


def folders(module: AnsibleModule) -> list[str]:
    """Make the folders, and return those that differed."""
    changed = []
    for wanted in module.params["folders"]:
        path, mode, owner = wanted["path"], int(wanted["mode"], 8), ids(module, wanted)
        if os.path.isdir(path) and not os.path.islink(path):  # noqa: PTH112, PTH114
            status = os.stat(path)  # noqa: PTH116
            now = stat.S_IMODE(status.st_mode), (status.st_uid, status.st_gid)
            if now == (mode, owner):
                continue
        changed.append(path)
        if not module.check_mode:
            os.makedirs(path, mode=0o755, exist_ok=True)  # noqa: PTH103
            os.chown(path, *owner)
            os.chmod(path, mode)  # noqa: PTH101
    return changed


def validate(module: AnsibleModule, wanted: dict[str, str]) -> None:
    """Fail if a file's command refuses its new content; nothing was changed yet."""
    if not wanted["validate"]:
        return
    scratch = os.path.join(module.tmpdir, "validated")  # noqa: PTH118
    _write(scratch, wanted["content"])
    os.chmod(scratch, int(wanted["mode"], 8))  # noqa: PTH101
    words = [w.replace("%s", scratch) for w in shlex.split(wanted["validate"])]
    code, out, problem = module.run_command(words)
    os.unlink(scratch)  # noqa: PTH108
    if code != 0:
        module.fail_json(
            msg=f"{wanted['path']}: {words[0]} refuses the new content; no file was "
            f"changed: {(problem or out).strip()}"
        )


def replace(wanted: dict[str, str], owner: tuple[int, int]) -> None:
    """Write a file beside its place and move it there."""
    folder = os.path.dirname(wanted["path"])  # noqa: PTH120
    os.makedirs(folder, mode=0o755, exist_ok=True)  # noqa: PTH103
    descriptor, scratch = tempfile.mkstemp(dir=folder, prefix=".forge-")
    os.close(descriptor)
    _write(scratch, wanted["content"])
    os.chown(scratch, *owner)
    os.chmod(scratch, int(wanted["mode"], 8))  # noqa: PTH101
    # Not atomic_move, which would keep the old file's owner and mode.
    os.replace(scratch, wanted["path"])  # noqa: PTH105


def leftovers(folder: str | None, keep: set[str]) -> list[str]:
    """Return the files of a folder, and of those below, that are not to be kept."""
    if folder is None or not os.path.isdir(folder):  # noqa: PTH112
        return []
    paths = (
        os.path.join(where, name)  # noqa: PTH118
        for where, _, names in sorted(os.walk(folder))
        for name in sorted(names)
    )
    return [p for p in paths if p not in keep and os.path.isfile(p)]  # noqa: PTH113


def started(listing: str) -> float | None:
    """Return when a running unit last changed its state, a reload included.

    Args:
        listing: Output of ``systemctl show`` with ActiveState and StateChangeTimestamp.

    Returns:
        Seconds since 1970; None if the unit does not run.
    """
    values = dict(line.split("=", 1) for line in listing.splitlines() if "=" in line)
    if values.get("ActiveState") != "active":
        return None
    stamp = values["StateChangeTimestamp"].replace("UTC", "+0000")
    # The form of systemctl --timestamp=us+utc.
    return datetime.strptime(stamp, "%a %Y-%m-%d %H:%M:%S.%f %z").timestamp()


def outdated(module: AnsibleModule) -> bool:
    """Return whether what reads the files is older than the newest of them."""
    unit, product = module.params["unit"], module.params["product"]
    since: float | None = None
    if unit:
        _, listing, _ = module.run_command(
            ["systemctl", "show", "--timestamp=us+utc",
             "--property=ActiveState,StateChangeTimestamp", unit],
            environ_update={"LC_ALL": "C"},
        )  # fmt: skip
        since = started(listing)
    elif product and os.path.exists(product):  # noqa: PTH110
        since = os.path.getmtime(product)  # noqa: PTH204
    paths = [wanted["path"] for wanted in module.params["files"]]
    # A removed file shows in its folder's time only.
    paths += [module.params["exclusive"]] if module.params["exclusive"] else []
    paths += module.params["inputs"]
    # A link that was switched to an older release is itself younger.
    times = [
        max(os.path.getmtime(path), os.lstat(path).st_mtime)  # noqa: PTH204
        for path in paths
        if os.path.exists(path)  # noqa: PTH110
    ]
    return since is not None and any(time > since for time in times)


def apply(module: AnsibleModule) -> dict[str, Any]:
    """Return the module's answer, after doing what it says unless in check mode."""
    stale, diffs = [], []
    owners = {wanted["path"]: ids(module, wanted) for wanted in module.params["files"]}
    for wanted in module.params["files"]:
        content, mode, owner = present(wanted["path"])
        now = content, mode, owner
        if now != (wanted["content"], wanted["mode"], owners[wanted["path"]]):
            validate(module, wanted)
            stale.append(wanted)
            diffs.append(
                {
                    "before_header": f"{wanted['path']} {mode}".strip(),
                    "after_header": f"{wanted['path']} {wanted['mode']}",
                    "before": content or "",
                    "after": wanted["content"],
                }
            )
    keep = {wanted["path"] for wanted in module.params["files"]}
    gone = leftovers(module.params["exclusive"], keep)
    late = outdated(module)
    made = folders(module)
    if not module.check_mode:
        for wanted in stale:
            replace(wanted, owners[wanted["path"]])
        for path in gone:
            os.unlink(path)  # noqa: PTH108
    return {
        "changed": bool(made or stale or gone or late),
        "outdated": late,
        "written": [*made, *(wanted["path"] for wanted in stale)],
        "removed": gone,
        "diff": [*diffs, *({"before": f"{p}\n", "after": ""} for p in gone)],
    }


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="utf-8") as file:  # noqa: PTH123
        file.write(text)


def main() -> None:
    """Own the files."""
    module = AnsibleModule(
        argument_spec={
            "files": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": {
                    "path": {"type": "path", "required": True},
                    "content": {"type": "str", "required": True},
                    "mode": {"type": "str", "default": "0644"},
                    "owner": {"type": "str", "default": "root"},
                    "validate": {"type": "str", "default": ""},
                },
            },
            "folders": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {
                    "path": {"type": "path", "required": True},
                    "mode": {"type": "str", "default": "0755"},
                    "owner": {"type": "str", "default": "root"},
                    "group": {"type": "str", "default": ""},
                },
            },
            "exclusive": {"type": "path"},
            "unit": {"type": "str", "default": ""},
            "product": {"type": "path"},
            "inputs": {"type": "list", "elements": "path", "default": []},
        },
        mutually_exclusive=[("unit", "product")],
        supports_check_mode=True,
    )
    module.exit_json(**apply(module))


if __name__ == "__main__":
    main()
