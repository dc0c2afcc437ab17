"""The gate, its uploader and a witness as LaunchDaemons: golden property lists.

Nothing of it has run on a Mac; what is compared is what launchd would be given.
"""

import importlib
import os
import plistlib
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from jinja2.nativetypes import NativeEnvironment

from forge.services.render import launchd_daemon

ROOT = Path(__file__).resolve().parents[3]
GOLDEN = ROOT / "tests" / "fixtures" / "services"
COLLECTIONS = str(ROOT / "collections")
VALUES = {
    "clawlaw_witness_name": "forge.internal/witness/mac-studio",
    "clawlaw_witness_address": "10.20.2.41",
    "clawlaw_witness_port": 8445,
}


def rendered(value: Any, values: Mapping[str, Any]) -> Any:
    """A value of the role's variables, its expressions replaced."""
    if isinstance(value, str):
        return NativeEnvironment().from_string(value).render(values)
    if isinstance(value, list):
        return [rendered(item, values) for item in value]
    if isinstance(value, dict):
        return {key: rendered(item, values) for key, item in value.items()}
    return value


def services() -> list[dict[str, Any]]:
    found = []
    for role in ("clawlaw", "clawlaw_witness"):
        file = ROOT / "roles" / role / "vars" / "macos.yml"
        said = yaml.safe_load(file.read_text())
        values = {k: v for k, v in said.items() if isinstance(v, str)} | VALUES
        (listed,) = (v for v in said.values() if isinstance(v, list))
        found += [rendered(service, values) for service in listed]
    return found


SERVICES = services()


@pytest.mark.parametrize("service", SERVICES, ids=[s["name"] for s in SERVICES])
def test_the_property_list_is_the_golden_one(service: dict[str, Any]) -> None:
    daemon = launchd_daemon(service)
    made = plistlib.dumps(daemon["plist"], sort_keys=True)
    file = GOLDEN / f"{daemon['label']}.plist"
    if os.environ.get("FORGE_WRITE_GOLDEN"):
        file.write_bytes(made)
    assert made == file.read_bytes(), "look at it; then FORGE_WRITE_GOLDEN=1"


@pytest.mark.parametrize("service", SERVICES, ids=[s["name"] for s in SERVICES])
def test_launchd_knows_every_key(
    service: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [COLLECTIONS, *sys.path])
    module = "ansible_collections.forge.platform.plugins.module_utils.launchd_plist"
    launchd_plist: Any = importlib.import_module(module)
    assert set(launchd_daemon(service)["plist"]) <= set(launchd_plist.KEYS)


def test_all_three_are_there_and_none_is_roots() -> None:
    assert [service["name"] for service in SERVICES] == [
        "clawlaw-gate", "clawlaw-anchor", "clawlaw-witness"
    ]  # fmt: skip
    assert {service["user"] for service in SERVICES} == {"_clawlaw", "_clawlaw-witness"}
