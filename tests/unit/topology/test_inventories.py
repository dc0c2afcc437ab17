"""The two inventories of the project."""

import re
from collections.abc import Callable
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import pytest

from forge.topology import examine
from forge.topology.load import Inventory, load_versions

ROOT = Path(__file__).resolve().parents[3]
# RFC 5737, section 3.
DOCUMENTATION = [
    IPv4Network(cidr) for cidr in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24")
]

type Read = Callable[..., Inventory]


def paths(*names: str) -> list[Path]:
    return [ROOT / "inventory" / name for name in names]


@pytest.mark.parametrize(
    "names", [("forge",), ("testbed",), ("forge", "optional/inference-01.yml")]
)
def test_inventory_is_valid(names: tuple[str, ...], read: Read) -> None:
    found = read(*paths(*names))
    _, findings = examine(
        found.hostvars,
        found.groups,
        load_versions(ROOT / "versions.yml"),
        found.sources,
    )
    assert [finding.text() for finding in findings] == []


def test_eight_machines_have_their_roles(read: Read) -> None:
    found = read(*paths("forge"))
    assert {h: v["forge_role"] for h, v in found.hostvars.items()} == {
        "control-01": "control",
        "worker-01": "registry",
        "worker-02": "policy",
        "worker-03": "gitops",
        "worker-04": "storage",
        "worker-05": "observability",
        "m4-pro": "boundary",
        "mac-studio": "studio",
    }


def test_optional_node_is_arm64_and_off_by_default(read: Read) -> None:
    assert "inference-01" not in read(*paths("forge")).hostvars
    found = read(*paths("forge", "optional/inference-01.yml"))
    assert found.hostvars["inference-01"]["forge_arch"] == "arm64"
    assert "inference-01" in found.groups["linux"]


def comparable(inventory: Inventory) -> dict[str, Any]:
    """What the testbed shares with the real machines."""
    kept = (
        "forge_role",
        "forge_components",
        "forge_labels",
        "forge_taints",
        "forge_flows",
        "forge_ports",
        "forge_cluster",
        "forge_components_required",
    )
    return {
        host: {
            **{name: variables.get(name) for name in kept},
            "wires": sorted(variables["forge_addresses"]),
            "groups": sorted(
                group
                for group, members in inventory.groups.items()
                if host in members and group not in ("linux", "macos")
            ),
        }
        for host, variables in inventory.hostvars.items()
    }


def test_testbed_is_the_same_forge_in_small(read: Read) -> None:
    assert comparable(read(*paths("testbed"))) == comparable(read(*paths("forge")))


def test_forge_uses_documentation_addresses_only() -> None:
    text = "".join(
        file.read_text("utf-8")
        for folder in paths("forge", "optional")
        for file in folder.rglob("*.yml")
    )
    cidrs = [IPv4Network(cidr) for cidr in re.findall(r"\d+(?:\.\d+){3}/\d+", text)]
    inside = [IPv4Network("10.42.0.0/15")]  # the Pod and the Service range
    for cidr in cidrs:
        assert any(cidr.subnet_of(known) for known in [*DOCUMENTATION, *inside]), cidr
    for address in re.findall(r"\d+(?:\.\d+){3}", text):
        assert any(
            IPv4Network(address).subnet_of(known) for known in [*DOCUMENTATION, *inside]
        ), address


def test_what_a_running_testbed_overrides_is_in_no_folder() -> None:
    """group_vars/ and host_vars/ would win over the file that it adds."""
    overridden = ("ansible_", "forge_addresses", "forge_wires", "forge_controller")
    for file in (ROOT / "inventory/testbed").glob("*_vars/**/*.yml"):
        for line in file.read_text("utf-8").splitlines():
            assert not line.startswith(overridden), f"{file}: {line}"


def test_no_flow_is_without_a_reason(read: Read) -> None:
    variables = read(*paths("forge")).hostvars["control-01"]
    assert all(len(flow["why"].split()) >= 5 for flow in variables["forge_flows"])
