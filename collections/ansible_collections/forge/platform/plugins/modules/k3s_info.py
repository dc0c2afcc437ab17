#!/usr/bin/python
# Copyright (c) The Forge contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module ``forge.platform.k3s_info``: one look at a host instead of a dozen."""

DOCUMENTATION = r"""
module: k3s_info
short_description: What a host has of K3s, and what it offers
version_added: "0.1.0"
author: The Forge contributors
description:
  - Reads what a role has to know before it installs or changes K3s. Changes nothing.
options:
  unit:
    description: The systemd unit of K3s on this host.
    type: str
    required: true
  program:
    description: Path of the program, or of the link to it.
    type: path
    default: /usr/local/bin/k3s
  address:
    description: Address of the node; the interface that holds it is looked up.
    type: str
    required: true
  ports:
    description: Ports that K3s will listen on.
    type: list
    elements: int
    default: []
  links:
    description: Links whose targets are read.
    type: list
    elements: path
    default: []
  digests:
    description: Files whose SHA-256 is computed.
    type: list
    elements: path
    default: []
  inputs:
    description: Files that K3s reads when it starts.
    type: list
    elements: path
    default: []
  files:
    description: Files and folders whose mode and owner are read.
    type: list
    elements: path
    default: []
  library:
    description: Folder with one folder for each version.
    type: path
    default: /usr/local/lib/k3s
  space:
    description: Folders, existing or not, whose file system's free space is asked for.
    type: list
    elements: path
    default: []
attributes:
  check_mode:
    description: Nothing is changed anyway.
    support: full
  diff_mode:
    description: There is nothing to show.
    support: none
"""

EXAMPLES = r"""
- name: Look at the host
  forge.platform.k3s_info:
    unit: k3s.service
    address: 192.0.2.11
    ports: [6443, 10250]
    digests: [/usr/local/bin/k3s]
  register: __example_k3s
"""

RETURN = r"""
version:
  description: Version of the installed program, empty if there is none.
  returned: success
  type: str
  sample: v1.36.4+k3s1
unit:
  description:
    - C(loaded), C(enabled), C(active), C(sub), C(result), C(restarts) and C(started).
  returned: success
  type: dict
  sample:
    active: active
    enabled: true
    loaded: loaded
    restarts: 0
    result: success
    started: 1795412345
    sub: running
interface:
  description: The interface that holds the address, empty if none does.
  returned: success
  type: str
  sample: eth0
busy_ports:
  description: Those of the ports that are taken, with the program that has them.
  returned: success
  type: dict
  sample: {"6443": nginx}
links:
  description: Target of each link, none if there is no link.
  returned: success
  type: dict
  sample: {/usr/local/bin/k3s: /usr/local/lib/k3s/v1.36.4+k3s1-0a1b2c3d4e5f/k3s}
digests:
  description: SHA-256 of each file, none if there is no file.
  returned: success
  type: dict
files:
  description: Mode, user and group of each file or folder, none if there is none.
  returned: success
  type: dict
  sample: {/etc/rancher/k3s/token: "0600 0:0"}
versions:
  description: Folders of versions in the library.
  returned: success
  type: list
  elements: str
newer_inputs:
  description: Inputs that were changed after the running service was started.
  returned: success
  type: list
  elements: str
  sample: []
free_bytes:
  description: Free bytes of the file system of each folder.
  returned: success
  type: dict
memory_bytes:
  description: Memory of the machine.
  returned: success
  type: int
  sample: 16666447872
open_files_limit:
  description: Highest limit of open files that a service can get, none if unlimited.
  returned: success
  type: int
  sample: 20000
"""

import hashlib
import json
import os
import re
import stat
from dataclasses import asdict
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.forge.platform.plugins.module_utils import k3s_host


def main() -> None:
    """Answer with what the host says."""
    paths = {"type": "list", "elements": "path", "default": []}
    module = AnsibleModule(
        argument_spec={
            "unit": {"type": "str", "required": True},
            "program": {"type": "path", "default": "/usr/local/bin/k3s"},
            "address": {"type": "str", "required": True},
            "ports": {"type": "list", "elements": "int", "default": []},
            "links": paths,
            "digests": paths,
            "inputs": paths,
            "files": paths,
            "library": {"type": "path", "default": "/usr/local/lib/k3s"},
            "space": paths,
        },
        supports_check_mode=True,
    )
    wanted = module.params
    unit = k3s_host.read_unit(
        said(
            module,
            [
                "systemctl",
                "show",
                "--timestamp=unix",
                f"--property={','.join(k3s_host.PROPERTIES)}",
                wanted["unit"],
            ],
        )
    )
    program = wanted["program"]
    addresses = json.loads(said(module, ["ip", "-json", "address", "show"]))
    listening = said(module, ["ss", "-Hltnp"])
    module.exit_json(
        changed=False,
        version=k3s_host.read_version(said(module, [program, "--version"]))
        if os.access(program, os.X_OK)
        else "",
        unit=asdict(unit),
        interface=k3s_host.read_interface(addresses, wanted["address"]),
        busy_ports=k3s_host.read_listeners(listening, wanted["ports"]),
        links={each: target(each) for each in wanted["links"]},
        digests={each: digest(each) for each in wanted["digests"]},
        files={each: mode(each) for each in wanted["files"]},
        versions=sorted(
            str(each)
            for each in Path(wanted["library"]).glob("v*")
            if each.is_dir() and not each.is_symlink()
        ),
        newer_inputs=[each for each in wanted["inputs"] if changed_since(each, unit)],
        free_bytes={each: free(each) for each in wanted["space"]},
        memory_bytes=memory(),
        open_files_limit=k3s_host.read_open_files(
            Path("/proc/1/limits").read_text(), Path("/proc/1/status").read_text()
        ),
    )


def said(module: AnsibleModule, command: list[str]) -> str:
    """Return what a command prints; its failure ends the module."""
    return module.run_command(command, check_rc=True)[1]


def target(path: str) -> str | None:
    """Return a link's target, None if it is no link."""
    return str(Path(path).readlink()) if Path(path).is_symlink() else None


def digest(path: str) -> str | None:
    """Return a file's SHA-256, None if there is no file."""
    try:
        with Path(path).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return None


def mode(path: str) -> str | None:
    """Return mode, user and group, such as ``0600 0:0``; None if there is nothing."""
    try:
        found = Path(path).stat()
    except FileNotFoundError:
        return None
    return f"{stat.S_IMODE(found.st_mode):04o} {found.st_uid}:{found.st_gid}"


def changed_since(path: str, unit: k3s_host.Unit) -> bool:
    """Say whether a file, or the link itself, is newer than the running service."""
    try:
        return unit.is_active and int(os.lstat(path).st_mtime) > unit.started
    except FileNotFoundError:
        return False


def free(path: str) -> int:
    """Return the free bytes of the file system where a folder is or would be."""
    folder = Path(path)
    while not folder.exists():
        folder = folder.parent
    figures = os.statvfs(folder)
    return figures.f_bavail * figures.f_frsize


def memory() -> int:
    """Return the machine's memory in bytes."""
    found = re.search(
        r"^MemTotal:\s+(\d+) kB", Path("/proc/meminfo").read_text(), re.MULTILINE
    )
    return int(found[1]) * 1024 if found else 0


if __name__ == "__main__":
    main()
