"""The rooms of a checkout: the testbed's eight hosts, and Molecule's small ones."""

import ipaddress
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml

from forge.errors import ForgeError, InputError
from forge.testbed.podman import Podman
from forge.testbed.room import Host, Room
from forge.testbed.state import WIRES, State

FIRST_MOLECULE_SUBNET = len(WIRES)
SUBNETS = 16
FIRST_ADDRESS = 11


def testbed(state: State, inventory: Path) -> Room:
    """Return the room of ``inventory/testbed``, moved into this checkout's subnets.

    A host keeps the last number of each of its declared addresses.

    Args:
        state: This checkout's identity and subnets.
        inventory: ``inventory/testbed/hosts.yml``.
    """
    wires = state.wires()
    hosts = [
        Host(
            name, {wire: _moved(addr, wires[wire]) for wire, addr in addresses.items()}
        )
        for name, addresses in _declared(yaml.safe_load(inventory.read_text())).items()
    ]
    return Room(f"forge-{state.id}", wires, sorted(hosts, key=lambda host: host.name))


def small(
    state: State, podman: Podman, name: str, hosts: Sequence[str], wires: Sequence[str]
) -> Room:
    """Return a room with some hosts on free subnets, for one Molecule scenario.

    Args:
        state: This checkout's identity and subnets.
        podman: Asked which subnets are in use.
        name: Name of the scenario; lower-case letters, digits, hyphens.
        hosts: Host names.
        wires: Wires that every host is on.

    Raises:
        InputError: The name cannot be part of a container's name.
        ForgeError: Too many rooms run at once.
    """
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,30}", name):
        raise InputError(f"room name {name!r}: use a-z, 0-9 and hyphens, at most 31")
    room = f"forge-{state.id}-{name}"
    subnets = _kept(podman, room) or _free(state, podman, wires)
    return Room(
        room,
        subnets,
        [
            Host(host, {wire: _nth(cidr, index) for wire, cidr in subnets.items()})
            for index, host in enumerate(hosts, start=FIRST_ADDRESS)
        ],
    )


def _kept(podman: Podman, room: str) -> dict[str, str]:
    """Return the wires of a room that exists already."""
    return {
        row["name"].removeprefix(f"{room}-"): row["subnets"][0]["subnet"]
        for row in podman.networks(f"label=forge.room={room}")
    }


def _free(state: State, podman: Podman, wires: Sequence[str]) -> dict[str, str]:
    used = {
        subnet["subnet"]
        for row in podman.networks()
        for subnet in row.get("subnets") or []
    }
    free = [
        cidr
        for index in range(FIRST_MOLECULE_SUBNET, SUBNETS)
        if (cidr := state.subnet(index)) not in used
    ]
    if len(free) < len(wires):
        raise ForgeError(
            f"no free subnet left in {state.block} for a room with {len(wires)} wires",
            remedy="end rooms that are not used: forge testbed hosts destroy NAME",
        )
    return dict(zip(wires, free, strict=False))


def _declared(tree: Mapping[str, object]) -> dict[str, dict[str, str]]:
    """Collect ``forge_addresses`` of every host in a YAML inventory."""
    found: dict[str, dict[str, str]] = {}
    pending: list[object] = list(tree.values())
    while pending:
        group = pending.pop()
        if not isinstance(group, Mapping):
            continue
        for name, variables in (group.get("hosts") or {}).items():
            addresses = (variables or {}).get("forge_addresses")
            if addresses:
                found[name] = addresses
        pending.extend((group.get("children") or {}).values())
    return found


def _moved(address: str, cidr: str) -> str:
    return _nth(cidr, int(address.rsplit(".", 1)[1]))


def _nth(cidr: str, number: int) -> str:
    return str(ipaddress.ip_network(cidr)[number])
