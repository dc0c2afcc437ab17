"""Reads an inventory through ``ansible-inventory``, as Ansible itself sees it."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import yaml

from forge.errors import InputError
from forge.topology.sources import Source, read_sources

TIMEOUT = 60  # seconds; a static inventory takes one, a dynamic one asks a service
ENVIRONMENT = {
    # A file that cannot be parsed must not look like an empty inventory.
    "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "true",
    "ANSIBLE_DEPRECATION_WARNINGS": "false",
    "ANSIBLE_NOCOLOR": "true",
}


class Inventory(msgspec.Struct, frozen=True):
    """What Ansible makes of an inventory.

    Attributes:
        hostvars: Host name to its merged variables.
        groups: Group name to all members, children included.
        sources: The inventory's files, to say where a finding comes from.
    """

    hostvars: dict[str, dict[str, Any]]
    groups: dict[str, list[str]]
    sources: list[Source]


def load_inventory(
    inventories: Sequence[Path], *, limit: str | None = None
) -> Inventory:
    """Read inventories, later ones winning.

    Args:
        inventories: Files or folders, as for ``ansible-playbook -i``.
        limit: Only the hosts of this pattern, as for ``--limit``.

    Raises:
        InputError: One is missing, cannot be parsed, or holds no host.
    """
    for inventory in inventories:
        if not inventory.exists():
            raise InputError(
                f"{inventory}: there is no such inventory",
                remedy="name an existing file or folder with --inventory",
            )
    options = ["--limit", limit] if limit else []
    data: dict[str, Any] = json.loads(listing(inventories, options))
    groups = {name: _members(name, data, set()) for name in _group_names(data)}
    hosts = groups.get("all", [])
    if not hosts and limit:
        raise InputError(
            f"--limit {limit}: no host of this inventory matches",
            remedy="name hosts or groups of the inventory",
        )
    if not hosts:
        raise InputError(
            f"{', '.join(str(i) for i in inventories)}: no host in this inventory",
            remedy="add hosts; docs/inventory.md shows the smallest inventory",
        )
    variables = data.get("_meta", {}).get("hostvars", {})
    return Inventory(
        hostvars={host: variables.get(host, {}) for host in hosts},
        groups=groups,
        sources=read_sources(inventories, Path.cwd()),
    )


def load_versions(file: Path) -> dict[str, Any]:
    """Read versions.yml.

    Raises:
        InputError: The file is missing, or is not a map in YAML.
    """
    try:
        versions = yaml.safe_load(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(
            f"{file}: {error.strerror}", remedy="name the file with --versions"
        ) from error
    except yaml.YAMLError as error:
        raise InputError(f"{file}: {error}", remedy="correct the YAML") from error
    if not isinstance(versions, dict):
        raise InputError(f"{file}: not a map", remedy="write `artifacts:` and entries")
    return versions


def listing(inventories: Sequence[Path], words: Sequence[str] = ()) -> str:
    """Return what ``ansible-inventory --list`` prints, in JSON.

    Args:
        inventories: Files or folders, later ones winning.
        words: More of its options, such as ``-e`` with a variable.

    Raises:
        InputError: Ansible is not there, or cannot read the inventory.
    """
    beside = Path(sys.executable).with_name("ansible-inventory")
    program = str(beside) if beside.exists() else shutil.which("ansible-inventory")
    if program is None:
        raise InputError("ansible-inventory is not installed", remedy="run `make venv`")
    command = [program, "--list", *words]
    for inventory in inventories:
        command += ["-i", str(inventory)]
    try:
        done = subprocess.run(
            command,
            check=False,
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            env={**os.environ, **ENVIRONMENT},
        )
    except subprocess.TimeoutExpired as error:
        raise InputError(
            f"ansible-inventory gave no answer in {TIMEOUT} s",
            remedy="run `ansible-inventory --list` and look what it waits for",
        ) from error
    if done.returncode != 0:
        raise InputError(
            f"ansible-inventory cannot read the inventory:\n{done.stderr.strip()}",
            remedy="correct the file that it names",
        )
    return done.stdout


def _group_names(data: Mapping[str, Any]) -> list[str]:
    """Return all groups; empty ones are only named by their parents."""
    names = {name for name in data if name != "_meta"}
    for name in [*names]:
        names.update(data[name].get("children", ()))
    return sorted(names)


def _members(group: str, data: Mapping[str, Any], seen: set[str]) -> list[str]:
    if group in seen:
        return []
    seen.add(group)
    entry = data.get(group, {})
    found = list(entry.get("hosts", ()))
    for child in entry.get("children", ()):
        found += _members(child, data, seen)
    return list(dict.fromkeys(found))
