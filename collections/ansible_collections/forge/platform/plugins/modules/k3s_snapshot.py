#!/usr/bin/python
# Copyright (c) The Forge contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module ``forge.platform.k3s_snapshot``."""

DOCUMENTATION = r"""
module: k3s_snapshot
short_description: Take a snapshot of K3s's etcd, or see that one is whole
version_added: "0.1.0"
author: The Forge contributors
description:
  - With I(state=saved), takes a snapshot on a running server, sees that it is whole,
    and removes the oldest of its name beyond I(keep).
  - With I(state=whole), reads a file and compares the digest that etcd puts at its end.
options:
  state:
    description: What to do.
    type: str
    choices: [saved, whole]
    default: saved
  name:
    description: What the snapshot's name begins with.
    type: str
    default: on-demand
  keep:
    description: Snapshots of that name that are kept; 0 keeps all.
    type: int
    default: 0
  path:
    description: The file, with I(state=whole).
    type: path
  program:
    description: The K3s program.
    type: path
    default: /usr/local/bin/k3s
attributes:
  check_mode:
    description: Reads files, and takes no snapshot.
    support: full
  diff_mode:
    description: Shows the name of a snapshot.
    support: full
"""

EXAMPLES = r"""
- name: Snapshot before an upgrade
  forge.platform.k3s_snapshot:
    name: before-upgrade
    keep: 5

- name: See that a copy is whole
  forge.platform.k3s_snapshot:
    state: whole
    path: /var/tmp/on-demand-control-01-1764000000
"""

RETURN = r"""
path:
  description: The file.
  returned: success, not with I(state=saved) in check mode
  type: str
  sample: /var/lib/rancher/k3s/server/db/snapshots/on-demand-control-01-1764000000
size:
  description: Bytes of it.
  returned: success, not with I(state=saved) in check mode
  type: int
  sample: 5062688
sha256:
  description: Its digest.
  returned: success, not with I(state=saved) in check mode
  type: str
  sample: 4e8d4b558d2f110ac15c714450523e5a4017ef5823a1303d97d9500ae8240164
"""

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.forge.platform.plugins.module_utils import k3s_snapshots


def main() -> None:
    """Take one, or look at one."""
    module = AnsibleModule(
        argument_spec={
            "state": {
                "type": "str",
                "choices": ["saved", "whole"],
                "default": "saved",
            },
            "name": {"type": "str", "default": "on-demand"},
            "keep": {"type": "int", "default": 0},
            "path": {"type": "path"},
            "program": {"type": "path", "default": "/usr/local/bin/k3s"},
        },
        required_if=[("state", "whole", ["path"])],
        supports_check_mode=True,
    )
    if module.params["state"] == "whole":
        module.exit_json(changed=False, **described(module, module.params["path"]))
    if module.check_mode:
        module.exit_json(changed=True)
    made = saved(module)
    told = described(module, made.path)
    if module.params["keep"]:
        said(
            module,
            [
                "prune",
                f"--name={module.params['name']}",
                f"--snapshot-retention={module.params['keep']}",
            ],
        )
    diff = {"before": "", "after": f"{made.name}\n"}
    module.exit_json(changed=True, diff=diff, **told)


def saved(module: AnsibleModule) -> k3s_snapshots.Snapshot:
    """Take a snapshot; return its row of the list."""
    before = listed(module)
    said(module, ["save", f"--name={module.params['name']}"])
    new = k3s_snapshots.added(before, listed(module))
    if not new:
        module.fail_json(
            msg="k3s etcd-snapshot save ended well, and there is no new file; "
            "see the journal of k3s and the room on its disk"
        )
    return new[-1]


def listed(module: AnsibleModule) -> list[k3s_snapshots.Snapshot]:
    """Return the snapshots that there are."""
    try:
        return k3s_snapshots.read_list(said(module, ["ls"]))
    except ValueError as error:
        module.fail_json(msg=f"k3s etcd-snapshot ls: {error}")


def described(module: AnsibleModule, path: str) -> dict[str, object]:
    """Return what is told of a file, which must be whole."""
    finding = k3s_snapshots.problem(Path(path))
    if finding:
        module.fail_json(msg=f"{finding}; nothing was changed. Take another snapshot")
    file = Path(path)
    digest = k3s_snapshots.digest_of(file)
    return {"path": path, "size": file.stat().st_size, "sha256": digest}


def said(module: AnsibleModule, words: list[str]) -> str:
    """Run the command of K3s, which has to succeed; return its output."""
    command = [module.params["program"], "etcd-snapshot", *words]
    status, output, errors = module.run_command(command)
    if status != 0:
        module.fail_json(
            msg=f"`{' '.join(command)}` ended with {status}: {errors.strip()[-400:]}; "
            "see that k3s.service runs on this server and that its disk has room",
        )
    return str(output)


if __name__ == "__main__":
    main()
