"""The inventory source that tells Ansible where the running testbed's hosts are.

It is read after ``inventory/testbed`` and overrides addresses and connections only.
"""

from collections.abc import Mapping

import yaml

from forge.testbed.room import Room
from forge.testbed.ssh import Identity
from forge.testbed.state import Folder, replace_file


def connection(identity: Identity) -> dict[str, object]:
    """Return the connection variables that all hosts of a room share."""
    return {
        "ansible_user": "root",
        "ansible_python_interpreter": "/usr/bin/python3",
        "ansible_ssh_private_key_file": str(identity.key),
        "ansible_ssh_common_args": " ".join(
            f"'{word}'" if " " in word else word for word in identity.options()
        ),
    }


def write(
    folder: Folder,
    name: str,
    room: Room,
    identity: Identity,
    variables: Mapping[str, object],
) -> None:
    """Write an inventory source for a room.

    Args:
        folder: Where it is kept.
        name: File name below the folder.
        room: Wires and hosts.
        identity: How to log in.
        variables: More variables of the group ``all``.
    """
    content = {
        "all": {
            "vars": {
                **connection(identity),
                "forge_wires": {w: {"cidr": c} for w, c in room.wires.items()},
                "forge_controller_addresses": room.gateways(),
                **variables,
            },
            "hosts": {
                host.name: {
                    "ansible_host": next(iter(host.addresses.values())),
                    "forge_addresses": host.addresses,
                }
                for host in room.hosts
            },
        }
    }
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, yaml.safe_dump(content, sort_keys=False).encode())
