"""``forge history`` and ``forge show RUN``: what was done to the machines."""

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from forge import paths
from forge.runs import chain, journal, show

if TYPE_CHECKING:
    from argparse import _SubParsersAction

LAST = 20  # runs, unless more are asked for
BROKEN = 1  # exit status


def add_history(subparsers: "_SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``history`` to the command line."""
    parser = subparsers.add_parser("history", help="the recorded runs")
    parser.add_argument(
        "--last", type=int, default=LAST, metavar="N", help=f"{LAST} unless given"
    )
    _common(parser)
    parser.set_defaults(run=_history)


def add_show(subparsers: "_SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``show`` to the command line."""
    parser = subparsers.add_parser("show", help="everything that a run recorded")
    parser.add_argument("name", metavar="RUN", help="name, or its beginning or end")
    _common(parser)
    parser.set_defaults(run=_show)


def _common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true")
    parser.add_argument(
        "--state", type=Path, metavar="DIR",
        help="folder of the records: FORGE_STATE unless given",
    )  # fmt: skip
    parser.add_argument(
        "--testbed", action="store_true", help="runs on the testbed of this checkout"
    )


def _state(options: argparse.Namespace) -> Path:
    if options.state:
        return Path(options.state)
    if not options.testbed:
        return paths.state()
    return paths.folder_of_testbed(paths.checkout()) / "state"


def _history(options: argparse.Namespace) -> int:
    state = _state(options)
    runs = [
        journal.read(state / journal.FOLDER / f"{name}{journal.SUFFIX}")
        for name in journal.names(state)
    ]
    read = [(run.name, run.entries[0], set(run.digests)) for run in runs if run.entries]
    wrong = chain.succession(read)
    rows = [show.summary(run) for run in reversed(runs)][: max(options.last, 0)]
    if options.json:
        print(json.dumps({"runs": rows, "broken": wrong}, indent=2))  # noqa: T201 - a command's output
    else:
        show.history(rows, Console())
        for line in wrong:
            print(f"broken: {line}", file=sys.stderr)  # noqa: T201 - a command's output
    return BROKEN if wrong or any(run.broken for run in runs) else 0


def _show(options: argparse.Namespace) -> int:
    run = journal.load(_state(options), options.name)
    if options.json:
        print(show.as_json(run))  # noqa: T201 - a command's output
    else:
        show.show(run, Console())
    return BROKEN if run.broken else 0
