"""``forge drift``: exit status 0 no drift, 1 drift, 2 not every host was checked."""

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from forge import paths
from forge.drift.check import check
from forge.drift.model import Report, encode
from forge.drift.page import html
from forge.testbed.lifecycle import Testbed

if TYPE_CHECKING:
    from argparse import _SubParsersAction

OUTPUT = "build/drift"


def add_parser(
    subparsers: "_SubParsersAction[argparse.ArgumentParser]",
) -> None:
    """Add ``drift`` to the command line."""
    parser = subparsers.add_parser("drift", help="check mode of everything, reported")
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--inventory", action="append", type=Path, metavar="PATH",
        help="a source; several, the last wins (default: inventory/forge)",
    )  # fmt: skip
    where.add_argument(
        "--testbed", action="store_true", help="the running testbed of this checkout"
    )
    parser.add_argument("--playbook", default="playbooks/site.yml", metavar="PATH")
    parser.add_argument("--limit", help="hosts or groups")
    parser.add_argument("--tags", help="only tasks with one of these tags")
    parser.add_argument(
        "--output", type=Path, default=Path(OUTPUT), metavar="FOLDER",
        help=f"where drift.json and drift.html are written (default: {OUTPUT})",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print the JSON report")
    parser.set_defaults(run=_drift)


def _drift(options: argparse.Namespace) -> int:
    checkout = paths.checkout()
    progress = Console(file=sys.stderr)
    inventory = [source.absolute() for source in options.inventory or ()]
    state = paths.state()
    if options.testbed:
        inventory = Testbed(checkout, paths.cache(), progress).sources()
        state = paths.folder_of_testbed(checkout) / "state"
    report = check(
        checkout=checkout,
        inventory=inventory or [checkout / "inventory" / "forge"],
        playbook=options.playbook,
        state=state,
        limit=options.limit,
        tags=options.tags,
        console=progress,
    )
    folder = checkout / options.output
    _write(folder / "drift.json", encode(report))
    _write(folder / "drift.html", html(report).encode())
    if options.json:
        print(encode(report).decode(), end="")  # noqa: T201 - a command's output
    else:
        _show(report, folder, Console())
    return report.verdict.status


def _write(path: Path, data: bytes) -> None:
    """Replace a file in one step: a report is the old one or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.new")
    new.write_bytes(data)
    os.replace(new, path)  # noqa: PTH105 - the atomic call by its own name


def _show(report: Report, folder: Path, console: Console) -> None:
    table = Table("host", "state", "tasks", "changes", "why")
    for host in report.hosts:
        row = (host.name, host.state, str(host.checked), str(host.changes), host.why)
        table.add_row(*row)
    console.print(table)
    for change in report.changes:
        console.print(
            f"{change.host}: {change.task} ({change.where})",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )
    total = sum(host.changes for host in report.hosts)
    console.print(
        f"drift: {report.verdict}, {total} changes on {len(report.hosts)} hosts, "
        f"{report.seconds} s; {folder / 'drift.html'}",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
