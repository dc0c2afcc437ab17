"""``forge gitops``: pins of the tree, and checks of every manifest."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from forge import paths
from forge.artifacts import pinfile
from forge.gitops import pins
from forge.gitops.errors import TreeError

if TYPE_CHECKING:
    from forge.artifacts.pins import Versions


def add_parser(subparsers: "argparse._SubParsersAction[Any]") -> None:
    """Add ``gitops`` to the ``forge`` command."""
    part = subparsers.add_parser(
        "gitops",
        help="pins and checks of the GitOps tree",
        description="What Argo CD deploys: its generated values, and what must hold.",
    )
    verbs = part.add_subparsers(dest="verb", required=True, metavar="VERB")
    verb = verbs.add_parser("pins", help="compare generated values with versions.yml")
    verb.add_argument("--write", action="store_true", help="rewrite what differs")
    _common(verb)
    verb.set_defaults(run=_pins)


def _common(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "--checkout", type=Path, metavar="DIR", help="default: the one around here"
    )
    verb.add_argument("--json", action="store_true", help="print JSON")


def _load(options: argparse.Namespace) -> "Versions":
    return pinfile.load((options.checkout or paths.checkout()) / pinfile.FILE)


def _pins(options: argparse.Namespace) -> int:
    versions = _load(options)
    changed = pins.write(versions) if options.write else []
    stale = pins.stale(versions)
    unresolved = pins.unresolved(versions)
    if options.json:
        _print_json(
            {
                "changed": [str(path) for path in changed],
                "stale": [entry.text() for entry in stale],
                "unresolved": unresolved,
            }
        )
    else:
        for path in changed:
            print(f"written: {path}")  # noqa: T201 - a command's output
        for name in unresolved:
            print(f"unresolved digest: {name}")  # noqa: T201 - a command's output
    if stale:
        raise TreeError(
            "\n  ".join(["stale pins:", *(entry.text() for entry in stale)]),
            remedy="run `forge gitops pins --write` and review the diff",
        )
    return 0


def _print_json(value: object) -> None:
    print(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())  # noqa: T201 - a command's output
