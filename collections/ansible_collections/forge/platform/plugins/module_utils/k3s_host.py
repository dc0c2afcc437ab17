# Copyright (c) The Forge contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host says about K3s, read from text that its programs print: pure."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

# Asked of `systemctl show`.
PROPERTIES = (
    "LoadState",
    "UnitFileState",
    "ActiveState",
    "SubState",
    "Result",
    "NRestarts",
    "ExecMainStartTimestamp",
)
# A program that ended this often since it was started will not come up by waiting.
TOO_MANY_RESTARTS = 5
CAP_SYS_RESOURCE = 24  # capabilities(7)

VERSION = re.compile(r"^k3s version (?P<version>\S+)", re.MULTILINE)
# State, two queues, local address, peer, program.
LISTENER = re.compile(
    r"\S+\s+\d+\s+\d+\s+\S+:(?P<port>\d+)\s+\S+(?:\s+.*?\"(?P<program>[^\"]+)\")?"
)


@dataclass(frozen=True)
class Unit:
    """State of a systemd unit; ``started`` is seconds since the epoch, 0 if never."""

    loaded: str
    enabled: bool
    active: str
    sub: str
    result: str
    restarts: int
    started: int

    @property
    def is_active(self) -> bool:
        """Say whether the service said that it is ready."""
        return self.active == "active"


def read_unit(text: str) -> Unit:
    """Read what ``systemctl show --timestamp=unix`` prints for ``PROPERTIES``."""
    fields = dict(line.partition("=")[::2] for line in text.splitlines())
    started = fields.get("ExecMainStartTimestamp", "").removeprefix("@")
    return Unit(
        loaded=fields.get("LoadState", "not-found"),
        enabled=fields.get("UnitFileState") == "enabled",
        active=fields.get("ActiveState", "inactive"),
        sub=fields.get("SubState", "dead"),
        result=fields.get("Result", "success"),
        restarts=int(fields.get("NRestarts") or 0),
        started=int(started or 0),
    )


def read_version(text: str) -> str:
    """Return the version that ``k3s --version`` prints, empty if it prints none."""
    found = VERSION.search(text)
    return found["version"] if found else ""


def read_interface(addresses: Iterable[Mapping[str, Any]], address: str) -> str:
    """Return the interface that holds an address, empty if none does.

    Args:
        addresses: What ``ip -json address show`` prints.
        address: An IPv4 or IPv6 address.
    """
    for interface in addresses:
        if any(each.get("local") == address for each in interface.get("addr_info", ())):
            return interface["ifname"]
    return ""


def read_listeners(text: str, ports: Iterable[int]) -> dict[int, str]:
    """Return those of some ports that are taken, with the program's name if known.

    Args:
        text: What ``ss -Hltnp`` prints.
        ports: The wanted ports.
    """
    found: dict[int, str] = {}
    for line in text.splitlines():
        match = LISTENER.match(line)
        if match and int(match["port"]) in ports:
            found[int(match["port"])] = match["program"] or "unknown"
    return found


def read_open_files(limits: str, status: str) -> int | None:
    """Return the highest limit of open files that systemd can give a service.

    Args:
        limits: ``/proc/1/limits``.
        status: ``/proc/1/status``.

    Returns:
        None if systemd may raise the limit, else its own hard limit.

    Source: capabilities(7), CAP_SYS_RESOURCE.
    """
    effective = re.search(r"^CapEff:\s*([0-9a-f]+)", status, re.MULTILINE)
    if effective and int(effective[1], 16) >> CAP_SYS_RESOURCE & 1:
        return None
    hard = re.search(r"^Max open files\s+\S+\s+(\d+)", limits, re.MULTILINE)
    return int(hard[1]) if hard else None


def waiting_for(
    unit: Unit, objects: Iterable[Mapping[str, Any]], name: str, version: str
) -> str:
    """Say what keeps a node from being ready, empty if nothing does.

    A node's Ready condition outlives its kubelet by 40 s, so the lease must have been
    renewed by a kubelet that this unit started.

    Args:
        unit: State of the node's service.
        objects: The Node and its Lease, as the API gives them; none without an answer.
        name: Name of the node.
        version: The version that it must run.
    """
    if not unit.is_active:
        return f"its service is {unit.active} ({unit.sub}, {unit.result})"
    kinds = {each.get("kind"): each for each in objects}
    node, lease = kinds.get("Node"), kinds.get("Lease")
    if node is None:
        return f"the API does not show a node {name}"
    if lease is None or _renewed(lease) < unit.started:
        return "its kubelet has not reported since the service was started"
    running = node["status"]["nodeInfo"]["kubeletVersion"]
    if running != version:
        return f"it runs {running or 'nothing'}, not {version}"
    ready = [
        each for each in node["status"].get("conditions", ()) if each["type"] == "Ready"
    ]
    if not ready or ready[0]["status"] != "True":
        why = ready[0].get("message", "") if ready else "no condition reported"
        return f"it is not Ready: {why}"
    return ""


def etcd_waiting_for(metrics: str | None) -> str:
    """Say what keeps an etcd member from counting, empty if nothing does.

    A server that joins again is a learner first, and Ready does not show that.

    Args:
        metrics: What the member's metrics port says, None if it does not answer.

    Source: https://etcd.io/docs/v3.6/learning/design-learner/
    """
    if metrics is None:
        return "its etcd member does not answer"
    values = dict(
        line.split(" ", 1)
        for line in metrics.splitlines()
        if line.startswith("etcd_server_")
    )
    if values.get("etcd_server_has_leader") != "1":
        return "its etcd member has no leader"
    if values.get("etcd_server_is_learner") != "0":
        return "its etcd member is a learner, not a voter"
    return ""


def _renewed(lease: Mapping[str, Any]) -> float:
    text = lease.get("spec", {}).get("renewTime")
    return datetime.fromisoformat(text).timestamp() if text else 0
