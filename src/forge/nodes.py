"""What a host must know of the others, out of the resolved topology. Pure."""

from collections.abc import Mapping
from typing import Any


def host_lines(topology: Mapping[str, Any], host: str) -> list[str]:
    """Return lines of /etc/hosts for every host that ``host`` shares a wire with.

    A host that is on none of its wires gets no line: a name without a way would only
    hide that there is none. Where two hosts share several wires, the first wire of
    the topology counts (``cluster`` before ``boundary``).

    Args:
        topology: ``forge_topology``; ``hosts``, ``wires`` and ``domain`` are read.
        host: Whose file it is.

    Returns:
        ``address name.domain name``, in the inventory's order.
    """
    own = topology["hosts"][host]["addresses"]
    lines = []
    for name, row in topology["hosts"].items():
        wire = next(
            (w for w in topology["wires"] if w in own and w in row["addresses"]), None
        )
        if wire is not None:
            address = row["addresses"][wire]
            lines.append(f"{address} {name}.{topology['domain']} {name}")
    return lines


def same_machine(identities: Mapping[str, str]) -> list[str]:
    """Return a sentence for each two names that lead to one machine.

    Args:
        identities: Inventory name to an identity that no two machines share, such as
            the machine id; an empty one is not compared.
    """
    first: dict[str, str] = {}
    found = []
    for name, identity in identities.items():
        if not identity:
            continue
        if identity in first:
            found.append(
                f"{first[identity]} and {name} are the same machine, or one is a copy "
                f"of the other's disk (both have the id {identity})"
            )
        else:
            first[identity] = name
    return found
