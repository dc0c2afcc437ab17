"""Which TCP connections the declared flows allow, and which must be dropped. Pure.

The firewall lets a host in or drops it silently. So a connection attempt tells the
two apart without a listener: an answer, be it a refusal, went through; silence did not.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import Any

# No flow of the Forge uses it: proves that what nobody declared is dropped.
UNDECLARED_PORT = 9
CONTROLLER = "controller"


@dataclass(frozen=True, order=True)
class Attempt:
    """One connection to try.

    Attributes:
        target: Host name.
        wire: Wire of the address.
        address: IPv4 address.
        port: TCP port.
        allowed: The flow that allows it, or ``None``.
    """

    target: str
    wire: str
    address: str
    port: int
    allowed: str | None


@dataclass(frozen=True)
class Outcome:
    """What became of an attempt, as ``forge.platform.tcp_reach`` returns it."""

    address: str
    port: int
    result: str  # connected, refused, dropped, unroutable


def attempts(topology: Mapping[str, Any], source: str) -> list[Attempt]:
    """Return every connection to try from one source.

    Args:
        topology: The resolved topology (the fact ``forge_topology``).
        source: Host name, or ``controller``.

    Returns:
        One attempt for each address of each other host and each TCP port that any
        flow names, and one port that none does; sorted.
    """
    hosts = topology["hosts"]
    own = topology["controller"] if source == CONTROLLER else hosts[source]["addresses"]
    ports = _ports(hosts.values())
    return sorted(
        Attempt(name, wire, address, port, _flow(host, wire, address, port, own))
        for name, host in hosts.items()
        if name != source
        for wire, address in host["addresses"].items()
        for port in ports
    )


def violations(
    topology: Mapping[str, Any], tried: Mapping[str, Sequence[Outcome]]
) -> list[str]:
    """Compare what the flows declare with what happened.

    Args:
        topology: The fact ``forge_topology``.
        tried: Source (host name or ``controller``) to the outcomes there.

    Returns:
        One line for each difference; an attempt without an outcome is one.
    """
    lines: list[str] = []
    for source, outcomes in tried.items():
        results = {(item.address, item.port): item.result for item in outcomes}
        for item in attempts(topology, source):
            result = results.get((item.address, item.port), "not tried")
            passed = result in {"connected", "refused"}
            where = f"{source} → {item.target}:{item.port} on {item.wire}"
            if result == "not tried" or (item.allowed and not passed):
                wanted = f"flow {item.allowed}" if item.allowed else "no flow"
                lines.append(f"{where}: {result}, {wanted} allows it")
            elif item.allowed is None and passed:
                lines.append(f"{where}: {result}, no flow allows it")
    return lines


def _ports(hosts: Any) -> list[int]:  # noqa: ANN401 - values of the fact's dict
    """Return both ends of every declared TCP port range, and an undeclared port."""
    found = {UNDECLARED_PORT}
    for host in hosts:
        for rule in host["ingress"]:
            if rule["protocol"] == "tcp":
                found.update(end for port in rule["ports"] for end in _range(port))
    return sorted(found)


def _range(port: str) -> tuple[int, int]:
    first, _, last = port.partition("-")
    return int(first), int(last or first)


def _flow(
    host: Mapping[str, Any], wire: str, address: str, port: int, own: Mapping[str, str]
) -> str | None:
    source = own.get(wire)
    if source is None:
        return None
    for rule in host["ingress"]:
        in_range = any(
            first <= port <= last for first, last in map(_range, rule["ports"])
        )
        if (
            rule["protocol"] == "tcp"
            and rule["destination"] == address
            and in_range
            and any(ip_address(source) in ip_network(net) for net in rule["sources"])
        ):
            flow: str = rule["flow"]
            return flow
    return None
