"""Inventories as Ansible reads them, examined by the rules."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from forge.topology import Finding, Topology, examine, read_sources
from forge.topology.hostvars import host_variables, plain
from forge.topology.load import Inventory, load_versions

ROOT = Path(__file__).resolve().parents[3]
FIXTURES = ROOT / "tests/fixtures/inventory"

type Examined = tuple[Topology, tuple[Finding, ...]]


@pytest.fixture(scope="session")
def versions() -> dict[str, Any]:
    return load_versions(FIXTURES / "versions.yml")


@pytest.fixture(scope="session")
def read() -> Callable[..., Inventory]:
    """Read inventories with Ansible's own classes: the 130 files take 3 s.

    ``ansible-inventory`` would take 90 s; that it says the same is tested once.
    """
    # Ansible ships no types; only this function sees its objects.
    from ansible.inventory.manager import InventoryManager  # type: ignore[import-untyped]  # noqa: PLC0415 - slow to import
    from ansible.parsing.dataloader import DataLoader  # type: ignore[import-untyped]  # noqa: PLC0415 - slow to import
    from ansible.vars.manager import VariableManager  # type: ignore[import-untyped]  # noqa: PLC0415 - slow to import

    def _read(*paths: Path) -> Inventory:
        loader = DataLoader()
        manager = InventoryManager(loader=loader, sources=[str(path) for path in paths])
        variables = VariableManager(loader=loader, inventory=manager)

        class Hostvars:
            def raw_get(self, host: str) -> Any:
                return variables.get_vars(
                    host=manager.get_host(host), include_hostvars=False
                )

            __getitem__ = raw_get

        return Inventory(
            hostvars={host: host_variables(Hostvars(), host) for host in manager.hosts},
            groups=plain(manager.get_groups_dict()),
            sources=read_sources(paths, ROOT),
        )

    return _read


@pytest.fixture(scope="session")
def examined(
    read: Callable[..., Inventory], versions: dict[str, Any]
) -> Callable[..., Examined]:
    """Examine inventory files, with the fixtures' versions.yml."""

    def _examined(*paths: Path) -> Examined:
        found = read(*paths)
        return examine(found.hostvars, found.groups, versions, found.sources)

    return _examined


@pytest.fixture
def tiers(read: Callable[..., Inventory]) -> Inventory:
    """A small valid inventory with all three tiers, free to be changed."""
    found = read(FIXTURES / "valid/three_tiers.yml")
    return Inventory(copy.deepcopy(found.hostvars), copy.deepcopy(found.groups), [])


@pytest.fixture
def small_file(tmp_path: Path) -> Callable[..., Path]:
    """Write the smallest valid inventory with some variables of `all` replaced."""

    def _small_file(**replaced: object) -> Path:
        data = yaml.safe_load((FIXTURES / "valid/one_node.yml").read_text("utf-8"))
        data["all"]["vars"].update(replaced)
        path = tmp_path / "hosts.yml"
        path.write_text(yaml.safe_dump(data), encoding="utf-8")
        return path

    return _small_file
