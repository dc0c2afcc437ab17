"""Prometheus' configuration for the testbed follows the inventory."""

from pathlib import Path

import pytest
import yaml

from forge.telemetry import scrape
from forge.topology.load import load_inventory
from forge.topology.model import Topology
from forge.topology.resolve import examine

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def topology() -> Topology:
    inventory = load_inventory([ROOT / scrape.INVENTORY])
    return examine(inventory.hostvars, inventory.groups, None)[0]


def test_the_file_is_made_from_the_inventory(topology: Topology) -> None:
    assert (ROOT / scrape.PLAIN).read_text() == scrape.plain(topology), (
        "run `forge telemetry scrape --write`"
    )


def test_nobody_beyond_the_cluster_is_read(topology: Topology) -> None:
    text = (ROOT / scrape.PLAIN).read_text()
    for host in [*topology.in_group("boundary"), *topology.in_group("inference")]:
        assert not any(str(address) in text for address in host.addresses.values())


def test_every_target_says_whose_it_is() -> None:
    said = yaml.safe_load((ROOT / scrape.PLAIN).read_text())
    for job in said["scrape_configs"]:
        for static in job["static_configs"]:
            assert set(static["labels"]) == {"node", "role", "tier"}
