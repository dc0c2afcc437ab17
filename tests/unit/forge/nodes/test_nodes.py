"""What a host is told of the others."""

from typing import Any

from forge import nodes

TOPOLOGY: dict[str, Any] = {
    "domain": "forge.internal",
    "wires": {"cluster": {}, "boundary": {}, "inference": {}},
    "hosts": {
        "node": {"addresses": {"cluster": "10.20.0.11", "boundary": "10.20.1.11"}},
        "gate": {"addresses": {"boundary": "10.20.1.31", "inference": "10.20.2.31"}},
        "studio": {"addresses": {"inference": "10.20.2.41"}},
    },
}


def test_a_host_has_the_address_of_the_shared_wire() -> None:
    assert nodes.host_lines(TOPOLOGY, "gate") == [
        "10.20.1.11 node.forge.internal node",
        "10.20.1.31 gate.forge.internal gate",
        "10.20.2.41 studio.forge.internal studio",
    ]


def test_the_cluster_comes_first() -> None:
    assert "10.20.0.11 node.forge.internal node" in nodes.host_lines(TOPOLOGY, "node")


def test_who_shares_no_wire_has_no_name() -> None:
    assert not any("studio" in line for line in nodes.host_lines(TOPOLOGY, "node"))


def test_two_names_of_one_machine_are_both_named() -> None:
    (sentence,) = nodes.same_machine({"a": "id1", "b": "id2", "c": "id1", "d": ""})
    assert sentence.startswith("a and c are the same machine")


def test_unknown_identities_are_not_compared() -> None:
    assert nodes.same_machine({"a": "", "b": ""}) == []
