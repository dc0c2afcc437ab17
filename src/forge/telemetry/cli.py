"""``forge telemetry``: what is made from the rules."""

import argparse
from pathlib import Path
from typing import Any

from forge import paths
from forge.errors import ForgeError
from forge.report.prometheus import Prometheus
from forge.telemetry import boards, dashboards, names, overlay, rules, scrape
from forge.topology.load import load_inventory
from forge.topology.resolve import examine


def add_parser(subparsers: "argparse._SubParsersAction[Any]") -> None:
    """Add ``telemetry`` to the ``forge`` command."""
    part = subparsers.add_parser(
        "telemetry",
        help="rules, dashboards and what they name",
        description="What Prometheus reads, made from gitops/observability.",
    )
    verbs = part.add_subparsers(dest="verb", required=True, metavar="VERB")
    verb = verbs.add_parser("rules", help="the rules in Prometheus' own form")
    verb.add_argument("--write", action="store_true", help="rewrite what differs")
    verb.set_defaults(run=_rules)
    verb = verbs.add_parser(
        "overlay", help="rules and routing as ConfigMaps of the testbed"
    )
    verb.add_argument("--write", action="store_true", help="rewrite what differs")
    verb.set_defaults(run=_overlay)
    verb = verbs.add_parser("dashboards", help="the dashboards as Grafana reads them")
    verb.add_argument("--write", action="store_true", help="rewrite what differs")
    verb.set_defaults(run=_dashboards)
    verb = verbs.add_parser(
        "check", help="compare what queries name with what a Prometheus has"
    )
    verb.add_argument("--url", required=True, help="of a Prometheus that reads them")
    verb.set_defaults(run=_check)
    verb = verbs.add_parser("scrape", help="Prometheus' configuration in the testbed")
    verb.add_argument("--write", action="store_true", help="rewrite what differs")
    verb.set_defaults(run=_scrape)


def _rules(options: argparse.Namespace) -> int:
    root = paths.checkout()
    return _made(
        {root / rules.PLAIN: rules.plain(root / rules.RULES)}, write=options.write
    )


def _overlay(options: argparse.Namespace) -> int:
    root = paths.checkout()
    files = overlay.files(root)
    return _made(
        {root / path: text for path, text in files.items()}, write=options.write
    )


def _dashboards(options: argparse.Namespace) -> int:
    folder = paths.checkout() / dashboards.FOLDER
    files = {folder / f"{board.name}.json": board for board in boards.ALL}
    made = {path: dashboards.render(board) for path, board in files.items()}
    return _made(made, write=options.write)


def _check(options: argparse.Namespace) -> int:
    root = paths.checkout()
    known = Prometheus(options.url).names() | names.documented(root)
    missing = names.missing(root, known)
    if missing:
        raise ForgeError(
            "\n".join(missing),
            remedy="correct the name, or have its exporter read; one that has nothing "
            "to count yet may be silent",
        )
    print("every metric that is asked for is exported")  # noqa: T201 - a command's output
    return 0


def _scrape(options: argparse.Namespace) -> int:
    root = paths.checkout()
    inventory = load_inventory([root / scrape.INVENTORY])
    topology, _ = examine(inventory.hostvars, inventory.groups, None)
    return _made({root / scrape.PLAIN: scrape.plain(topology)}, write=options.write)


def _made(files: dict[Path, str], *, write: bool) -> int:
    """Compare generated files with what they should be, or write them."""
    differ = [
        path
        for path, text in files.items()
        if not path.is_file() or path.read_text() != text
    ]
    if differ and not write:
        raise ForgeError(
            "not as made: " + ", ".join(path.name for path in differ),
            remedy="run the same command with --write",
        )
    for path in differ:
        path.write_text(files[path])
        print(f"wrote {path}")  # noqa: T201 - a command's output
    return 0
