"""``forge wheels``: the archive of wheels that a role carries to a host."""

import argparse
import dataclasses
import json
import sys
from typing import Any

from forge import paths
from forge.wheels.wheelhouse import PARTS, PYTHONS, ensure


def add_parser(subparsers: "argparse._SubParsersAction[Any]") -> None:
    """Add ``wheels`` to the ``forge`` command."""
    part = subparsers.add_parser(
        "wheels",
        help="bring the wheels of the gate or of MLX for a host",
        description="Fetches the wheels of requirements/PART.txt by their hashes,"
        " builds the part's own, if it has one, and packs them into one archive in"
        " the cache.",
    )
    part.add_argument("--part", choices=sorted(PARTS), default="gate")
    part.add_argument("--python", choices=PYTHONS, required=True, help="of the host")
    part.add_argument("--arch", choices=("amd64", "arm64"), required=True)
    part.add_argument("--os", choices=("linux", "macos"), default="linux")
    part.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    found = ensure(
        paths.checkout(),
        paths.cache(),
        options.python,
        options.arch,
        part=options.part,
        system=options.os,
    )
    said = dataclasses.asdict(found) | {"path": str(found.path)}
    sys.stdout.write(json.dumps(said, sort_keys=True) + "\n")
    return 0
