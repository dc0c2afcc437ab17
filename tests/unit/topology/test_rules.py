"""What the files of the fixtures cannot show: several faults, order, edges."""

import random

import pytest

from forge.topology import Finding, examine
from forge.topology.findings import did_you_mean, report
from forge.topology.load import Inventory
from forge.topology.rules.cluster import key_problem, value_problem


def findings(inventory: Inventory) -> list[Finding]:
    return list(examine(inventory.hostvars, inventory.groups, None)[1])


def flow(**changed: object) -> dict[str, object]:
    made: dict[str, object] = {
        "name": "extra",
        "from": ["worker-02"],
        "to": ["control-01"],
        "wire": "cluster",
        "protocol": "tcp",
        "ports": [9100],
        "why": "Metrics.",
    }
    return {key: value for key, value in {**made, **changed}.items() if value != "-"}


def add_flow(inventory: Inventory, **changed: object) -> None:
    for variables in inventory.hostvars.values():
        variables["forge_flows"] = [*variables["forge_flows"], flow(**changed)]


def test_all_findings_are_reported_at_once(tiers: Inventory) -> None:
    tiers.hostvars["control-01"]["forge_addresses"]["cluster"] = "192.0.2.22"
    tiers.hostvars["worker-02"]["forge_role"] = "polizy"
    tiers.hostvars["m4-pro"]["forge_labels"] = {"a": "b"}
    add_flow(tiers, why="")
    assert [(f.rule, f.host) for f in findings(tiers)] == [
        ("flow-without-reason", "all"),
        ("node-data-outside-cluster", "m4-pro"),
        ("duplicate-address", "worker-02"),
        ("unknown-kind", "worker-02"),
    ]


def test_report_does_not_depend_on_the_order_of_hosts(tiers: Inventory) -> None:
    tiers.hostvars["control-01"]["forge_os"] = "bsd"
    tiers.hostvars["worker-02"]["forge_os"] = "bsd"
    tiers.hostvars["m4-pro"]["forge_labels"] = {"a b": "c d"}
    first = report(tuple(findings(tiers)))
    order = random.Random(7)  # noqa: S311 - a fixed order, nothing secret
    for _ in range(5):
        names = list(tiers.hostvars)
        order.shuffle(names)
        shuffled = Inventory({n: tiers.hostvars[n] for n in names}, tiers.groups, [])
        assert report(tuple(findings(shuffled))) == first


def test_flow_without_name_is_named_by_its_place(tiers: Inventory) -> None:
    add_flow(tiers, name="-")
    (finding,) = findings(tiers)
    assert finding.field == "forge_flows[5]"
    assert "name" in finding.message


@pytest.mark.parametrize(
    ("end", "refused"),
    [("control", True), ("linux", True), ("policy", False), ("inference", False)],
)
def test_only_policy_node_and_tier_three_enter_the_boundary(
    tiers: Inventory, end: str, *, refused: bool
) -> None:
    wire = "inference" if end == "inference" else "boundary"
    add_flow(
        tiers, **{"from": [end]}, to=["m4-pro"], wire=wire, ports=["gate"], why="x"
    )
    rules = {finding.rule for finding in findings(tiers)} - {"duplicate-flow"}
    assert rules == ({"flow-into-boundary"} if refused else set())


@pytest.mark.parametrize("ports", [["20-30"], ["22"], ["5900"], ["2375-2376"]])
@pytest.mark.parametrize(
    ("source", "target", "wire"),
    [
        ("worker-02", "control-01", "cluster"),
        ("m4-pro", "mac-studio", "inference"),
        ("mac-studio", "m4-pro", "inference"),
        ("m4-pro", "worker-02", "boundary"),
    ],
)
def test_nobody_but_the_controller_administers(
    tiers: Inventory, source: str, target: str, wire: str, ports: list[str]
) -> None:
    add_flow(tiers, **{"from": [source]}, to=[target], wire=wire, ports=ports)
    assert {f.rule for f in findings(tiers)} == {"administration-across-tiers"}


@pytest.mark.parametrize("ports", [["api"], [6443], ["6000-7000"], ["2379-2380"]])
def test_boundary_never_reaches_the_control_plane(
    tiers: Inventory, ports: list[object]
) -> None:
    add_flow(
        tiers, **{"from": ["m4-pro"]}, to=["control-01"], wire="boundary", ports=ports
    )
    assert {f.rule for f in findings(tiers)} == {"cluster-key-on-boundary"}


def test_udp_to_the_boundary_is_not_the_gate(tiers: Inventory) -> None:
    add_flow(
        tiers, to=["m4-pro"], wire="boundary", protocol="udp", ports=["gate"], why="x"
    )
    assert {f.rule for f in findings(tiers)} == {"policy-beyond-gate"}


def test_boundary_without_a_named_gate_port_is_closed(tiers: Inventory) -> None:
    for variables in tiers.hostvars.values():
        variables["forge_ports"] = {"policy": 8444}
        variables["forge_flows"][2]["ports"] = [8443]
    assert {f.rule for f in findings(tiers)} == {"policy-beyond-gate"}


def test_template_in_the_artifact_is_left_to_its_play(tiers: Inventory) -> None:
    for variables in tiers.hostvars.values():
        variables["k3s_artifact"] = "{{ chosen }}"
    assert examine(tiers.hostvars, tiers.groups, {"artifacts": {}})[1] == ()


def test_missing_versions_leave_pins_unchecked(tiers: Inventory) -> None:
    tiers.hostvars["worker-02"]["forge_pins"] = {"k3s": "nothing"}
    assert findings(tiers) == []


@pytest.mark.parametrize(
    ("key", "fits"),
    [
        ("role", True),
        ("forge.dev/role", True),
        ("a" * 63, True),
        ("a" * 64, False),
        ("x." * 126 + "x/name", True),
        ("x." * 127 + "x/name", False),
        ("/name", False),
        ("forge.dev/", False),
        ("Forge.dev/role", False),
        ("-role", False),
        ("", False),
    ],
)
def test_label_keys_follow_kubernetes(key: str, *, fits: bool) -> None:
    assert (key_problem(key) is None) is fits


@pytest.mark.parametrize(
    ("value", "fits"),
    [("", True), ("a.b_c-D", True), ("a" * 63, True), ("a" * 64, False), (".a", False)],
)
def test_label_values_follow_kubernetes(value: str, *, fits: bool) -> None:
    assert (value_problem(value) is None) is fits


def test_unknown_word_without_neighbour_lists_the_choices() -> None:
    assert did_you_mean("zzz", ["b", "a"]) == "use one of: a, b"
    assert did_you_mean("clutser", ["cluster", "boundary"]) == "did you mean cluster?"


def test_variables_of_a_run_are_no_mistake(tiers: Inventory) -> None:
    for variables in tiers.hostvars.values():
        variables["forge_versions_file"] = "versions.yml"
    assert findings(tiers) == []
