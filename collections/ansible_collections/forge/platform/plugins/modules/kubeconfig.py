#!/usr/bin/python
# Copyright (c) The Forge contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module ``forge.platform.kubeconfig``: one entry beside those of others."""

DOCUMENTATION = r"""
module: kubeconfig
short_description: Keep one cluster's entry in a kubeconfig
version_added: "0.1.0"
author: The Forge contributors
description:
  - Adds cluster, user and context of one cluster to a kubeconfig, or brings them up to
    date, and leaves every other entry as it is.
  - An entry of the same name that was not written by this module is refused, never
    replaced.
  - The file is replaced at once and has mode 0600.
requirements:
  - Python package C(PyYAML) for the interpreter that runs the module
options:
  path:
    description: The kubeconfig; its folder is made if needed. Links are followed.
    type: path
    required: true
  content:
    description: A kubeconfig, YAML, whose current context leads to the cluster.
    type: str
    required: true
  server:
    description: URL of the cluster's API, as seen from where the file is used.
    type: str
    required: true
  context:
    description: Name of the context, and of its cluster and user.
    type: str
    required: true
attributes:
  check_mode:
    description: Says what would change.
    support: full
  diff_mode:
    description: Shows names and addresses, never a credential.
    support: full
"""

EXAMPLES = r"""
- name: Keep the cluster's entry
  forge.platform.kubeconfig:
    path: ~/.kube/config
    content: "{{ __example_kubeconfig.content | b64decode }}"
    server: https://192.0.2.11:6443
    context: forge
  delegate_to: localhost
  no_log: true
"""

RETURN = r"""
path:
  description: The file that was written, links resolved.
  returned: success
  type: str
  sample: /home/u/.kube/config
"""

import os
import stat
import tempfile
import traceback
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule, missing_required_lib
from ansible_collections.forge.platform.plugins.module_utils.kubeconfig import (
    KubeconfigError,
    merge,
    summary,
)

try:
    import yaml
except ImportError:
    YAML_PROBLEM = traceback.format_exc()
else:
    YAML_PROBLEM = None

MODE = 0o600


def main() -> None:
    """Keep the entry."""
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "content": {"type": "str", "required": True, "no_log": True},
            "server": {"type": "str", "required": True},
            "context": {"type": "str", "required": True},
        },
        supports_check_mode=True,
    )
    if YAML_PROBLEM is not None:
        module.fail_json(msg=missing_required_lib("PyYAML"), exception=YAML_PROBLEM)
    path = Path(os.path.realpath(module.params["path"]))
    try:
        result = keep(path, module.params, check=module.check_mode)
    except KubeconfigError as error:
        module.fail_json(msg=f"{path}: {error}")
    except OSError as error:
        module.fail_json(
            msg=f"{path}: {error.strerror}; give a path that you may write"
        )
    module.exit_json(**result)


def keep(path: Path, params: dict[str, Any], *, check: bool) -> dict[str, Any]:
    """Return the module's answer after the file was brought up to date.

    Args:
        path: The file, not a link.
        params: The module's parameters.
        check: Change nothing.

    Raises:
        KubeconfigError: A document is malformed or a name is taken.
        OSError: The file cannot be read or written.
    """
    is_there = path.exists()
    before = parse(path.read_text(), "the existing file") if is_there else {}
    fetched = parse(params["content"], "the server's")
    after = merge(before, fetched, params["context"], params["server"])
    mode = stat.S_IMODE(path.stat().st_mode) if is_there else None
    changed = before != after or mode != MODE
    if changed and not check:
        replace(path, yaml.safe_dump(after, sort_keys=False))
    return {
        "changed": changed,
        "path": str(path),
        "diff": {
            "before": {"mode": mode and f"{mode:04o}", **summary(before)},
            "after": {"mode": f"{MODE:04o}", **summary(after)},
        },
    }


def parse(text: str, which: str) -> dict[str, Any]:
    """Read a kubeconfig; an empty one is a mapping without entries.

    Raises:
        KubeconfigError: The text is not YAML. No part of it is repeated.
    """
    try:
        return yaml.safe_load(text) or {}
    except yaml.YAMLError as error:
        raise KubeconfigError(
            f"{which} kubeconfig is not YAML; move it away or repair it"
        ) from error


def replace(path: Path, text: str) -> None:
    """Replace a file at once; a crash leaves the old one or the new one."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w") as file:  # mkstemp makes it 0600
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


if __name__ == "__main__":
    main()
