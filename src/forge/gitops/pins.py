"""Values of the GitOps tree that are generated from versions.yml.

A line that ends with ``# pin: PATH`` has the value that PATH names:

- ``charts.NAME.repository|chart|version|app``
- ``images.NAME.repository|tag|digest|reference``; a reference is
  ``repository:tag@digest``
- ``artifacts.NAME.version|image``; the image is the testbed's own one of that artifact
- ``gitops.forge|testbed``: the Git repository that the root Application names

A digest that is not known yet stands there as ``unresolved``, which no container
runtime accepts: such a workload does not start, instead of starting something else.
"""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from forge.artifacts.pins import UNRESOLVED, ImagePin, Pins, Versions
from forge.gitops.errors import TreeError

TREE = "gitops"
LOCAL_REGISTRY = "forge.local"
_LINE = re.compile(
    r"""^(?P<head>.*[:-]\ )(?P<quote>["']?)(?P<value>[^\s"']+)(?P=quote)"""
    r"""(?P<tail>\ +\#\ pin:\ (?P<path>\S+))$""",
    re.VERBOSE,
)
_MARK = "# pin:"
_ROOTS = {"forge": "root-forge.yaml", "testbed": "root-testbed.yaml"}


@dataclass(frozen=True)
class Stale:
    """One generated value that is not what versions.yml says."""

    file: Path
    line: int
    path: str
    found: str
    wanted: str

    def text(self) -> str:
        """Return one line for people."""
        return (
            f"{self.file}:{self.line}: {self.path} is `{self.found}`, "
            f"versions.yml says `{self.wanted}`"
        )


def files(root: Path) -> list[Path]:
    """Return every YAML file of the tree, sorted.

    Args:
        root: The checkout.
    """
    return sorted(path for path in (root / TREE).rglob("*.yaml") if path.is_file())


def local_image(name: str, pins: Pins) -> str:
    """Return the testbed's own image of an artifact.

    A tag may not hold ``+``, which versions of builds may.
    """
    pin = pins.artifacts.get(name)
    if pin is None:
        raise TreeError(f"versions.yml has no artifact {name}")
    return f"{LOCAL_REGISTRY}/{name}:{pin.version.replace('+', '-')}"


def reference(pin: ImagePin) -> str:
    """Return ``repository:tag@digest`` of an image."""
    return f"{pin.repository}:{pin.tag}@{pin.digest}"


def value(path: str, versions: Versions) -> str:
    """Return what a pin's path names; see the module for the forms.

    Raises:
        TreeError: There is no such pin.
    """
    part, _, rest = path.partition(".")
    name, _, field = rest.partition(".")
    if part == "gitops" and rest in _ROOTS:
        return repository(versions.root, rest)
    if part == "artifacts" and field == "image":
        return local_image(name, versions.pins)
    if part == "images" and field == "reference" and name in versions.pins.images:
        return reference(versions.pins.images[name])
    tables: dict[str, Mapping[str, object]] = {
        "charts": versions.pins.charts,
        "images": versions.pins.images,
        "artifacts": versions.pins.artifacts,
    }
    pin = tables.get(part, {}).get(name)
    found = getattr(pin, field, None) if field.isalpha() else None
    if not isinstance(found, str):
        raise TreeError(
            f"{path} names no pin of versions.yml",
            remedy="use charts.NAME.FIELD, images.NAME.FIELD, artifacts.NAME.FIELD, "
            "gitops.forge or gitops.testbed",
        )
    return found


def repository(root: Path, room: str) -> str:
    """Return the Git repository of one overlay, as its root Application names it.

    Args:
        root: The checkout.
        room: ``forge`` or ``testbed``.
    """
    path = root / TREE / "bootstrap" / _ROOTS[room]
    try:
        text = path.read_text(encoding="utf-8")
        found: object = yaml.safe_load(text)["spec"]["source"]["repoURL"]
    except (OSError, KeyError, TypeError, yaml.YAMLError) as error:
        raise TreeError(f"{path}: no spec.source.repoURL: {error}") from error
    return str(found)


def stale(versions: Versions) -> list[Stale]:
    """Return every generated value that differs from its pin.

    Raises:
        TreeError: A line names no pin, or has a form that cannot be generated.
    """
    return [
        entry
        for file in files(versions.root)
        for entry, _ in _entries(file, versions)
        if entry.found != entry.wanted
    ]


def write(versions: Versions) -> list[Path]:
    """Rewrite the generated values; return the files that changed."""
    changed = []
    for file in files(versions.root):
        before = file.read_text(encoding="utf-8")
        lines = before.split("\n")
        for entry, line in _entries(file, versions):
            lines[entry.line - 1] = line
        after = "\n".join(lines)
        if after != before:
            new = file.with_name(f".{file.name}.new")
            new.write_text(after, encoding="utf-8")
            os.replace(new, file)  # noqa: PTH105 - the atomic call by its own name
            changed.append(file)
    return changed


def unresolved(versions: Versions) -> list[str]:
    """Return the images whose digest is not known yet, as ``NAME (reference)``."""
    return [
        f"{name} ({pin.repository}:{pin.tag})"
        for name, pin in sorted(versions.pins.images.items())
        if pin.digest == UNRESOLVED
    ]


def _entries(file: Path, versions: Versions) -> Iterator[tuple[Stale, str]]:
    """Yield each generated value of a file with its line as it must be."""
    lines = file.read_text(encoding="utf-8").split("\n")
    for number, line in enumerate(lines, start=1):
        if _MARK not in line:
            continue
        found = _LINE.match(line)
        if found is None:
            raise TreeError(
                f"{file}:{number}: `{_MARK}` stands after no single value",
                remedy="write `key: value  # pin: PATH` on one line",
            )
        try:
            wanted = value(found["path"], versions)
        except TreeError as error:
            raise TreeError(
                f"{file}:{number}: {error.what}", remedy=error.remedy
            ) from error
        quote = found["quote"]
        yield (
            Stale(file, number, found["path"], found["value"], wanted),
            f"{found['head']}{quote}{wanted}{quote}{found['tail']}",
        )
