"""Where a variable of the inventory is written: file and line.

Ansible merges variables and forgets where each came from. The files are read
again here, as plain YAML with line numbers, only to make findings easy to act on:
a place that cannot be found leaves a finding without a line, never without its
text.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import yaml

from forge.topology.findings import Finding
from forge.topology.model import Topology

_SUFFIXES = frozenset({".yml", ".yaml", ".json"})
_FOLDERS = ("group_vars", "host_vars")  # the later one wins


class Source(msgspec.Struct, frozen=True):
    """The variables that one file gives to one host or group.

    Attributes:
        owner: The host or group.
        file: Path as it is shown to readers.
        line: Where the owner is named, 1-based.
        variables: The YAML map of its variables; None where it has none here.
    """

    owner: str
    file: str
    line: int
    variables: yaml.Node | None


def read_sources(inventories: Sequence[Path], base: Path) -> list[Source]:
    """Read the files of the given inventories.

    Args:
        inventories: Files or folders, in the order given to Ansible.
        base: Folder that paths are shown relative to, where they are inside it.

    Returns:
        What each file says, in order of precedence: the winner comes last.
    """
    found: list[Source] = []
    for inventory in inventories:
        folder = inventory if inventory.is_dir() else inventory.parent
        files = sorted(inventory.rglob("*")) if inventory.is_dir() else [inventory]
        for file in files:
            if not set(file.relative_to(folder).parts) & set(_FOLDERS):
                found += _groups(_compose(file), _shown(file, base))
        for name in _FOLDERS:
            for file in sorted((folder / name).rglob("*")):
                tree = _compose(file)
                if tree is not None:
                    owner = file.relative_to(folder / name).parts[0]
                    owner = owner.removesuffix(file.suffix)
                    found.append(Source(owner, _shown(file, base), 1, tree))
    return found


def locate(finding: Finding, topology: Topology, sources: Sequence[Source]) -> Finding:
    """Return the finding with the file and line that set its field.

    Where nothing sets the field, that is the place that names the host or group.
    """
    owners = [finding.host]
    host = topology.hosts.get(finding.host)
    if host is not None:
        # A smaller group says more about a host than a larger one.
        owners += sorted(host.groups, key=lambda g: (len(topology.groups[g]), g))
    owners += ["all"]
    for owner in owners:
        for source in reversed(sources):
            if source.owner == owner and source.variables is not None:
                line = _line(source.variables, finding.field)
                if line:
                    return _placed(finding, source.file, line)
    for owner in owners:
        for source in sources:
            if source.owner == owner:
                return _placed(finding, source.file, source.line)
    return finding


def _placed(finding: Finding, file: str, line: int) -> Finding:
    return msgspec.structs.replace(finding, file=file, line=line)


def _compose(file: Path) -> yaml.Node | None:
    if not file.is_file() or file.suffix not in _SUFFIXES:
        return None
    try:
        return yaml.compose(file.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return None  # Ansible itself reports what it cannot read


def _shown(file: Path, base: Path) -> str:
    absolute, base = file.resolve(), base.resolve()
    inside = absolute.is_relative_to(base)
    return str(absolute.relative_to(base) if inside else absolute)


def _groups(node: yaml.Node | None, file: str) -> Iterator[Source]:
    """Yield the groups and hosts below a map of groups."""
    for key, group in _items(node):
        parts = {part.value: value for part, value in _items(group)}
        yield Source(key.value, file, key.start_mark.line + 1, parts.get("vars"))
        for host, variables in _items(parts.get("hosts")):
            yield Source(host.value, file, host.start_mark.line + 1, variables)
        yield from _groups(parts.get("children"), file)


def _items(node: yaml.Node | None) -> Iterator[tuple[yaml.ScalarNode, yaml.Node]]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode):
                yield key, value


def _line(variables: yaml.Node, field: str) -> int:
    """Return the line of the deepest part of a field; 0 if its variable is absent."""
    line, node, rest = 0, variables, field
    while rest:
        step = _index(node, rest) if rest.startswith("[") else _key(node, rest)
        if step is None:
            break
        line, node, rest = step
        rest = rest.removeprefix(".")
    return line


def _key(node: yaml.Node, rest: str) -> tuple[int, yaml.Node, str] | None:
    """Step into a map. Keys may hold dots, as labels do: the longest match counts."""
    matching = [
        (key, value)
        for key, value in _items(node)
        if rest.startswith(key.value)
        and rest[len(key.value) : len(key.value) + 1] in ("", ".", "[")
    ]
    if not matching:
        return None
    key, value = max(matching, key=lambda item: len(item[0].value))
    return key.start_mark.line + 1, value, rest[len(key.value) :]


def _index(node: yaml.Node, rest: str) -> tuple[int, yaml.Node, str] | None:
    """Step into a list, to the entry with this name, key, text or index."""
    if not isinstance(node, yaml.SequenceNode):
        return None
    wanted, _, rest = rest[1:].partition("]")
    for index, item in enumerate(node.value):
        words = {str(index)}
        if isinstance(item, yaml.ScalarNode):
            words.add(item.value)
        words |= {
            value.value
            for key, value in _items(item)
            if key.value in ("name", "key") and isinstance(value, yaml.ScalarNode)
        }
        if wanted in words:
            return item.start_mark.line + 1, item, rest
    return None
