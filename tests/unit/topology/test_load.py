"""Inventories through ansible-inventory, and what it cannot read."""

from collections.abc import Callable
from pathlib import Path

import pytest

from forge.errors import InputError
from forge.topology import examine
from forge.topology.load import Inventory, load_inventory, load_versions

ROOT = Path(__file__).resolve().parents[3]


def platform(inventory: Inventory) -> dict[str, dict[str, object]]:
    return {
        host: {k: v for k, v in variables.items() if k.startswith("forge_")}
        for host, variables in inventory.hostvars.items()
    }


def test_command_and_playbook_read_the_same(read: Callable[..., Inventory]) -> None:
    paths = (ROOT / "inventory/forge", ROOT / "inventory/optional/inference-01.yml")
    by_command, in_play = load_inventory(paths), read(*paths)
    assert platform(by_command) == platform(in_play)
    assert {g: {*m} for g, m in by_command.groups.items()} == {
        g: {*m} for g, m in in_play.groups.items()
    }
    assert "inference-01" in by_command.hostvars


def test_empty_group_is_still_a_group() -> None:
    groups = load_inventory([ROOT / "inventory/testbed"]).groups
    assert groups["macos"] == []


def test_missing_inventory_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nowhere: there is no such inventory"):
        load_inventory([tmp_path / "nowhere"])


def test_inventory_that_is_no_yaml_is_refused(tmp_path: Path) -> None:
    broken = tmp_path / "hosts.yml"
    broken.write_text("all: [", encoding="utf-8")
    with pytest.raises(InputError, match=r"(?s)cannot read the inventory.*hosts.yml"):
        load_inventory([broken])


def test_inventory_without_hosts_is_refused(tmp_path: Path) -> None:
    empty = tmp_path / "hosts.yml"
    empty.write_text("all: {children: {k3s_cluster: {}}}\n", encoding="utf-8")
    with pytest.raises(InputError, match="no host in this inventory"):
        load_inventory([empty])


@pytest.mark.parametrize(
    ("text", "match"),
    [(None, "No such file"), ("a: [", "line 1"), ("- a", "not a map")],
)
def test_bad_versions_file_is_named(
    tmp_path: Path, text: str | None, match: str
) -> None:
    file = tmp_path / "versions.yml"
    if text is not None:
        file.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=match) as caught:
        load_versions(file)
    assert str(file) in str(caught.value)


def test_later_source_overrides_addresses(tmp_path: Path) -> None:
    running = tmp_path / "inventory.yml"
    running.write_text(
        """
all:
  vars:
    forge_wires:
      cluster: {cidr: 10.90.0.0/24}
      boundary: {cidr: 10.20.1.0/24}
      inference: {cidr: 10.20.2.0/24}
    forge_controller_addresses:
      {cluster: 10.90.0.1, boundary: 10.20.1.1, inference: 10.20.2.1}
  hosts:
"""
        + "".join(
            f"    {name}: {{forge_addresses: {{cluster: 10.90.0.{number}, "
            f"boundary: 10.20.1.{number}}}}}\n"
            for number, name in enumerate(
                ["control-01", *(f"worker-0{n}" for n in range(1, 6))], start=11
            )
        ),
        encoding="utf-8",
    )
    found = load_inventory([ROOT / "inventory/testbed", running])
    topology, findings = examine(
        found.hostvars, found.groups, load_versions(ROOT / "versions.yml")
    )
    assert [finding.text() for finding in findings] == []
    assert str(topology.hosts["control-01"].addresses["cluster"]) == "10.90.0.11"
