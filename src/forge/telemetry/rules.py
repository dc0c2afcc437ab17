"""The rules: PrometheusRule objects of the cluster as a file of Prometheus.

An operator turns the objects into such a file; where none runs, the file is made from
them here, so that rules stand in one place.

Source: Prometheus, "Defining recording rules", "Alerting rules"; Prometheus Operator,
API reference, ``PrometheusRule``.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import yaml

from forge.errors import InputError

RULES: Final = Path("gitops/observability/rules")
PLAIN: Final = Path("gitops/observability/prometheus/rules.yml")
RUNBOOKS: Final = Path("docs/runbooks")
MADE: Final = (
    "# Made from ../rules by `forge telemetry rules --write`: Prometheus' own form.\n"
)
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z][a-z]+")


class Whole(yaml.SafeDumper):
    """Writes in full what stands twice, and indents lists as the house does."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002 - yaml's signature
        """Indent lists too."""
        super().increase_indent(flow, False)  # noqa: FBT003 - yaml's signature

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - yaml's name
        """Never an alias."""
        return True


def groups(folder: Path) -> list[dict[str, Any]]:
    """Return the groups of every rule object in a folder, in the order of names.

    Raises:
        InputError: A file is no PrometheusRule, there is none, or two groups share a
            name.
    """
    found: list[dict[str, Any]] = []
    for file in sorted(folder.glob("*.yaml")):
        said = yaml.safe_load(file.read_text())
        if not isinstance(said, dict) or said.get("kind") != "PrometheusRule":
            raise InputError(f"{file}: not a PrometheusRule")
        found += said["spec"]["groups"]
    if not found:
        raise InputError(f"{folder}: no rules")
    names = [group["name"] for group in found]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(f"{folder}: groups with one name: {', '.join(twice)}")
    return found


def rules(folder: Path) -> Iterator[dict[str, Any]]:
    """Yield every rule."""
    for group in groups(folder):
        yield from group["rules"]


def plain(folder: Path) -> str:
    """Return the rules of a folder as the text of one file of Prometheus."""
    text = yaml.dump(
        {"groups": groups(folder)},
        Dumper=Whole,
        sort_keys=False,
        width=110,
        explicit_start=True,
    )
    return MADE + text


def runbook(alert: str) -> Path:
    """Return where an alert's runbook is, below the checkout.

    ``NodeDown`` has ``docs/runbooks/node-down.md``.
    """
    return RUNBOOKS / f"{'-'.join(_WORD.findall(alert)).lower()}.md"
