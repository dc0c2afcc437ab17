"""``forge topology``: check, show, graph."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from rich.console import Console

from forge import paths
from forge.errors import InputError
from forge.topology.findings import InvalidTopologyError, report
from forge.topology.load import load_inventory, load_versions
from forge.topology.render_html import html
from forge.topology.render_svg import svg
from forge.topology.render_table import tables
from forge.topology.resolve import describe, examine

if TYPE_CHECKING:
    from forge.topology.model import Topology

INVALID = 2
DEFAULT_INVENTORY = Path("inventory/forge")
FORMATS = {"svg": svg, "html": html}


def add_parser(subparsers: "argparse._SubParsersAction[Any]") -> None:
    """Add ``topology`` to the ``forge`` command."""
    part = subparsers.add_parser(
        "topology",
        help="check, show and draw the inventory",
        description="One model of the whole inventory: its rules, tables and a picture."
        " No host is contacted.",
    )
    verbs = part.add_subparsers(dest="verb", required=True, metavar="VERB")
    check = verbs.add_parser("check", help="report everything that is wrong")
    _common(check)
    check.add_argument("--json", action="store_true", help="findings as JSON")
    check.set_defaults(run=_check)
    show = verbs.add_parser("show", help="hosts and flows as tables")
    _common(show)
    show.add_argument("--json", action="store_true", help="what roles read, as JSON")
    show.set_defaults(run=_show)
    graph = verbs.add_parser("graph", help="a picture, SVG or HTML")
    _common(graph)
    graph.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help="default: standard output"
    )
    graph.add_argument(
        "--format", choices=sorted(FORMATS), help="default: FILE's suffix, else svg"
    )
    graph.set_defaults(run=_graph)


def _common(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "-i",
        "--inventory",
        action="append",
        type=Path,
        metavar="DIR",
        help="file or folder, later ones win; default: inventory/forge of the checkout",
    )
    verb.add_argument(
        "--versions",
        type=Path,
        metavar="FILE",
        help="default: versions.yml of the checkout",
    )


def _load(options: argparse.Namespace) -> "tuple[Topology, tuple[Any, ...]]":
    inventories = options.inventory or [paths.checkout() / DEFAULT_INVENTORY]
    versions = options.versions or paths.checkout() / paths.MARK
    inventory = load_inventory(inventories)
    return examine(
        inventory.hostvars, inventory.groups, load_versions(versions), inventory.sources
    )


def _valid(options: argparse.Namespace) -> "Topology":
    topology, findings = _load(options)
    if findings:
        raise InvalidTopologyError(findings)
    return topology


def _check(options: argparse.Namespace) -> int:
    topology, findings = _load(options)
    if options.json:
        _write({"valid": not findings, "findings": findings})
    elif findings:
        print(report(findings), file=sys.stderr)  # noqa: T201 - a command's output
    else:
        hosts, flows = len(topology.hosts), len(topology.flows)
        digest = describe(topology)["digest"]
        print(f"{topology.name}: valid, {hosts} hosts, {flows} flows, {digest}")  # noqa: T201 - a command's output
    return INVALID if findings else 0


def _show(options: argparse.Namespace) -> int:
    topology = _valid(options)
    if options.json:
        _write(describe(topology))
    else:
        console = Console()
        for table in tables(topology, console.width):
            console.print(table)
    return 0


def _graph(options: argparse.Namespace) -> int:
    output: Path | None = options.output
    suffix = "" if output is None else output.suffix.removeprefix(".")
    kind = options.format or suffix or "svg"
    if kind not in FORMATS:
        raise InputError(
            f"{output}: no picture has the suffix .{kind}",
            remedy="name a file .svg or .html, or add --format",
        )
    picture = FORMATS[kind](_valid(options))
    if output is None:
        sys.stdout.write(picture)
        return 0
    try:
        output.write_text(picture, encoding="utf-8")
    except OSError as error:
        raise InputError(
            f"{output}: {error.strerror}", remedy="name a file that can be written"
        ) from error
    return 0


def _write(data: object) -> None:
    text = msgspec.json.format(msgspec.json.encode(data), indent=2)
    sys.stdout.write(text.decode("utf-8") + "\n")
