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
      - Sending takes time, so RV(clock_ahead) is an upper bound; RV(clock) minus the
        controller's time when the answer is there is a lower one.
    type: float
    required: true
  free_below:
    description: Folder whose file system's free space is wanted.
    type: path
    default: /var
  paths:
    description: Paths of which is wanted whether they exist.
    type: list
    elements: path
    default: []
  units:
    description: Units of systemd whose state is wanted.
    type: list
    elements: str
    default: []
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
addresses:
  description: IPv4 addresses of all interfaces but those of the loopback network.
  returned: success
  type: list
  elements: str
  sample: [192.0.2.11]
clock:
  description: Seconds since 1970 on the host.
  returned: success
  type: float
  sample: 1795417200.25
clock_ahead:
  description: Seconds that the host's clock is ahead of the controller's at most.
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
hostname:
  description: The host's name as the kernel has it and as C(/etc/hostname) keeps it.
  returned: success
  type: list
  elements: str
  sample: [control-01, control-01]
hosts_file:
  description: Content of /etc/hosts.
  returned: success
  type: str
  sample: 127.0.0.1 localhost
paths:
  description: Those of the wanted paths that exist.
  returned: success
  type: list
  elements: str
  sample: [/var/lib/example]
loopback_names:
  description: Names that /etc/hosts gives to addresses of the loopback network.
  returned: success
  type: list
  elements: str
  sample: [localhost]
root_password:
  description: Whether root has a password that could open a session.
  returned: success
  type: bool
  sample: false
units:
  description: The wanted units, each with whether it is V(enabled) and V(active).
  returned: success
  type: dict
  sample: {chrony.service: {enabled: true, active: true}}
memory_mb:
  description: Memory of the machine, in MiB.
  returned: success
  type: int
  sample: 15872
os:
  description: Identifier and version of C(/etc/os-release).
  returned: success
  type: dict
  sample: {id: debian, version: "13"}
ssh_connection:
  description:
    - Addresses and ports of the session, client first; empty where the way of becoming
      root hides it.
  returned: success
  type: str
  sample: 192.0.2.1 50114 192.0.2.11 22
packages:
  description: Names of the installed Debian packages, sorted.
  returned: success
  type: list
  elements: str
  sample: [chrony, nftables]
"""

import json
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


def os_release(text: str) -> dict[str, str]:
    """Return identifier and version of os-release(5)."""
    lines = (line.split("=", 1) for line in text.splitlines() if "=" in line)
    values = {key: value.strip("\"'") for key, value in lines}
    return {"id": values.get("ID", ""), "version": values.get("VERSION_ID", "")}


def memory_mb(meminfo: str) -> int:
    """Return the total of /proc/meminfo, which counts in KiB, in MiB."""
    for line in meminfo.splitlines():
        if line.startswith("MemTotal:"):
            return int(line.split()[1]) // 1024
    return 0


def addresses(links: str) -> list[str]:
    """Return the IPv4 addresses of ``ip -json -4 address``, without the loopback's."""
    found = (
        entry["local"]
        for link in json.loads(links or "[]")
        for entry in link.get("addr_info", [])
    )
    return sorted(address for address in found if not address.startswith("127."))


def installed(listing: str) -> list[str]:
    """Return the installed packages of dpkg-query's list of status and name."""
    pairs = (line.split() for line in listing.splitlines() if line)
    return sorted({pair[1] for pair in pairs if pair[0] == "installed"})


def loopback_names(hosts: str) -> list[str]:
    """Return the names that a file like /etc/hosts gives to 127.0.0.0/8."""
    lines = (line.partition("#")[0].split() for line in hosts.splitlines())
    return sorted({n for f in lines if f and f[0].startswith("127.") for n in f[1:]})


def root_password(shadow: str) -> bool:
    """Return whether /etc/shadow lets root in by password (shadow(5))."""
    for line in shadow.splitlines():
        name, _, rest = line.partition(":")
        if name == "root":
            return not rest.startswith(("!", "*"))
    return False


def unit_states(listing: str) -> dict[str, dict[str, bool]]:
    """Return the units of ``systemctl show``: blocks of lines, an empty one between."""
    found = {}
    for block in listing.strip().split("\n\n"):
        values = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
        if "Id" in values:
            found[values["Id"]] = {
                "enabled": values.get("UnitFileState") == "enabled",
                "active": values.get("ActiveState") == "active",
            }
    return found


def probe(module: AnsibleModule) -> dict[str, Any]:
    """Return the module's answer."""
    clock = time.time()
    space = os.statvfs(module.params["free_below"])
    _, listing, _ = module.run_command(
        ["dpkg-query", "--show", "--showformat=${db:Status-Status} ${Package}\\n"]
    )
    virtual, _, _ = module.run_command(
        ["systemd-detect-virt", "--container", "--quiet"]
    )
    units = module.params["units"]
    states = ""
    if units:
        properties = "--property=Id,UnitFileState,ActiveState"
        _, states, _ = module.run_command(["systemctl", "show", properties, *units])
    _, links, _ = module.run_command(["ip", "-json", "-4", "address"])
    return {
        "changed": False,
        "addresses": addresses(links),
        "memory_mb": memory_mb(_read("/proc/meminfo")),
        "os": os_release(_read("/etc/os-release")),
        "ssh_connection": os.environ.get("SSH_CONNECTION", ""),
        "clock": clock,
        "clock_ahead": round(clock - module.params["controller_time"], 3),
        "container": virtual == 0,
        "can_set_clock": holds(_read("/proc/1/status"), CAP_SYS_TIME),
        "cgroup_version": cgroup_version(_read("/proc/mounts")),
        "free_mb": space.f_bavail * space.f_frsize // 2**20,
        "machine_id": _read("/etc/machine-id").strip(),
        "hostname": [os.uname().nodename, _read("/etc/hostname").strip()],
        "hosts_file": _read("/etc/hosts"),
        "loopback_names": loopback_names(_read("/etc/hosts")),
        "paths": [p for p in module.params["paths"] if os.path.exists(p)],  # noqa: PTH110
        "root_password": root_password(_read("/etc/shadow")),
        "units": unit_states(states),
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
            "paths": {"type": "list", "elements": "path", "default": []},
            "units": {"type": "list", "elements": "str", "default": []},
        },
        supports_check_mode=True,
    )
    module.exit_json(**probe(module))


if __name__ == "__main__":
    main()
