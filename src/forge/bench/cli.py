"""``forge bench``: inference."""

import argparse
import asyncio
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console

from forge.bench.scenario import Scenario, load
from forge.errors import InputError

WIDE = 170  # columns where the output is no terminal


def add_parser(subparsers: "argparse._SubParsersAction[Any]") -> None:
    """Add ``bench`` to the ``forge`` command."""
    part = subparsers.add_parser("bench", help="what models deliver, and what it costs")
    verbs = part.add_subparsers(dest="verb", required=True, metavar="VERB")
    verb = verbs.add_parser(
        "inference",
        help="tokens a second and time to the first, directly and through the gate",
        description="Measures by a scenario file, or with --local on this machine.",
    )
    where = verb.add_mutually_exclusive_group(required=True)
    where.add_argument("--scenario", type=Path, metavar="FILE", help="what to measure")
    where.add_argument(
        "--local", action="store_true", help="start engines, gate and proxy here"
    )
    verb.add_argument("--requests", type=int, metavar="N", help="of each way")
    verb.add_argument("--max-tokens", type=int, metavar="N", help="of an answer")
    verb.add_argument("--words", type=int, metavar="N", help="of a prompt, about")
    verb.add_argument("--concurrency", metavar="N,N", help="streams at a time")
    verb.add_argument("--json", type=Path, metavar="FILE", help="every number")
    verb.add_argument("--plot", type=Path, metavar="FILE", help="picture, SVG")
    verb.add_argument(
        "--check", action="store_true", help="read the scenario, ask nobody"
    )
    verb.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    if options.local:
        from forge.bench.local import local, written  # noqa: PLC0415  # needs the gate

        with local() as (room, folder):
            path = written(room.scenario(), folder / "scenario.yaml")
            scenario = _changed(load(path), options)
            return _measure(scenario, options, room.processes)
    scenario = _changed(load(options.scenario), options)
    if options.check:
        names = ", ".join(target.name for target in scenario.targets)
        Console().print(f"{scenario.name}: {names}", markup=False)
        return 0
    return _measure(scenario, options, {})


def _changed(scenario: Scenario, options: argparse.Namespace) -> Scenario:
    """The scenario with what the command line says instead."""
    from msgspec import structs  # noqa: PLC0415  # beside its one use

    changes: dict[str, Any] = {}
    for name in ("requests", "max_tokens", "words"):
        if getattr(options, name):
            changes[name] = getattr(options, name)
    if options.concurrency:
        try:
            numbers = tuple(int(n) for n in options.concurrency.split(","))
        except ValueError as error:
            raise InputError(f"--concurrency {options.concurrency}: numbers") from error
        changes["concurrency"] = numbers
    return structs.replace(scenario, **changes)


def _measure(
    scenario: Scenario, options: argparse.Namespace, engines: Mapping[str, int]
) -> int:
    from forge.bench import report, run  # noqa: PLC0415  # aiohttp takes its time

    told = Console(stderr=True)
    with told.status("measuring") as status:
        found = asyncio.run(run.run(scenario, status.update, engines))
    out = Console(width=None if sys.stdout.isatty() else WIDE)
    report.show(found, out)
    if options.json:
        options.json.write_text(json.dumps(report.as_json(found), indent=1) + "\n")
    if options.plot:
        from forge.bench.plot import draw  # noqa: PLC0415  # matplotlib takes long

        draw(found, options.plot)
    return 0
