"""``forge wheels``: the archive of wheels that a role carries to a host."""

import argparse
import dataclasses
import json
import sys
from typing import Any

from forge import paths
from forge.wheels.wheelhouse import PLATFORMS, PYTHONS, ensure


def add_parser(subparsers: "argparse._SubParsersAction[Any]") -> None:
    """Add ``wheels`` to the ``forge`` command."""
    part = subparsers.add_parser(
        "wheels",
        help="bring the gate's wheels for a host",
        description="Fetches the wheels of requirements/gate.txt by their hashes,"
        " builds the gate's own, and packs both into one archive in the cache.",
    )
    part.add_argument("--python", choices=PYTHONS, required=True, help="of the host")
    part.add_argument("--arch", choices=sorted(PLATFORMS), required=True)
    part.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    found = ensure(paths.checkout(), paths.cache(), options.python, options.arch)
    said = dataclasses.asdict(found) | {"path": str(found.path)}
    sys.stdout.write(json.dumps(said, sort_keys=True) + "\n")
    return 0
