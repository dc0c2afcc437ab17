"""The locks are whole, name no registry, and bring the collections that are named."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).parents[2]
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))
INPUTS = sorted((ROOT / "requirements").glob("*.in"))


def collections() -> dict[str, str]:
    listed = subprocess.run(
        [Path(sys.executable).with_name("ansible-galaxy"), "collection", "list"],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    rows = re.findall(r"^(\w+\.\w+)\s+(\d\S*)", listed.stdout, re.MULTILINE)
    return dict(rows)


def test_the_ansible_wheel_satisfies_every_named_collection() -> None:
    wanted = yaml.safe_load((ROOT / "requirements.yml").read_text())["collections"]
    bundled = collections()
    wrong = [
        f"{item['name']} {bundled.get(item['name'])} is not {item['version']}"
        for item in wanted
        if bundled.get(item["name"], "") not in SpecifierSet(item["version"])
    ]
    assert len(wanted) >= 1
    assert wrong == []


def test_every_collection_in_use_is_named() -> None:
    wanted = yaml.safe_load((ROOT / "requirements.yml").read_text())["collections"]
    named = {item["name"] for item in wanted} | {"ansible.builtin", "forge.platform"}
    files = [
        file
        for folder in ("playbooks", "roles", "molecule")
        for file in (ROOT / folder).rglob("*.yml")
    ]
    used = {
        match
        for file in files
        for match in re.findall(
            r"^\s*(?:- )?(\w+\.\w+)\.\w+:$", file.read_text(), re.MULTILINE
        )
    }
    assert "ansible.builtin" in used
    assert used - named == set()
    assert named - used - {"ansible.builtin", "forge.platform"} == set()


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.stem)
def test_every_locked_package_has_a_version_and_hashes(lock: Path) -> None:
    blocks = re.split(r"\n(?=[a-z0-9])", lock.read_text(), flags=re.IGNORECASE)
    packages = [block for block in blocks if not block.startswith("#")]
    assert packages
    for block in packages:
        assert re.match(r"[\w.-]+(\[.*\])?==", block), block
        assert "--hash=sha256:" in block, block


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.stem)
def test_no_lock_names_a_registry(lock: Path) -> None:
    found = re.findall(
        r"https?://|--(?:extra-)?index-url|--find-links", lock.read_text()
    )
    assert found == []


@pytest.mark.parametrize("source", INPUTS, ids=lambda path: path.stem)
def test_the_lock_holds_what_was_asked_for(source: Path) -> None:
    asked = [
        Requirement(line)
        for line in source.read_text().splitlines()
        if line and not line.startswith(("#", "-r"))
    ]
    locked = dict(
        re.findall(
            r"^([\w.-]+)==(\S+)", source.with_suffix(".txt").read_text(), re.MULTILINE
        )
    )
    assert asked
    for item in asked:
        assert locked[item.name.lower()] in item.specifier, item
