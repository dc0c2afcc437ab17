"""The rendered table: its text, its meaning, and that nft accepts it."""

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forge import nftables
from forge.errors import InputError

GOLDEN = Path(__file__).resolve().parents[3] / "fixtures" / "nftables"
INTERFACES = ("cni0", "veth*")
POD_CIDR = "10.42.0.0/16"


def ingress(flow: str, ports: list[str], sources: list[str], **other: str) -> Any:
    return {
        "flow": flow,
        "wire": "cluster",
        "protocol": "tcp",
        "ports": ports,
        "sources": sources,
        "destination": "10.20.0.11",
        **other,
    }


def topology(*rules: Any) -> dict[str, Any]:
    """A node and a boundary host; the rules are those of the node."""
    return {
        "cluster": {"pod_cidr": POD_CIDR},
        "controller": {"cluster": "10.20.0.1", "boundary": "10.20.1.1"},
        "hosts": {
            "node": {
                "is_server": True,
                "is_agent": False,
                "addresses": {"cluster": "10.20.0.11", "boundary": "10.20.1.11"},
                "ingress": list(rules),
            },
            "gate": {
                "is_server": False,
                "is_agent": False,
                "addresses": {"boundary": "10.20.1.31"},
                "ingress": [
                    ingress("ssh", ["22"], ["10.20.1.1"], wire="boundary",
                            destination="10.20.1.31"),
                ],
            },
        },
    }  # fmt: skip


EXAMPLE = topology(
    ingress("ssh", ["22"], ["10.20.0.1"]),
    ingress("ssh", ["22"], ["10.20.1.1"], wire="boundary", destination="10.20.1.11"),
    ingress("ping", [], ["10.20.0.12"], protocol="icmp"),
    ingress("k3s-etcd", ["2379-2380"], ["10.20.0.12", "10.20.0.13"]),
    ingress("k3s-vxlan", ["8472"], ["10.20.0.12"], protocol="udp"),
    ingress("pods-api", ["6443"], [POD_CIDR]),
)


@pytest.mark.parametrize("host", ["node", "gate"])
def test_table_is_the_golden_one(host: str) -> None:
    text = nftables.table(EXAMPLE, host, INTERFACES)
    file = GOLDEN / f"{host}.nft"
    if os.environ.get("FORGE_WRITE_GOLDEN"):
        file.write_text(text)
    assert text == file.read_text(), "if meant, write it anew: FORGE_WRITE_GOLDEN=1"


def chains(text: str) -> dict[str, list[str]]:
    """Split a table into its chains: name to rules."""
    blocks = re.findall(r"^chain (\w+) \{\n(.*?)^\}", text, re.DOTALL | re.MULTILINE)
    return {name: [line.strip() for line in body.splitlines()] for name, body in blocks}


def accepts(rules: list[str], protocol: str, port: int, source: IPv4Address) -> bool:
    """Say what a wire's chain does with a packet, by reading its rules alone."""
    for rule in rules:
        match = re.match(r"ip saddr \{ (.+?) \} (\w+) dport \{ (.+?) \} accept", rule)
        if match is None or match[2] != protocol:
            continue
        ranges = [part.split("-") for part in match[3].split(", ")]
        if any(source in IPv4Network(net) for net in match[1].split(", ")) and any(
            int(low) <= port <= int(high)
            for low, *rest in ranges
            for high in (rest or [low])
        ):
            return True
    return False


ADDRESSES = st.integers(1, 30).map(lambda last: f"10.20.0.{last}")
SOURCES = st.lists(
    st.one_of(ADDRESSES, st.sampled_from([POD_CIDR, "10.20.0.8/30", "10.20.0.8/29"])),
    min_size=1,
    max_size=5,
    unique=True,
)
PORTS = st.lists(
    st.tuples(st.integers(1, 40), st.integers(0, 5)).map(
        lambda pair: f"{pair[0]}-{pair[0] + pair[1]}" if pair[1] else str(pair[0])
    ),
    min_size=1,
    max_size=3,
    unique=True,
)
RULES = st.lists(
    st.builds(
        lambda ports, sources, protocol, number: ingress(
            f"flow-{number}", ports, sources, protocol=protocol
        ),
        PORTS, SOURCES, st.sampled_from(["tcp", "udp"]), st.integers(0, 99),
    ),
    max_size=5,
)  # fmt: skip


@settings(max_examples=200)
@given(RULES, st.sampled_from(["tcp", "udp"]), st.integers(1, 50), ADDRESSES)
def test_a_wire_lets_in_what_is_declared_and_nothing_else(
    rules: list[Any], protocol: str, port: int, source: str
) -> None:
    text = nftables.table(topology(*rules), "node", INTERFACES)
    address = IPv4Address(source)
    declared = any(
        rule["protocol"] == protocol
        and any(address in IPv4Network(net) for net in rule["sources"])
        and any(
            int(part.split("-")[0]) <= port <= int(part.split("-")[-1])
            for part in rule["ports"]
        )
        for rule in rules
    )
    found = chains(text)
    assert accepts(found["to_cluster"], protocol, port, address) == declared
    assert not accepts(found["to_boundary"], protocol, port, address)


