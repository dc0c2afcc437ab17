"""Resolution of flows: nothing beyond what is declared, and all of that."""

from ipaddress import IPv4Address, IPv4Network
from random import Random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forge.topology.firewall import flow_ranges, permits, port_range, resolve
from forge.topology.model import (
    CONTROLLER,
    PODS,
    WIRES,
    Cluster,
    Flow,
    Host,
    Protocol,
    Topology,
    Wire,
)

NAMES = ("a", "b", "c", "d")
GROUPS = ("all", "front", "back")
PROTOCOLS: tuple[Protocol, ...] = ("tcp", "udp", "icmp")
POD_RANGE = IPv4Network("10.42.0.0/16")


def host(name: str, groups: frozenset[str], wires: frozenset[str]) -> Host:
    number = NAMES.index(name) + 10
    return Host(
        name=name,
        groups=groups | {"all"},
        tier=1,
        os="debian",
        arch="amd64",
        model="",
        role="control",
        components=(),
        addresses={w: address(w, number) for w in WIRES if w in wires},
        labels={},
        taints=(),
        memory_gb=None,
        pins={},
        artifact="k3s",
        connect_to="",
    )


def address(wire: str, number: int) -> IPv4Address:
    return IPv4Address(f"10.20.{WIRES.index(wire)}.{number}")


@st.composite
def flows(draw: st.DrawFn) -> Flow:
    ends = st.sampled_from([*NAMES, *GROUPS])
    sources = st.sampled_from([*NAMES, *GROUPS, CONTROLLER, PODS])
    # Few numbers, so that ports and ranges meet, touch and overlap.
    number = st.integers(1, 30) | st.just(65535)
    port = number.map(str)
    span = st.tuples(st.integers(1, 30), st.integers(1, 30)).map(
        lambda pair: f"{min(pair)}-{max(pair)}"
    )
    protocol = draw(st.sampled_from(PROTOCOLS))
    return Flow(
        name=draw(st.sampled_from(["f1", "f2", "f3"])),
        sources=tuple(draw(st.lists(sources, min_size=1, max_size=3))),
        targets=tuple(draw(st.lists(ends, min_size=1, max_size=3))),
        wire=draw(st.sampled_from([*WIRES, "*"])),
        protocol=protocol,
        ports=()
        if protocol == "icmp"
        else tuple(draw(st.lists(port | span, min_size=1, max_size=3))),
        why="x",
    )


@st.composite
def topologies(draw: st.DrawFn) -> Topology:
    hosts = {
        name: host(
            name,
            draw(st.frozensets(st.sampled_from(["front", "back"]))),
            draw(st.frozensets(st.sampled_from(WIRES))),
        )
        for name in NAMES
    }
    return Topology(
        name="t",
        domain="t.internal",
        wires={w: Wire(w, IPv4Network(f"10.20.{i}.0/24")) for i, w in enumerate(WIRES)},
        cluster=Cluster(
            pod_cidr=POD_RANGE,
            service_cidr=IPv4Network("10.43.0.0/16"),
            dns_address=IPv4Address("10.43.0.10"),
            dns_domain="cluster.local",
            api_port=6443,
        ),
        controller={wire: address(wire, 1) for wire in WIRES},
        ports={},
        flows=tuple(draw(st.lists(flows(), max_size=4))),
        components_required=(),
        hosts=hosts,
        groups={g: tuple(n for n in NAMES if g in hosts[n].groups) for g in GROUPS},
        pins=None,
        is_complete=True,
    )


def members(ends: tuple[str, ...], topology: Topology) -> set[str]:
    return {
        name for name, host in topology.hosts.items() if {name, *host.groups} & {*ends}
    }


def numbers(ports: tuple[str, ...]) -> set[int]:
    """All port numbers; 0 stands for a protocol without ports."""
    found = set()
    for text in ports:
        low, _, high = text.partition("-")
        found |= set(range(int(low), int(high or low) + 1))
    return found or {0}


def declared(topology: Topology, target: str, wire: str) -> set[tuple[str, str, int]]:
    """Protocol, source and port of everything that flows declare for a host."""
    found: set[tuple[str, str, int]] = set()
    for flow in topology.flows:
        if flow.wire not in (wire, "*") or target not in members(
            flow.targets, topology
        ):
            continue
        sources = {
            str(topology.hosts[name].addresses[wire])
            for name in members(flow.sources, topology) - {target}
            if wire in topology.hosts[name].addresses
        }
        if CONTROLLER in flow.sources:
            sources.add(str(topology.controller[wire]))
        if PODS in flow.sources:
            sources.add(str(POD_RANGE))
        ports = numbers(flow.ports)
        found |= {(flow.protocol, source, port) for source in sources for port in ports}
    return found


