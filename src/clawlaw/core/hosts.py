"""Lists of hosts as a scope has them: names, `.domain`, addresses, networks, `*`."""

import ipaddress
from functools import lru_cache

from msgspec import Struct

from clawlaw.core.text import fold_host

ANY = "*"

type Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Hosts(Struct, frozen=True):
    """A list of hosts in the form that a test needs.

    Attributes:
        exact: Folded names and addresses.
        domains: Folded, with the dot in front; what is beneath, not they themselves.
        networks: Of addresses; a name is in none.
        every: The list takes every host.
    """

    exact: frozenset[str]
    domains: tuple[str, ...]
    networks: tuple[Network, ...]
    every: bool

    def hold(self, host: str) -> bool:
        """Whether a folded host is listed."""
        if self.every or host in self.exact:
            return True
        address = _address(host)
        if address is None:
            return host.endswith(self.domains)
        return any(address in network for network in self.networks)


@lru_cache(maxsize=256)
def listed(entries: tuple[str, ...]) -> Hosts:
    """Fold a list; an entry that is nothing of the kind takes no host."""
    networks = [_network(entry) for entry in entries if "/" in entry]
    names = [entry for entry in entries if "/" not in entry and entry != ANY]
    folded = [(e.startswith("."), fold_host(e.removeprefix(".")).text) for e in names]
    return Hosts(
        frozenset(name for beneath, name in folded if not beneath),
        tuple(f".{name}" for beneath, name in folded if beneath and name),
        tuple(network for network in networks if network is not None),
        ANY in entries,
    )


def covers(entries: tuple[str, ...], entry: str) -> bool:
    """Whether everything that an entry takes is taken by one of a list."""
    if ANY in entries or entry in entries:
        return True
    if "/" in entry:
        inner = _network(entry)
        return inner is not None and any(
            _inside(inner, outer) for outer in listed(entries).networks
        )
    if entry.startswith("."):
        return entry.endswith(listed(entries).domains)
    return entry != ANY and listed(entries).hold(fold_host(entry).text)


def _inside(inner: Network, outer: Network) -> bool:
    return inner.version == outer.version and (
        outer.network_address <= inner.network_address  # type: ignore[operator]  # of one version
        and inner.broadcast_address <= outer.broadcast_address  # type: ignore[operator]  # likewise
    )


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """An address; a folded host that has neither colon nor final digit is a name."""
    if ":" not in host and not host[-1:].isdigit():
        return None
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _network(entry: str) -> Network | None:
    try:
        return ipaddress.ip_network(entry)
    except ValueError:
        return None
