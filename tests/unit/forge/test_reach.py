from typing import Any

import pytest

from forge.reach import UNDECLARED_PORT, Attempt, Outcome, attempts, violations

TOPOLOGY: dict[str, Any] = {
    "controller": {"cluster": "10.0.0.1"},
    "hosts": {
        "a": {
            "addresses": {"cluster": "10.0.0.11"},
            "ingress": [
                {
                    "flow": "ssh",
                    "wire": "cluster",
                    "protocol": "tcp",
                    "ports": ["22"],
                    "sources": ["10.0.0.1"],
                    "destination": "10.0.0.11",
                },
                {
                    "flow": "vxlan",
                    "wire": "cluster",
                    "protocol": "udp",
                    "ports": ["8472"],
                    "sources": ["10.0.0.12"],
                    "destination": "10.0.0.11",
                },
            ],
        },
        "b": {
            "addresses": {"cluster": "10.0.0.12", "boundary": "10.0.1.12"},
            "ingress": [
                {
                    "flow": "etcd",
                    "wire": "cluster",
                    "protocol": "tcp",
                    "ports": ["2379-2380"],
                    "sources": ["10.0.0.0/28"],
                    "destination": "10.0.0.12",
                }
            ],
        },
    },
}


def test_every_port_is_tried_on_every_address_of_every_other_host() -> None:
    ports = [UNDECLARED_PORT, 22, 2379, 2380]
    assert [(a.target, a.wire, a.port) for a in attempts(TOPOLOGY, "a")] == [
        ("b", wire, port) for wire in ("boundary", "cluster") for port in ports
    ]


def test_a_udp_flow_allows_no_tcp_connection() -> None:
    assert all(item.allowed is None for item in attempts(TOPOLOGY, "b"))


def test_a_flow_allows_its_range_from_its_sources_on_its_wire_only() -> None:
    allowed = [item for item in attempts(TOPOLOGY, "a") if item.allowed]
    assert allowed == [
        Attempt("b", "cluster", "10.0.0.12", 2379, "etcd"),
        Attempt("b", "cluster", "10.0.0.12", 2380, "etcd"),
    ]


def test_the_controller_has_addresses_of_its_own() -> None:
    allowed = {
        (i.target, i.port) for i in attempts(TOPOLOGY, "controller") if i.allowed
    }
    assert allowed == {("a", 22), ("b", 2379), ("b", 2380)}


def outcomes(**changed: str) -> list[Outcome]:
    """What a right firewall gives to source ``a``, with some results changed."""
    return [
        Outcome(i.address, i.port, "refused" if i.allowed else "dropped")
        if f"{i.wire}_{i.port}" not in changed
        else Outcome(i.address, i.port, changed[f"{i.wire}_{i.port}"])
        for i in attempts(TOPOLOGY, "a")
    ]


def test_a_right_firewall_has_no_violation() -> None:
    assert violations(TOPOLOGY, {"a": outcomes()}) == []


@pytest.mark.parametrize("result", ["unroutable", "dropped"])
def test_silence_where_no_flow_is_declared_is_right(result: str) -> None:
    assert violations(TOPOLOGY, {"a": outcomes(boundary_22=result)}) == []


@pytest.mark.parametrize("result", ["connected", "refused"])
def test_an_answer_where_no_flow_is_declared_is_named(result: str) -> None:
    found = violations(TOPOLOGY, {"a": outcomes(boundary_22=result)})
    assert found == [f"a → b:22 on boundary: {result}, no flow allows it"]


@pytest.mark.parametrize("result", ["unroutable", "dropped"])
def test_silence_where_a_flow_is_declared_is_named(result: str) -> None:
    found = violations(TOPOLOGY, {"a": outcomes(cluster_2379=result)})
    assert found == [f"a → b:2379 on cluster: {result}, flow etcd allows it"]


def test_what_was_not_tried_is_a_violation() -> None:
    found = violations(TOPOLOGY, {"a": outcomes()[1:]})
    assert found == ["a → b:9 on boundary: not tried, no flow allows it"]
