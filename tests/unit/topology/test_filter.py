"""The filter plugins: thin, documented, and clear when something is missing."""

import builtins
import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from forge.topology.hostvars import host_variables, plain
from forge.topology.load import Inventory

ROOT = Path(__file__).resolve().parents[3]
PLUGINS = ROOT / "plugins/filter"
NAMES = ("forge_topology", "forge_topology_findings")


def load() -> ModuleType:
    file = PLUGINS / "forge_topology.py"
    spec = importlib.util.spec_from_file_location("forge_topology_x", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def filters(name: str) -> Any:
    return load().FilterModule().filters()[name]


def test_filter_returns_what_roles_read(tiers: Inventory) -> None:
    fact = filters("forge_topology")(tiers.hostvars, tiers.groups)
    assert fact["hosts"]["control-01"]["is_server"] is True
    assert fact["digest"].startswith("sha256:")


def test_filter_fails_with_every_finding(tiers: Inventory) -> None:
    from ansible.errors import (  # type: ignore[import-untyped]  # noqa: PLC0415 - without types, slow to import
        AnsibleFilterError,
    )

    tiers.hostvars["control-01"]["forge_os"] = "bsd"
    tiers.hostvars["worker-02"]["forge_arch"] = "riscv"
    with pytest.raises(AnsibleFilterError, match=r"(?s)2 findings.*bsd.*riscv"):
        filters("forge_topology")(tiers.hostvars, tiers.groups)


def test_report_is_empty_for_a_valid_inventory(tiers: Inventory) -> None:
    report = filters("forge_topology_findings")
    assert report(tiers.hostvars, tiers.groups) == ""
    tiers.hostvars["control-01"]["forge_os"] = "bsd"
    text = report(tiers.hostvars, tiers.groups)
    assert text.startswith("the inventory is invalid: 1 finding")


@pytest.mark.parametrize("name", NAMES)
def test_missing_package_says_what_to_do(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ansible.errors import AnsibleFilterError  # noqa: PLC0415 - slow to import

    real = builtins.__import__

    def without_forge(module: str, *rest: Any, **named: Any) -> ModuleType:
        if module.startswith("forge"):
            raise ImportError(module)
        return real(module, *rest, **named)

    apply = filters(name)
    with monkeypatch.context() as patch:
        patch.setattr(builtins, "__import__", without_forge)
        with pytest.raises(AnsibleFilterError, match="make venv"):
            apply({}, {"all": []})


@pytest.mark.parametrize("name", NAMES)
def test_filter_is_documented(name: str) -> None:
    done = subprocess.run(
        [
            Path(sys.executable).with_name("ansible-doc"),
            "-t",
            "filter",
            "-M",
            PLUGINS,
            "--json",
            name,
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for part in ("short_description", "_input", "positional", "RETURN", "examples"):
        assert part.lower() in done.stdout.lower()
    assert f"/{name}.yml" in done.stdout


class Tagged(str):
    """A subclass, as Ansible's tagged text is."""

    __slots__ = ()


def test_plain_leaves_no_subclass() -> None:
    value = {Tagged("a"): [Tagged("b"), True, 1, None, (Tagged("c"),)]}
    result = plain(value)
    assert result == {"a": ["b", True, 1, None, ["c"]]}
    assert {type(key) for key in result} == {str}
    assert [type(item) for item in result["a"]] == [str, bool, int, type(None), list]


def test_only_variables_of_the_model_are_read() -> None:
    hostvars = {
        "a": {
            "forge_os": "debian",
            "ansible_password": "x",
            "k3s_token": "x",
            "forge_topology": {},
        }
    }
    assert host_variables(hostvars, "a") == {"forge_os": "debian"}
