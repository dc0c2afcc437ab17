#!/usr/bin/python
# Copyright (c) The Forge contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module ``forge.platform.k3s_ready``: waits for what runs, not for files."""

DOCUMENTATION = r"""
module: k3s_ready
short_description: Wait until a node runs a version of K3s
version_added: "0.1.0"
author: The Forge contributors
description:
  - Waits until the service is active, the node is Ready in the API with the wanted
    kubelet version, and its kubelet reported after the service was started.
  - On a server, also until its etcd member is a voter and knows a leader.
  - Run it on the node itself. It reads the node with the kubelet's own credential.
  - When it gives up, the message has the last lines of the service's journal, without
    anything that looks like a secret.
options:
  name:
    description: Name of the node.
    type: str
    required: true
  version:
    description: The version that must run, as K3s writes it.
    type: str
    required: true
  unit:
    description: The systemd unit of K3s on this host.
    type: str
    required: true
  server:
    description: Whether the node is a server, with an etcd member.
    type: bool
    default: false
  program:
    description: Path of the program.
    type: path
    default: /usr/local/bin/k3s
  data_dir:
    description: Data folder of K3s.
    type: path
    default: /var/lib/rancher/k3s
  timeout:
    description: Seconds to wait.
    type: int
    default: 300
  secret_files:
    description: Files whose content never appears in a message.
    type: list
    elements: path
    default: []
attributes:
  check_mode:
    description: Waits for nothing, since nothing was started.
    support: full
  diff_mode:
    description: There is nothing to show.
    support: none
"""

EXAMPLES = r"""
- name: Wait until this node runs
  forge.platform.k3s_ready:
    name: worker-01
    version: v1.36.4+k3s1
    unit: k3s-agent.service
"""

RETURN = r"""
seconds:
  description: How long it took.
  returned: success
  type: float
  sample: 12.4
"""

import json
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.forge.platform.plugins.module_utils import (
    k3s_host,
    redaction,
)

PAUSE = 1.0  # seconds between two looks
ANSWER = 15  # seconds that one command may take
JOURNAL_LINES = 25
# Source: https://docs.k3s.io/installation/requirements#networking
ETCD_METRICS = "http://127.0.0.1:2381/metrics"


def main() -> None:
    """Wait."""
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "version": {"type": "str", "required": True},
            "unit": {"type": "str", "required": True},
            "server": {"type": "bool", "default": False},
            "program": {"type": "path", "default": "/usr/local/bin/k3s"},
            "data_dir": {"type": "path", "default": "/var/lib/rancher/k3s"},
            "timeout": {"type": "int", "default": 300},
            "secret_files": {
                "type": "list",
                "elements": "path",
                "default": [],
                "no_log": False,
            },
        },
        supports_check_mode=True,
    )
    started = time.monotonic()
    if module.check_mode:
        module.exit_json(changed=False, seconds=0.0)
    wanted = module.params
    finding = wait(wanted, started + wanted["timeout"])
    seconds = round(time.monotonic() - started, 1)
    if finding:
        module.fail_json(
            msg=f"node {wanted['name']} does not run {wanted['version']} after "
            f"{seconds:.0f} s: {finding}. The last lines of {wanted['unit']}'s journal "
            "follow; the cause is usually the first error in them. Correct it and run "
            f"again.\n{journal(wanted)}"
        )
    module.exit_json(changed=False, seconds=seconds)


def wait(wanted: dict[str, Any], deadline: float) -> str:
    """Return what the node still waits for at the deadline, empty once it is ready."""
    first = unit_of(wanted).restarts
    while True:
        unit = unit_of(wanted)
        objects = objects_of(wanted) if unit.is_active else []
        finding = k3s_host.waiting_for(unit, objects, wanted["name"], wanted["version"])
        if not finding and wanted["server"]:
            finding = k3s_host.etcd_waiting_for(etcd_metrics())
        if not finding:
            return ""
        if unit.restarts - first >= k3s_host.TOO_MANY_RESTARTS:
            return f"its service ended {unit.restarts - first} times"
        if time.monotonic() >= deadline:
            return finding
        time.sleep(PAUSE)


def unit_of(wanted: dict[str, Any]) -> k3s_host.Unit:
    """Return the state of the service."""
    names = ",".join(k3s_host.PROPERTIES)
    command = ["systemctl", "show", "--timestamp=unix", f"--property={names}"]
    return k3s_host.read_unit(said([*command, wanted["unit"]]) or "")


def objects_of(wanted: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the Node and its Lease, or nothing if the API does not answer."""
    text = said(
        [
            wanted["program"],
            "kubectl",
            f"--kubeconfig={wanted['data_dir']}/agent/kubelet.kubeconfig",
            "--request-timeout=5s",
            "--namespace=kube-node-lease",
            "get",
            f"node/{wanted['name']}",
            f"lease/{wanted['name']}",
            "--output=json",
        ]
    )
    return json.loads(text)["items"] if text else []


def etcd_metrics() -> str | None:
    """Return what the local etcd member says of itself, None without an answer."""
    try:
        with urllib.request.urlopen(ETCD_METRICS, timeout=ANSWER) as answer:
            return answer.read().decode()
    except (urllib.error.URLError, TimeoutError):
        return None


def journal(wanted: dict[str, Any]) -> str:
    """Return the end of the service's journal, without secrets."""
    text = said(
        [
            "journalctl",
            "--no-pager",
            "--output=cat",
            f"--lines={JOURNAL_LINES}",
            f"--unit={wanted['unit']}",
        ]
    )
    files = [Path(each) for each in wanted["secret_files"]]
    known = [each.read_text().strip() for each in files if each.exists()]
    # The secret alone can be logged as well as the whole token.
    known += [each.rpartition(":")[2] for each in known]
    return redaction.redact(text or "(no journal)", known)


def said(command: list[str]) -> str | None:
    """Return what a command prints, None if it fails or does not end."""
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=ANSWER, check=False
        )
    except (subprocess.TimeoutExpired, OSError):
        return None
    return done.stdout if done.returncode == 0 else None


if __name__ == "__main__":
    main()
