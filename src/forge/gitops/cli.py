"""``forge gitops``: pins of the tree, and checks of every manifest."""

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import yaml
from rich.console import Console
from rich.table import Table

from forge import paths
from forge.artifacts import pinfile
from forge.artifacts.cache import Cache
from forge.artifacts.display import Display
from forge.gitops import enforced, pins, repository
from forge.gitops.errors import TreeError
from forge.gitops.findings import InvalidTreeError

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
    verb = verbs.add_parser("check", help="check every manifest and chart's values")
    _common(verb)
    verb.set_defaults(run=_check)
    verb = verbs.add_parser("crds", help="write the CRDs of an artifact's version")
    verb.add_argument("name", help="in artifacts and in crds of versions.yml")
    verb.add_argument("--kind", action="append", help="this one alone; may be repeated")
    verb.add_argument("--out", type=Path, required=True, metavar="FILE")
    _common(verb)
    verb.set_defaults(run=_crds)
    verb = verbs.add_parser("bundle", help="commit components of the testbed's overlay")
    verb.add_argument("components", nargs="+", metavar="COMPONENT")
    verb.add_argument("--repository", type=Path, required=True, metavar="DIR")
    verb.add_argument("--message", default="The testbed's overlay", metavar="TEXT")
    _common(verb)
    verb.set_defaults(run=_bundle)


def _common(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "--checkout", type=Path, metavar="DIR", help="default: the one around here"
    )
    verb.add_argument("--json", action="store_true", help="print JSON")


def _load(options: argparse.Namespace) -> "Versions":
    return pinfile.load((options.checkout or paths.checkout()) / pinfile.FILE)


def _pins(options: argparse.Namespace) -> int:
    versions = _load(options)
    changed: list[Path] = []
    if options.write:
        changed = [*pins.write(versions), *enforced.write(versions.root)]
    stale = [entry.text() for entry in pins.stale(versions)]
    stale += [
        f"{path}: not as made from audit" for path in enforced.stale(versions.root)
    ]
    unresolved = pins.unresolved(versions)
    if options.json:
        _print_json(
            {
                "changed": [str(path) for path in changed],
                "stale": stale,
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
            "\n  ".join(["stale pins:", *stale]),
            remedy="run `forge gitops pins --write` and review the diff",
        )
    return 0


def _check(options: argparse.Namespace) -> int:
    # Schemas need packages that a controller does not have; pins do not.
    from forge.gitops import check, crds  # noqa: PLC0415

    versions = _load(options)
    cache = Cache.of(os.environ)
    with Display(Console(stderr=True)) as display:
        schemas = crds.load(versions.pins, cache, display)
    report = check.run(versions, schemas)
    if options.json:
        _print_json(report)
        return InvalidTreeError.status if report.findings else 0
    if report.findings:
        raise InvalidTreeError(report.findings)
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column("check", no_wrap=True)
    table.add_column("what holds")
    for name, what in check.CHECKS.items():
        table.add_row(name, what)
    console = Console()
    console.print(table)
    console.print(
        f"{report.documents} objects, {report.charts} charts' values, "
        f"{len(pins.unresolved(versions))} image digests unresolved",
        soft_wrap=True,
    )
    return 0


def _crds(options: argparse.Namespace) -> int:
    # It needs packages that a controller does not have; pins do not.
    from forge.gitops import crds  # noqa: PLC0415

    with Display(Console(stderr=True)) as display:
        found = crds.definitions(
            options.name, _load(options), Cache.of(os.environ), display
        )
    wanted = options.kind or [item["spec"]["names"]["kind"] for item in found]
    chosen = [item for item in found if item["spec"]["names"]["kind"] in wanted]
    if missing := set(wanted) - {item["spec"]["names"]["kind"] for item in chosen}:
        raise TreeError(
            f"{options.name}: no CRD of {', '.join(sorted(missing))}",
            remedy="name kinds that the module has",
        )
    options.out.write_text(yaml.safe_dump_all(chosen), encoding="utf-8")
    if options.json:
        _print_json({"file": str(options.out), "kinds": sorted(wanted)})
    else:
        print(f"written: {options.out}: {', '.join(sorted(wanted))}")  # noqa: T201 - a command's output
    return 0


def _bundle(options: argparse.Namespace) -> int:
    root = options.checkout or paths.checkout()
    made = repository.publish(
        root, options.components, options.repository, options.message
    )
    if options.json:
        _print_json(made)
    else:
        print(f"{made.bundle}: {made.commit}")  # noqa: T201 - a command's output
    return 0


def _print_json(value: object) -> None:
    print(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())  # noqa: T201 - a command's output
