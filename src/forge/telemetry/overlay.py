"""ConfigMaps of the testbed's overlay, made of files that stand somewhere else.

Argo CD and the role ``overlay`` apply plain manifests: a file that a Pod reads has to
be in one. It is written here, so that nobody copies it by hand.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import yaml

from forge.telemetry import rules

ROUTING: Final = Path("gitops/observability/alertmanager/alertmanager.yml")
_FOLDER: Final = Path("gitops/overlays/testbed")
_NAMESPACE: Final = "monitoring"
_MADE: Final = "# Made from {source} by `forge telemetry overlay --write`.\n---\n"


class _Text(str):
    """Text that is written line by line."""

    __slots__ = ()


class _Dumper(yaml.SafeDumper):
    """Writes text with line ends as a block."""


_Dumper.add_representer(
    _Text,
    lambda dumper, text: dumper.represent_scalar(
        "tag:yaml.org,2002:str", str(text), style="|"
    ),
)


def files(root: Path) -> dict[Path, str]:
    """Return every generated manifest, by path from the checkout.

    Args:
        root: The checkout.

    Raises:
        InputError: The rules cannot be read.
    """
    return {
        _FOLDER / "rules/rules.yaml": config_map(
            "prometheus-rules",
            {"forge.yml": rules.plain(root / rules.RULES)},
            str(rules.RULES),
        ),
        _FOLDER / "alertmanager/routing.yaml": config_map(
            "alertmanager",
            {ROUTING.name: (root / ROUTING).read_text(encoding="utf-8")},
            str(ROUTING),
        ),
    }


def config_map(name: str, data: Mapping[str, str], source: str) -> str:
    """Return a ConfigMap of the namespace ``monitoring`` as the text of a manifest.

    Args:
        name: Its name.
        data: File name -> content.
        source: What it is made from, for its reader.
    """
    content = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": _NAMESPACE},
        "data": {key: _Text(text) for key, text in data.items()},
    }
    written = yaml.dump(content, Dumper=_Dumper, sort_keys=False, width=150)
    return _MADE.format(source=source) + written