@given(RULES)
def test_every_chain_that_does_not_return_ends_in_a_drop(rules: list[Any]) -> None:
    for name, body in chains(nftables.table(topology(*rules), "node")).items():
        last = body[-1].partition(" comment")[0]
        assert last.endswith("drop") or last.startswith("goto drop_"), name
        # Everything before the end is either a decision or a jump without return.
        assert not any(line.startswith("jump") for line in body), name


def test_hosts_outside_the_cluster_forward_nothing() -> None:
    found = chains(nftables.table(EXAMPLE, "gate", INTERFACES))
    assert found["forward"][1:] == ["counter name dropped_forward drop"]
    assert not any("cni0" in line for body in found.values() for line in body)


def test_a_nodes_own_port_is_judged_before_the_nodes_way_to_pods() -> None:
    rule = ingress("s3", ["9000"], ["10.20.1.31"])
    found = chains(nftables.table(topology(rule), "node", INTERFACES))
    forward = [line.partition(" comment")[0] for line in found["forward"]]
    published = (
        "ct status dnat ct original ip daddr { 10.20.0.11, 10.20.1.11 } goto published"
    )
    pods = next(
        index
        for index, line in enumerate(forward)
        if line.endswith(f"ip daddr {POD_CIDR} accept")
    )
    assert forward.index(published) < pods
    assert any("10.20.1.31" in line and "9000" in line for line in found["published"])


def test_an_address_inside_a_network_is_not_named_again() -> None:
    rule = ingress("api", ["6443"], ["10.42.3.4", POD_CIDR, "10.20.0.12"])
    body = chains(nftables.table(topology(rule), "node"))["to_cluster"]
    assert body[2].startswith("ip saddr { 10.20.0.12, 10.42.0.0/16 } tcp")


def test_answers_are_accepted_first() -> None:
    found = chains(nftables.table(EXAMPLE, "node", INTERFACES))
    assert found["input"][:2] == [
        "type filter hook input priority filter; policy drop;",
        nftables.ACCEPT_ANSWERS,
    ]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"flow": 'x" accept #'}, "cannot be the name"),
        ({"wire": "cluster }"}, "cannot be the name"),
        ({"sources": ["10.20.0.0/33"]}, "source of a flow"),
        ({"sources": []}, "no source"),
        ({"destination": "any"}, "address of a host"),
        ({"protocol": "sctp"}, "protocol 'sctp'"),
        ({"ports": ["22 accept"]}, "port '22 accept'"),
        ({"ports": []}, "no port"),
        ({"ports": 22}, "ingress: Expected"),
    ],
)
def test_values_that_could_change_a_rule_are_refused(
    change: dict[str, Any], says: str
) -> None:
    rule = {**ingress("ssh", ["22"], ["10.20.0.1"]), **change}
    with pytest.raises(InputError, match=re.escape(says)):
        nftables.table(topology(rule), "node", INTERFACES)


@pytest.mark.parametrize("name", ["", "*", 'cni0" accept', "a" * 16, "veth**"])
def test_names_that_no_interface_has_are_refused(name: str) -> None:
    with pytest.raises(InputError, match="is not the name of an interface"):
        nftables.table(EXAMPLE, "node", [name])


def test_a_host_that_is_unknown_is_named() -> None:
    with pytest.raises(InputError, match="nobody is not in the topology"):
        nftables.table(EXAMPLE, "nobody")


@pytest.mark.parametrize("rate", ["6", "6/minute; accept", "0/second"])
def test_a_rate_is_a_number_and_a_unit(rate: str) -> None:
    with pytest.raises(InputError, match="log rate"):
        nftables.table(EXAMPLE, "node", log_rate=rate)


@pytest.mark.parametrize(
    ("target", "connection", "says"),
    [
        ("10.20.0.11:22", "", ""),
        ("10.20.1.11", "", ""),
        ("10.20.0.11:22", "10.20.0.1 4711 10.20.0.11 22", ""),
        ("10.20.0.11:22", "10.20.0.9 4711 10.20.0.11 22", "10.20.0.9 reach 10.20.0.11"),
        ("10.20.0.11:22", "10.20.0.1 4711 10.20.0.11 2222", "10.20.0.11:2222"),
        ("10.20.0.11:2222", "", "10.20.0.1 reach 10.20.0.11:2222"),
        ("node.example", "", "node.example is not an address of node"),
        ("10.20.0.11:22", "fe80::1 4711 fe80::2 22", "no flow can be IPv6"),
    ],
)
def test_rules_that_lock_the_controller_out_are_seen(
    target: str, connection: str, says: str
) -> None:
    reason = nftables.locked_out(EXAMPLE, "node", target, connection)
    assert (says in reason) if says else reason == ""


def test_a_wire_without_the_controller_is_seen() -> None:
    alone: Mapping[str, Any] = {**EXAMPLE, "controller": {"boundary": "10.20.1.1"}}
    reason = nftables.locked_out(alone, "node", "10.20.0.11")
    assert reason == "the controller has no address on the wire cluster"


@pytest.mark.skipif(
    shutil.which("nft") is None or os.geteuid() != 0, reason="needs nft and root"
)
@pytest.mark.parametrize("host", ["node", "gate"])
def test_nft_accepts_the_table(host: str) -> None:
    body = nftables.table(EXAMPLE, host, INTERFACES)
    # A network namespace of its own: even a check must not see the machine's tables.
    done = subprocess.run(
        ["unshare", "--net", "nft", "--check", "--file", "-"],
        input=f"table inet forge {{\n{body}}}\n",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
