"""Reads an inventory out of the variables that Ansible hands to a filter.

Nothing of Ansible is imported: its objects are mappings, sequences and subclasses of
built-in types, which become plain ones here.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from forge.topology.findings import Finding
from forge.topology.model import Topology
from forge.topology.resolve import examine
from forge.topology.sources import read_sources

type Data = Any  # whatever a YAML file may hold

# What the model reads; everything else of a host stays unseen, secrets included.
WANTED = ("forge_", "k3s_artifact", "ansible_host")
RESULT = "forge_topology"  # the fact of an earlier play is no input


def examine_hostvars(
    hostvars: Mapping[str, Mapping[str, Any]],
    groups: Mapping[str, Sequence[str]],
    versions: Mapping[str, Any] | None = None,
    sources: Sequence[str] = (),
) -> tuple[Topology, tuple[Finding, ...]]:
    """Examine the whole inventory behind a run, whatever the run is limited to.

    Args:
        hostvars: The magic variable of that name.
        groups: The magic variable of that name.
        versions: The content of versions.yml, or None to leave pins unchecked.
        sources: The magic variable ``ansible_inventory_sources``.
    """
    members = plain(groups)
    variables = {host: host_variables(hostvars, host) for host in members["all"]}
    files = read_sources([Path(str(source)) for source in sources], Path.cwd())
    return examine(variables, members, plain(versions), files)


def host_variables(hostvars: Data, host: str) -> dict[str, Any]:
    """Return a host's variables without templating, as ``ansible-inventory`` does."""
    read = getattr(hostvars, "raw_get", None) or hostvars.__getitem__
    return {
        str(name): plain(value)
        for name, value in read(host).items()
        if name.startswith(WANTED) and name != RESULT
    }


def plain(value: Data) -> Data:
    """Return a value of Ansible's tagged types as built-in types."""
    match value:
        case None | bool() | float():
            return value
        case str():
            return "".join(value)
        case int():
            return int(value)
        case Mapping():
            return {plain(key): plain(item) for key, item in value.items()}
        case Sequence():
            return [plain(item) for item in value]
    return str(value)
