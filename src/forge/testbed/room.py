"""What the host factory makes: wires and hosts, as plain data."""

import ipaddress

import msgspec

from forge.errors import InputError


class Host(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One systemd host.

    Attributes:
        name: Host name, RFC 1123.
        addresses: Wire name to IPv4 address; the first one is where SSH goes.
    """

    name: str
    addresses: dict[str, str]

    def __hash__(self) -> int:
        """Hash by name, which is unique in a room."""
        return hash(self.name)


class Room(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A set of hosts on internal networks.

    Attributes:
        name: Prefix of every container, volume and network; also their label.
        wires: Wire name to CIDR, each an internal network of its own.
        hosts: In the order in which they are started.
    """

    name: str
    wires: dict[str, str]
    hosts: list[Host]

    def __post_init__(self) -> None:
        """Refuse an address that is not on its wire.

        Raises:
            InputError: It names the host, the wire and the address.
        """
        for host in self.hosts:
            for wire, address in host.addresses.items():
                if wire not in self.wires:
                    raise InputError(f"{host.name}: wire {wire!r} is not in the room")
                network = ipaddress.ip_network(self.wires[wire])
                if ipaddress.ip_address(address) not in network:
                    raise InputError(
                        f"{host.name}: {address} is not in {wire} ({network})"
                    )

    def gateways(self) -> dict[str, str]:
        """Return the address at which this machine appears on each wire."""
        return {
            wire: str(next(ipaddress.ip_network(cidr).hosts()))
            for wire, cidr in self.wires.items()
        }
