"""Named sets of hosts and programs, and the references between sets."""

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

from clawlaw.core.text import Folded, fold_host
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


class HostSet:
    """Hosts by exact name, by `.domain` for what is beneath it, by network.

    An address is in a set only by an address or a network: a name never is one.
    """

    def __init__(self, entries: Iterable[str]) -> None:
        """Build from entries.

        Raises:
            ValueError: An entry that is no host, domain or network.
        """
        exact: set[str] = set()
        self._domains: set[str] = set()
        self._networks: list[Network] = []
        for entry in entries:
            if "/" in entry:
                self._networks.append(ipaddress.ip_network(entry))
                continue
            folded = fold_host(entry.removeprefix("."))
            if folded.strange or "*" in entry:
                raise ValueError(f"{entry!r} is no host, .domain or network")
            (self._domains if entry.startswith(".") else exact).add(folded.text)
        self._exact = frozenset(exact)
        self.contains = lru_cache(maxsize=4096)(self._contains)

    def _contains(self, host: Folded) -> bool:
        text = host.text
        if text in self._exact:
            return True
        if _is_address(text):
            address = ipaddress.ip_address(text)
            return any(address in network for network in self._networks)
        place = text.find(".")
        while place >= 0:
            if text[place + 1 :] in self._domains:
                return True
            place = text.find(".", place + 1)
        return False


def _is_address(text: str) -> bool:
    return ":" in text or (text[-1:].isdigit() and text.count(".") == 3)  # noqa: PLR2004  # four bytes


def check_program(entry: str) -> None:
    """Refuse an entry that is no plain name of a program.

    Raises:
        ValueError: Empty, with a slash, a space, a pattern or a capital.
    """
    if not entry or any(c in "/*?[]{}$ \t" for c in entry) or not entry.isascii():
        raise ValueError(f"{entry!r} is no plain name of a program")
