"""What must hold in the values of each chart; the charts themselves are not rendered.

Which values place and limit a chart's workloads is data: ``charts.yaml`` beside this
file.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import yaml

from forge.gitops import reasons, secrets
from forge.gitops.documents import values
from forge.gitops.findings import Finding
from forge.gitops.pins import TREE
from forge.gitops.workloads import ROLE, image_problem, limits_problem

_ABSENT: Any = object()


class Chart(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where a chart's values say what must be said; paths with dots.

    Attributes:
        place: Selectors that must name a role of a node.
        every_node: Selectors of what runs on all nodes.
        limits: Requests and limits of containers.
        disabled: Switches that must be false.
    """

    limits: tuple[str, ...]
    place: tuple[str, ...] = ()
    every_node: tuple[str, ...] = ()
    disabled: tuple[str, ...] = ()


def table() -> dict[str, Chart]:
    """Return what is known of each chart, by Application."""
    text = (Path(__file__).parent / "charts.yaml").read_bytes()
    return msgspec.convert(yaml.safe_load(text), dict[str, Chart])


def check(root: Path, roles: frozenset[str]) -> Iterator[Finding]:
    """Yield what is wrong in the values of every component.

    Args:
        root: The checkout.
        roles: The values that nodes carry in the label ``forge.dev/role``.
    """
    known = table()
    for path in sorted((root / TREE / "apps").glob("*/values.yaml")):
        name = path.parent.name
        file = str(path.relative_to(root))
        content = values(path, root)
        if name in known:
            yield from _workloads(file, content, known[name], roles)
        else:
            yield Finding(
                file=file,
                where=name,
                check="charts",
                message="src/forge/gitops/charts.yaml says nothing about its workloads",
            )
        for where, message in secrets.problems(content):
            yield Finding(file=file, where=where, check="secrets", message=message)
        for where, image in _images(content):
            problem = image_problem(image)
            if problem:
                yield Finding(file=file, where=where, check="images", message=problem)
        for line, key in reasons.unexplained(path.read_text(encoding="utf-8")):
            yield Finding(
                file=file,
                where=f"line {line}",
                check="reasons",
                message=f"{key} differs from the chart's default without a comment",
            )


def at(content: object, path: str) -> Any:  # noqa: ANN401 - as in the values
    """Return the value at a path, or a marker that is no value."""
    found: Any = content
    for step in path.split("."):
        if isinstance(found, list) and step.isdecimal() and int(step) < len(found):
            found = found[int(step)]
        elif isinstance(found, Mapping) and step in found:
            found = found[step]
        else:
            return _ABSENT
    return found


def _workloads(
    file: str, content: Mapping[str, Any], chart: Chart, roles: frozenset[str]
) -> Iterator[Finding]:
    for path in chart.place:
        selector = at(content, path)
        if isinstance(selector, str):  # charts that want it as text
            selector = yaml.safe_load(selector)
        role = selector.get(ROLE) if isinstance(selector, Mapping) else None
        if role not in roles:
            message = f"names {ROLE}: {role}; use one of {', '.join(sorted(roles))}"
            yield Finding(file=file, where=path, check="placement", message=message)
    for path in chart.every_node:
        if at(content, path) != {"kubernetes.io/os": "linux"}:
            message = "must be {kubernetes.io/os: linux}, the label of every node"
            yield Finding(file=file, where=path, check="placement", message=message)
    for path in chart.limits:
        problem = limits_problem(at(content, path))
        if problem:
            yield Finding(file=file, where=path, check="limits", message=problem)
    for path in chart.disabled:
        if at(content, path) is not False:
            message = "must be false: its workloads have no place here"
            yield Finding(file=file, where=path, check="placement", message=message)


def _images(content: object, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield every image that is named by one text, and every tag."""
    if isinstance(content, Mapping):
        for key, inner in content.items():
            here = f"{path}.{key}" if path else str(key)
            if key == "image" and isinstance(inner, str):
                yield here, inner
            elif key == "tag" and isinstance(inner, str):
                yield here, f"registry.invalid/image:{inner}"
            yield from _images(inner, here)
    elif isinstance(content, list):
        for number, inner in enumerate(content):
            yield from _images(inner, f"{path}.{number}")
