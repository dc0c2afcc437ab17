"""The filters of the change gate: documented, clear, the same as the command."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from forge.change import Kind, Surroundings, plan_of_listing, supposed
from forge.change.gather import list_inventory

from .conftest import Take

ROOT = Path(__file__).resolve().parents[3]
PLUGINS = ROOT / "plugins/filter"
NAMES = (
    "forge_changes",
    "forge_blast_radius",
    "forge_proposal",
    "forge_verdict",
)
KEY = "6b" * 32
HOSTS: dict[str, dict[str, Any]] = {"a": {"k3s_limit_nofile": 1}, "b": {}}
GROUPS = {"all": ["a", "b"], "ungrouped": [], "k3s_cluster": ["a", "b"]}
# One of everything that the two ways could read differently.
AWKWARD = """
all:
  vars:
    node_base_max_clock_offset: 0.5
    an_integer: 9007199254740993
    a_date: 2026-11-23
    a_time: 2026-11-23 10:00:00
    empty:
    truth: yes
    text: "yes"
    keys: {1: one, true: two}
    sealed: !vault |
      $ANSIBLE_VAULT;1.1;AES256
      6162
    registry_password: hunter2
    nested: {auth: {password: 12345}, list: [1, "1", 1.0, null]}
    template: "{{ forge_addresses.cluster | default('x') }}"
  children:
    empty_group: {}
    parent:
      children:
        child:
          hosts:
            höst: {forge_addresses: {cluster: "2001:DB8::0:1"}}
            other: {ansible_host: 192.0.2.1}
      vars: {text: "parent"}
  hosts:
    alone: {text: {a: [b]}}
"""
PLAY = """
- hosts: all
  gather_facts: false
  tasks:
    - set_fact: {forge_topology: {set: by the run}}
    - command: "true"
      register: __noted
      delegate_to: localhost
      check_mode: true
      when: false
    - debug: {msg: "{{ (hostvars | forge_changes(groups, key=key)).digest }}"}
      run_once: true
      vars: {key: KEY}
    - debug:
        msg: "{{ hostvars | forge_changes(groups, key=key) | forge_blast_radius }}"
      run_once: true
      vars: {key: KEY}
"""


def filters(name: str) -> Any:
    file = PLUGINS / "forge_change.py"
    spec = importlib.util.spec_from_file_location("forge_change_filters", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.FilterModule().filters()[name]


def ansible(program: str, *words: str | Path, cwd: Path) -> str:
    done = subprocess.run(
        [Path(sys.executable).with_name(program), *words],
        cwd=cwd,
        env={**os.environ, "ANSIBLE_FILTER_PLUGINS": str(PLUGINS)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def error() -> type[Exception]:
    from ansible.errors import (  # type: ignore[import-untyped]  # noqa: PLC0415 - without types, slow to import
        AnsibleFilterError,
    )

    found: type[Exception] = AnsibleFilterError
    return found


def test_filters_make_a_plan_and_its_blast_radius(take: Take) -> None:
    record = supposed(take({"a": {}, "b": {}}, {"k3s_cluster": ["a", "b"]}))
    plan = filters("forge_changes")(
        HOSTS, GROUPS, key=KEY, applied=msgspec.to_builtins(record)
    )
    assert [c["subject"] for c in plan["changes"]] == ["vars.k3s_limit_nofile"]
    assert plan["changes"][0]["kind"] == Kind.ADDED
    blast = filters("forge_blast_radius")(plan)
    assert blast == plan["blast"]
    assert blast["unknown"] == []


def test_without_a_record_everything_is_unknown() -> None:
    plan = filters("forge_changes")(HOSTS, GROUPS, key=KEY)
    blast = filters("forge_blast_radius")(plan)
    assert blast["data_lost"] == ["a", "b"]


def test_an_edited_plan_has_no_blast_radius() -> None:
    plan = filters("forge_changes")(HOSTS, GROUPS, key=KEY)
    plan["blast"]["data_lost"] = []
    with pytest.raises(error(), match="it was changed"):
        filters("forge_blast_radius")(plan)


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ({"key": ""}, "key is not 16 bytes"),
        ({"key": "not hexadecimal at all, though long"}, "key is not 16 bytes"),
        ({"key": KEY, "applied": {"hosts": []}}, "applied: .*hosts"),
        ({"key": KEY, "surroundings": {"tree": 1}}, "surroundings: .*tree"),
        ({"key": KEY, "scope": {"limit": 1}}, "scope: .*limit"),
    ],
)
def test_what_is_not_of_its_form_is_refused(given: dict[str, Any], match: str) -> None:
    with pytest.raises(error(), match=match):
        filters("forge_changes")(HOSTS, GROUPS, **given)


def test_a_playbook_and_the_command_make_one_plan(tmp_path: Path) -> None:
    inventory = tmp_path / "hosts.yml"
    inventory.write_text(AWKWARD, encoding="utf-8")
    (tmp_path / "playbooks").mkdir()
    (tmp_path / "play.yml").write_text(PLAY.replace("KEY", f'"{KEY}"'), "utf-8")
    extra = ["text=extra", '{"more": {"a": 1}}']
    words = [word for text in extra for word in ("-e", text)]
    shown = ansible(
        "ansible-playbook", "-i", inventory, *words, tmp_path / "play.yml", cwd=tmp_path
    )
    plan = plan_of_listing(
        list_inventory([inventory], tmp_path, extra),
        applied=None,
        surroundings=Surroundings(),
        key=bytes.fromhex(KEY),
    )
    assert re.search(r"sha256:[0-9a-f]{64}", shown) is not None
    assert plan.digest in shown
    assert "hunter2" not in shown


@pytest.mark.parametrize("name", NAMES)
def test_filters_are_documented(name: str) -> None:
    text = ansible("ansible-doc", "-t", "filter", "--json", name, cwd=ROOT)
    for part in ("short_description", "_input", "RETURN", "examples"):
        assert part.lower() in text.lower()
