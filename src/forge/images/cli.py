"""``forge images``: build and list the images of the testbed's servers."""

import argparse
import json
import os
import sys
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from forge import artifacts, paths
from forge.artifacts.display import Display
from forge.artifacts.pinfile import FILE
from forge.images import build, recipe

if TYPE_CHECKING:
    from argparse import _SubParsersAction

COLUMNS = ("image", "reference", "cached", "from")


def add_parser(
    subparsers: "_SubParsersAction[argparse.ArgumentParser]",
) -> None:
    """Add ``images`` and its verbs to the command line."""
    parser = subparsers.add_parser("images", help="images of the testbed's servers")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    made = verbs.add_parser("build", help="make images, or take them from the cache")
    made.add_argument("names", nargs="*", metavar="NAME", help="all if none is named")
    made.add_argument("--json", action="store_true")
    made.set_defaults(run=_build)
    listed = verbs.add_parser("list", help="what there is, what is cached")
    listed.add_argument("--json", action="store_true")
    listed.set_defaults(run=_list)


def _build(options: argparse.Namespace) -> int:
    versions = artifacts.load(paths.checkout() / FILE)
    recipes = recipe.load_all(paths.checkout())
    cache = artifacts.Cache.of(os.environ)
    rows: dict[str, dict[str, Any]] = {}
    with Display(Console(stderr=True)) as display:
        for name in options.names or recipes:
            image = build.ensure(
                name,
                recipes,
                artifacts.host_arch(),
                versions=versions,
                cache=cache,
                progress=display,
            )
            rows[name] = {
                "reference": image.reference,
                "archive": str(image.archive),
                "digest": image.digest,
                "from": image.built_with,
            }
            if not options.json:
                size = image.archive.stat().st_size // 10**6
                state = "made" if image.is_new else "cached"
                Console(file=sys.stdout).print(
                    f"{image.reference} {state}, {size} MB, {image.digest}",
                    highlight=False,
                )
    if options.json:
        print(json.dumps(rows, indent=2, sort_keys=True))  # noqa: T201 - a command's output
    return 0


def _list(options: argparse.Namespace) -> int:
    versions = artifacts.load(paths.checkout() / FILE)
    cache = artifacts.Cache.of(os.environ)
    arch = artifacts.host_arch()
    rows = []
    for name, item in recipe.load_all(paths.checkout()).items():
        entry = cache.find(build.key(name, item, arch, versions))
        parts = [*item.artifacts, *(f"Debian's {package}" for package in item.packages)]
        rows.append(
            {
                "image": name,
                "reference": item.reference(name, versions),
                "cached": "no" if entry is None else "yes",
                "from": ", ".join(parts),
            }
        )
    if options.json:
        print(json.dumps(rows, indent=2))  # noqa: T201 - a command's output
        return 0
    table = Table(*COLUMNS)
    for row in rows:
        table.add_row(*(row[column] for column in COLUMNS))
    Console().print(table)
    return 0
