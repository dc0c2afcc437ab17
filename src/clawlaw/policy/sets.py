"""Named sets of hosts and programs, and the references between sets."""

import ipaddress
from collections.abc import Mapping, Sequence
from functools import lru_cache

from clawlaw.core.text import fold_host
from clawlaw.policy.errors import nearest

type Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def expand_set(name: str, sets: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Entries of a set with `@other` replaced by those of that set, once each.

    Raises:
        ValueError: A set that does not exist or that leads back to itself.
    """
    return tuple(dict.fromkeys(_flat(name, sets, ())))


def _flat(
    name: str, sets: Mapping[str, Sequence[str]], trail: tuple[str, ...]
) -> list[str]:
    if name in trail:
        raise ValueError(f"set {name!r} leads back to itself")
    out: list[str] = []
    for entry in sets[name]:
        if not entry.startswith("@"):
            out.append(entry)
        elif entry[1:] in sets:
            out += _flat(entry[1:], sets, (*trail, name))
        else:
            near = nearest(entry[1:], sets)
            hint = f"; did you mean @{near}?" if near else ""
            raise ValueError(f"no set {entry[1:]!r}{hint}")
    return out


def check_host(entry: str) -> None:
    """Refuse an entry that would not mean what it says.

    Raises:
        ValueError: It is no host, .domain or network.
    """
    if "/" in entry:
        ipaddress.ip_network(entry)
    elif fold_host(entry.removeprefix(".")).strange:
        raise ValueError(f"{entry!r} is no host, .domain or network")


class HostSets:
    """Named sets of hosts as one index.

    An entry is an exact name or address, `.domain` for what is beneath it, or a
    network. An address is in a set only by an address or a network.
    """

    def __init__(self, sets: Mapping[str, Sequence[str]]) -> None:
        """Build from checked entries with references expanded."""
        self.bits = {name: 1 << number for number, name in enumerate(sets)}
        self._exact: dict[str, int] = {}
        self._domains: dict[str, int] = {}
        self._networks: list[tuple[Network, int]] = []
        for name, entries in sets.items():
            for entry in entries:
                self._add(entry, self.bits[name])
        self.hits = lru_cache(maxsize=8192)(self._hits)

    def _add(self, entry: str, bit: int) -> None:
        if "/" in entry:
            self._networks.append((ipaddress.ip_network(entry), bit))
            return
        table = self._domains if entry.startswith(".") else self._exact
        name = fold_host(entry.removeprefix(".")).text
        table[name] = table.get(name, 0) | bit

    def mask(self, names: Sequence[str]) -> int:
        """Bits of several sets."""
        found = 0
        for name in names:
            found |= self.bits[name]
        return found

    def _hits(self, host: str) -> tuple[int, bool]:
        """Bits of the sets that a host is in, and whether it could be another."""
        folded = fold_host(host)
        text = folded.text
        found = self._exact.get(text, 0)
        if _is_address(text):
            try:
                address = ipaddress.ip_address(text)
            except ValueError:
                return found, True
            for network, bit in self._networks:
                if address in network:
                    found |= bit
            return found, folded.strange
        place = text.find(".")
        while place >= 0:
            found |= self._domains.get(text[place + 1 :], 0)
            place = text.find(".", place + 1)
        return found, folded.strange


def _is_address(text: str) -> bool:
    return ":" in text or (text[-1:].isdigit() and text.count(".") == 3)  # noqa: PLR2004  # four bytes


def check_program(entry: str) -> None:
    """Refuse an entry that is no plain name of a program.

    Raises:
        ValueError: Empty, with a slash, a space, a pattern or a capital.
    """
    if not entry or any(c in "/*?[]{}$ \t" for c in entry) or not entry.isascii():
        raise ValueError(f"{entry!r} is no plain name of a program")
