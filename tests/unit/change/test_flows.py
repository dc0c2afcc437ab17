"""Connections that open and close, against a reckoning pair by pair."""

from collections.abc import Iterable
from pathlib import Path

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from forge.change import Snapshot, Surroundings, read_listing
from forge.change.flows import _Area, _areas, _difference, compare
from forge.change.gather import list_inventory
from forge.topology.firewall import resolve
from forge.topology.load import load_inventory, load_versions
from forge.topology.resolve import examine

from .conftest import KEY

ROOT = Path(__file__).resolve().parents[3]
ENDS = st.frozensets(st.sampled_from("abcdef"))
PORTS = st.tuples(st.integers(1, 6), st.integers(1, 6)).map(sorted)
AREAS = st.lists(
    st.builds(
        lambda sources, targets, wire, protocol, ports: _Area(
            sources, targets, wire, protocol, ports[0], ports[1]
        ),
        ENDS,
        ENDS,
        st.sampled_from(["cluster", "boundary"]),
        st.sampled_from(["tcp", "udp"]),
        PORTS,
    ),
    max_size=5,
)
type Connection = tuple[str, str, str, str, int]


def pairs(areas: Iterable[_Area]) -> set[Connection]:
    """Every single connection, the slow way; nobody needs a rule to reach itself."""
    return {
        (source, target, area.wire, area.protocol, port)
        for area in areas
        for source in area.sources
        for target in area.targets
        if source != target
        for port in range(area.low, area.high + 1)
    }


@given(AREAS, AREAS)
@settings(deadline=None)
def test_the_difference_is_that_of_all_pairs(
    one: list[_Area], two: list[_Area]
) -> None:
    found = [
        _Area(sources, targets, wire, protocol, low, high)
        for (sources, targets, wire, protocol), spans in _difference(one, two).items()
        for low, high in spans
    ]
    assert pairs(found) == pairs(one) - pairs(two)


def snapshot(inventory: Path) -> Snapshot:
    return read_listing(list_inventory([inventory], ROOT), Surroundings(), KEY)


def test_areas_are_what_the_firewall_permits() -> None:
    inventory = ROOT / "inventory/testbed"
    found = load_inventory([inventory])
    versions = load_versions(ROOT / "versions.yml")
    topology, findings = examine(found.hostvars, found.groups, versions)
    assert findings == ()
    permitted = {
        (source, rule.destination, rule.wire, rule.protocol, *bounds(port))
        for rules in resolve(topology).values()
        for rule in rules
        for source in rule.sources
        for port in rule.ports
    }
    areas = {
        (source, target, area.wire, area.protocol, area.low, area.high)
        for area in _areas(snapshot(inventory))
        for source in area.sources
        for target in area.targets
        if source != target
    }
    assert areas == permitted


def bounds(text: str) -> tuple[int, int]:
    low, _, high = text.partition("-")
    return int(low), int(high or low)


def test_one_more_port_in_the_testbed_opens_just_that(tmp_path: Path) -> None:
    data = yaml.safe_load((ROOT / "inventory/testbed/hosts.yml").read_text("utf-8"))
    data["all"]["vars"]["forge_ports"]["s3"] = "9000-9001"
    (tmp_path / "hosts.yml").write_text(yaml.safe_dump(data), encoding="utf-8")
    before, after = snapshot(ROOT / "inventory/testbed"), snapshot(tmp_path)
    reach = compare(before, after)
    assert all(line.startswith("tcp 9001 ") for line in reach.opened)
    assert "tcp 9001 boundary m4-pro -> worker-04" in reach.opened
    assert reach.closed == ()
    assert compare(after, before).closed == reach.opened
