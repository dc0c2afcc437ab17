#!/usr/bin/python
# Copyright (c) The Forge contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module ``forge.platform.host_probe``."""

DOCUMENTATION = r"""
module: host_probe
short_description: Say what a Linux host can and has, by trying rather than by its name
version_added: "0.1.0"
author: The Forge contributors
description:
  - Reads what a role wants to know before it changes anything, in one connection.
  - Changes nothing.
options:
  controller_time:
    description:
      - Seconds since 1970 on the controller when the task was sent.
      - The offset contains the time that sending took, a second or two.
    type: float
    required: true
  free_below:
    description: Folder whose file system's free space is wanted.
    type: path
    default: /var
attributes:
  check_mode:
    description: Only reads.
    support: full
  diff_mode:
    description: Nothing is changed, so nothing is shown.
    support: none
"""

EXAMPLES = r"""
- name: Probe the host
  forge.platform.host_probe:
    controller_time: "{{ now().timestamp() }}"
  register: __example_host
"""

RETURN = r"""
clock_offset:
  description: Seconds that the host's clock is ahead of the controller's.
  returned: success
  type: float
  sample: 0.21
container:
  description: The host shares its kernel, and so its clock, with other systems.
  returned: success
  type: bool
  sample: false
can_set_clock:
  description: The first process holds the capability CAP_SYS_TIME.
  returned: success
  type: bool
  sample: true
cgroup_version:
  description: V(2) if the unified hierarchy is mounted at /sys/fs/cgroup.
  returned: success
  type: int
  sample: 2
free_mb:
  description: MiB that ordinary users can still write.
  returned: success
  type: int
  sample: 20480
machine_id:
  description: Content of /etc/machine-id; empty if there is none.
  returned: success
  type: str
  sample: 9f86d081884c7d659a2feaa0c55ad015
packages:
  description: Names of the installed Debian packages, sorted.
  returned: success
  type: list
  elements: str
  sample: [chrony, nftables]
"""

import os
import time
from typing import Any

from ansible.module_utils.basic import AnsibleModule

CAP_SYS_TIME = 25  # capabilities(7), linux/capability.h


def holds(status: str, capability: int) -> bool:
    """Return whether /proc/PID/status lists a capability as effective."""
    for line in status.splitlines():
        if line.startswith("CapEff:"):
            return bool(int(line.split()[1], 16) >> capability & 1)
    return False


def cgroup_version(mounts: str) -> int:
    """Return 2 if /proc/mounts has the unified hierarchy where systemd looks for it."""
    fields = [line.split() for line in mounts.splitlines() if line]
    return 2 if any(f[1:3] == ["/sys/fs/cgroup", "cgroup2"] for f in fields) else 1


def installed(listing: str) -> list[str]:
    """Return the installed packages of dpkg-query's list of status and name."""
    pairs = (line.split() for line in listing.splitlines() if line)
    return sorted({pair[1] for pair in pairs if pair[0] == "installed"})


def probe(module: AnsibleModule) -> dict[str, Any]:
    """Return the module's answer."""
    offset = time.time() - module.params["controller_time"]
    space = os.statvfs(module.params["free_below"])
    _, listing, _ = module.run_command(
        ["dpkg-query", "--show", "--showformat=${db:Status-Status} ${Package}\\n"]
    )
    virtual, _, _ = module.run_command(
        ["systemd-detect-virt", "--container", "--quiet"]
    )
    return {
        "changed": False,
        "clock_offset": round(offset, 3),
        "container": virtual == 0,
        "can_set_clock": holds(_read("/proc/1/status"), CAP_SYS_TIME),
        "cgroup_version": cgroup_version(_read("/proc/mounts")),
        "free_mb": space.f_bavail * space.f_frsize // 2**20,
        "machine_id": _read("/etc/machine-id").strip(),
        "packages": installed(listing),
    }


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:  # noqa: PTH123 - Ansible's style
            return file.read()
    except FileNotFoundError:
        return ""


def main() -> None:
    """Probe the host."""
    module = AnsibleModule(
        argument_spec={
            "controller_time": {"type": "float", "required": True},
            "free_below": {"type": "path", "default": "/var"},
        },
        supports_check_mode=True,
    )
    module.exit_json(**probe(module))


if __name__ == "__main__":
    main()
