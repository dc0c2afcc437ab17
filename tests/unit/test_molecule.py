"""Scenarios are judged as any run is: by policies/infra, with nothing turned off."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from forge.change.permit import GUARDED

ROOT = Path(__file__).parents[2]
GATE = ROOT / "playbooks/gate.yml"
BOOKS = sorted((ROOT / "molecule").rglob("*.yml"))
CONFIGS = [ROOT / ".config/molecule/config.yml"]
CONFIGS += [path for path in BOOKS if path.name == "molecule.yml"]
PLAYS = [p for p in BOOKS if p.name in {"prepare.yml", "converge.yml", "check.yml"}]
IMPORT = "ansible.builtin.import_playbook"


def roles_of(found: Any) -> Iterator[str]:
    """Every role that tasks at any depth bring in."""
    if isinstance(found, list):
        for item in found:
            yield from roles_of(item)
    elif isinstance(found, dict):
        for name, value in found.items():
            if name.rpartition(".")[2] in {"include_role", "import_role"}:
                yield value["name"]
            elif name == "roles":
                yield from (r if isinstance(r, str) else r["role"] for r in value)
            else:
                yield from roles_of(value)


def plays_of(path: Path) -> Iterator[dict[str, Any]]:
    """The plays of a playbook, imported ones in their place, the gate's as one."""
    for play in yaml.safe_load(path.read_text()):
        imported = (path.parent / play.get(IMPORT, "")).resolve()
        if IMPORT in play and imported != GATE:
            yield from plays_of(imported)
        else:
            yield play | {"is_gate": IMPORT in play}


@pytest.mark.parametrize("book", PLAYS, ids=lambda p: f"{p.parent.name}-{p.stem}")
def test_the_gate_comes_before_what_it_guards(book: Path) -> None:
    is_asked = False
    for play in plays_of(book):
        is_asked = is_asked or play["is_gate"]
        # A name that is a template can be any.
        guarded = [r for r in roles_of(play) if r in GUARDED or "{{" in r]
        assert is_asked or not guarded, play["name"]


def test_scenarios_have_guarded_roles() -> None:
    found = {r for book in PLAYS for play in plays_of(book) for r in roles_of(play)}
    assert {"clawlaw", "inference_proxy", "telemetry_agent"} <= GUARDED & found
    assert any("{{" in role for role in found), "of the engines, in a loop"


@pytest.mark.parametrize("config", CONFIGS, ids=lambda p: p.parent.name)
def test_a_scenario_runs_with_the_settings_of_every_run(config: Path) -> None:
    """No policy, callback or approval of its own: the state alone is its own."""
    said = yaml.safe_load(config.read_text()) or {}
    ansible = said.get("ansible") or {}
    given = set(ansible.get("env") or {}) | set(
        (said.get("provisioner") or {}).get("env") or {}
    )
    mine = {"FORGE_STATE", "ANSIBLE_FORCE_COLOR", "PYTHONDONTWRITEBYTECODE"}
    assert given <= mine | {"ANSIBLE_CONFIG"}
    if "ANSIBLE_CONFIG" in given:
        ours = "${MOLECULE_PROJECT_DIRECTORY}/ansible.cfg"
        assert ansible["env"]["ANSIBLE_CONFIG"] == ours
    assert "cfg" not in ansible
    words = str(ansible.get("executor"))
    assert "extra-vars" not in words
    assert "-e" not in words.split("'")