@given(topologies())
def test_opens_exactly_what_flows_declare(topology: Topology) -> None:
    for target, rules in resolve(topology).items():
        addresses = topology.hosts[target].addresses
        assert {rule.wire for rule in rules} <= addresses.keys()
        for wire in addresses:
            own = [rule for rule in rules if rule.wire == wire]
            assert all(rule.destination == str(addresses[wire]) for rule in own)
            opened = {
                (rule.protocol, source, port)
                for rule in own
                for source in rule.sources
                for port in numbers(rule.ports)
            }
            assert opened == declared(topology, target, wire)


@given(topologies(), st.randoms(use_true_random=False))
@settings(max_examples=60)
def test_result_does_not_depend_on_any_order(topology: Topology, order: Random) -> None:
    def mixed[T](items: tuple[T, ...]) -> tuple[T, ...]:
        copy = list(items)
        order.shuffle(copy)
        return tuple(copy)

    shuffled = msgspec.structs.replace(
        topology,
        hosts={name: topology.hosts[name] for name in mixed(NAMES)},
        flows=mixed(
            tuple(
                msgspec.structs.replace(
                    flow,
                    sources=mixed(flow.sources),
                    targets=mixed(flow.targets),
                    ports=mixed(flow.ports),
                )
                for flow in topology.flows
            )
        ),
    )
    assert resolve(shuffled) == resolve(topology)


def one(flow: Flow) -> Topology:
    return Topology(
        name="t",
        domain="t",
        wires={"cluster": Wire("cluster", IPv4Network("10.20.0.0/24"))},
        cluster=None,
        controller={"cluster": address("cluster", 1)},
        ports={"web": "8443", "pair": "2379-2380"},
        flows=(flow,),
        components_required=(),
        hosts={n: host(n, frozenset(), frozenset({"cluster"})) for n in ("a", "b")},
        groups={"all": ("a", "b")},
        pins=None,
        is_complete=True,
    )


def flow(*ports: str) -> Flow:
    return Flow(
        name="f",
        sources=("all", CONTROLLER),
        targets=("all",),
        wire="cluster",
        protocol="tcp",
        ports=ports,
        why="x",
    )


def test_a_host_is_not_its_own_source() -> None:
    (rule,) = resolve(one(flow("22")))["a"]
    assert rule.sources == ("10.20.0.1", "10.20.0.11")
    assert rule.destination == "10.20.0.10"


def test_named_ports_are_resolved_and_ranges_merged() -> None:
    (rule,) = resolve(one(flow("pair", "web", "2381-2390", "2385")))["a"]
    assert rule.ports == ("2379-2390", "8443")


def test_sources_are_sorted_as_numbers() -> None:
    topology = msgspec.structs.replace(
        one(flow("22")), controller={"cluster": IPv4Address("10.20.0.9")}
    )
    (rule,) = resolve(topology)["a"]
    assert rule.sources == ("10.20.0.9", "10.20.0.11")


def test_permits_looks_at_protocol_port_and_source() -> None:
    (rule,) = resolve(one(flow("20-22")))["a"]
    source = IPv4Address("10.20.0.11")
    assert permits(rule, "tcp", 20, source)
    assert permits(rule, "tcp", 22, source)
    assert not permits(rule, "tcp", 23, source)
    assert not permits(rule, "udp", 22, source)
    assert not permits(rule, "tcp", 22, IPv4Address("10.20.0.12"))


@pytest.mark.parametrize(
    ("text", "bounds"),
    [
        ("22", (22, 22)),
        ("1-65535", (1, 65535)),
        ("web", (8443, 8443)),
        ("0", None),
        ("65536", None),
        ("3-2", None),
        ("-22", None),
        ("22-", None),
        ("2٣", None),
        ("", None),
        ("wbe", None),
    ],
)
def test_port_range_reads_only_ports(text: str, bounds: tuple[int, int] | None) -> None:
    assert port_range(text, {"web": "8443"}) == bounds


def test_flow_ranges_join_neighbours() -> None:
    assert flow_ranges(flow("2", "1", "3-4", "6"), {}) == [(1, 4), (6, 6)]
