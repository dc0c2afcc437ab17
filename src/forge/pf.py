"""Renders a host's permitted connections as one anchor of pf, macOS's packet filter.

Pure, and the same declared flows as ``forge.nftables`` renders for Linux: loopback and
answers pass, a source must be routed back through the interface that it came by,
what a flow declares passes, everything else that comes in is dropped. Rules are
``quick``: the first one that matches decides, as in nftables.

``flags any``: pf learns connections that were there before it, among them the one
that brings these rules.

Source: pf.conf(5) of macOS.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from ipaddress import IPv4Address
from typing import Any

from forge.errors import InputError
from forge.nftables import ingress
from forge.topology.firewall import Ingress, port_range

ENGINES = frozenset({"ollama", "mlx"})  # components that serve models
ACCOUNT = re.compile(r"[a-z_][a-z0-9_-]{0,30}")


def anchor(
    topology: Mapping[str, Any], host: str, guards: Iterable[Mapping[str, Any]] = ()
) -> str:
    """Return the rules of one host's anchor.

    Args:
        topology: ``forge_topology``; ``hosts`` is read.
        host: Its name in the topology.
        guards: ``ports`` of ``addresses`` that only the accounts ``users`` of this
            host may connect to, by loopback as by a wire.

    Raises:
        InputError: A value cannot be part of a rule; the message names it.
    """
    if host not in topology["hosts"]:
        raise InputError(f"{host} is not in the topology")
    rules = [*_guards(guards), *_rules(ingress(topology, host))]
    return "".join(f"{rule}\n" for rule in rules)


def engine_guards(
    topology: Mapping[str, Any], host: str, users: Iterable[str]
) -> list[dict[str, Any]]:
    """Return the guards of the engines on a host that has the gate; else none.

    Whoever reaches an engine past the gate's proxy asks a model without a judgement:
    agents of the same host are kept off its own engines and off those of tier III.

    Args:
        topology: ``forge_topology``; ``hosts``, ``ports`` are read.
        host: Its name in the topology.
        users: Accounts of the proxy and of those who manage the engines.
    """
    if "clawlaw_gate" not in topology["hosts"][host]["components"]:
        return []
    served = [h for h in topology["hosts"].values() if ENGINES & {*h["components"]}]
    addresses = {a for h in served for a in h["addresses"].values()}
    ports = [
        str(topology["ports"][e]) for e in sorted(ENGINES) if e in topology["ports"]
    ]
    return [
        {
            "addresses": ["127.0.0.1", *sorted(addresses)],
            "ports": ports,
            "users": [*users],
        }
    ]


def _guards(guards: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    for guard in guards:
        ports, users = [str(p) for p in guard["ports"]], [*guard["users"]]
        addresses = [str(IPv4Address("".join(a))) for a in guard["addresses"]]
        wrong = [p for p in ports if port_range(p, {}) is None]
        wrong += [user for user in users if ACCOUNT.fullmatch(user) is None]
        if wrong or not (ports and users and addresses):
            raise InputError(
                f"guard of ports {ports} for {users}: {wrong or 'one is missing'}",
                remedy="give port numbers or ranges, and names of accounts",
            )
        listed = ", ".join(text.replace("-", ":") for text in ports)
        to = f"from any to {{ {', '.join(addresses)} }} port {{ {listed} }}"
        named = f"user {{ {', '.join(users)} }}"
        yield f"pass out quick inet proto tcp {to} {named} no state"
        # An answer at once: who must not connect is told so, and does not hang.
        yield f'block return out quick inet proto tcp {to} label "guarded"'


def _rules(permitted: list[Ingress]) -> Iterator[str]:
    yield "pass quick on lo0 all no state"
    yield "pass out quick proto tcp all flags any keep state"
    yield "pass out quick all keep state"
    yield 'block drop in quick from urpf-failed to any label "forged source"'
    for rule in permitted:
        sources = f"from {{ {', '.join(rule.sources)} }} to {rule.destination}"
        end = f'keep state label "{rule.flow}"'
        if rule.protocol == "icmp":
            yield f"pass in quick inet proto icmp {sources} icmp-type echoreq {end}"
        elif rule.protocol == "tcp":
            port = _ports(rule)
            yield f"pass in quick inet proto tcp {sources} {port} flags any {end}"
        else:
            yield f"pass in quick inet proto udp {sources} {_ports(rule)} {end}"
    yield 'block drop in quick all label "not declared"'


def _ports(rule: Ingress) -> str:
    return f"port {{ {', '.join(text.replace('-', ':') for text in rule.ports)} }}"
