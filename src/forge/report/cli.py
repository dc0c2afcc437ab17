"""``forge report``: what is published."""

import argparse
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table

from forge.report import uptime
from forge.report.prometheus import Prometheus


def add_parser(subparsers: "argparse._SubParsersAction[Any]") -> None:
    """Add ``report`` to the ``forge`` command."""
    part = subparsers.add_parser(
        "report",
        help="what the Forge publishes about itself",
        description="Numbers of the Forge, from its Prometheus.",
    )
    verbs = part.add_subparsers(dest="verb", required=True, metavar="VERB")
    verb = verbs.add_parser(
        "uptime",
        help="availability, restarts, memory, elections, certificates, temperature",
    )
    verb.add_argument("--days", type=int, default=30, help="looked back (30)")
    verb.add_argument(
        "--url", default="http://127.0.0.1:9090", help="of Prometheus (%(default)s)"
    )
    verb.add_argument("--json", action="store_true", help="print JSON")
    verb.set_defaults(run=_uptime)


def _uptime(options: argparse.Namespace) -> int:
    report = uptime.gather(Prometheus(options.url), options.days)
    console = Console(soft_wrap=True)
    if options.json:
        console.out(msgspec.json.format(msgspec.json.encode(report)).decode())
        return 0
    rows = uptime.rows(report)
    table = Table(title=f"The last {report.days} days", box=None, padding=(0, 2, 0, 0))
    for column in rows[0]:
        table.add_column(column, no_wrap=True)
    for row in rows:
        table.add_row(*row.values())
    console.print(table)
    for line in uptime.summary(report):
        console.print(line)
    return 0
