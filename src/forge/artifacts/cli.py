"""``forge artifacts``: list, fetch, pins, resolve, toolchain."""

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from rich.console import Console
from rich.table import Table

from forge import paths
from forge.artifacts import gomod, pinfile, toolchain
from forge.artifacts.cache import Cache
from forge.artifacts.display import Display
from forge.artifacts.ensure import Artifact, Plan, ensure, is_resolved, plan
from forge.artifacts.errors import PinError, UnresolvedError
from forge.artifacts.pins import ARCHES, Arch, ArtifactPin, Versions, host_arch
from forge.artifacts.resolve import resolve

if TYPE_CHECKING:
    from forge.artifacts.progress import Progress


def add_parser(subparsers: "argparse._SubParsersAction[Any]") -> None:
    """Add ``artifacts`` to the ``forge`` command."""
    part = subparsers.add_parser(
        "artifacts",
        help="fetch or build the pinned binaries",
        description="Bring each pinned binary: the upstream release where the network "
        "allows, else built from its Go module. Kept by pin in $FORGE_CACHE.",
    )
    verbs = part.add_subparsers(dest="verb", required=True, metavar="VERB")
    _add_list(verbs)
    _add_fetch(verbs)
    _add_pins(verbs)
    _add_resolve(verbs)
    _add_toolchain(verbs)


def _add_list(verbs: "argparse._SubParsersAction[Any]") -> None:
    verb = verbs.add_parser("list", help="what is pinned, and what of it is cached")
    _common(verb, with_arch=True)
    verb.set_defaults(run=_list)


def _add_fetch(verbs: "argparse._SubParsersAction[Any]") -> None:
    verb = verbs.add_parser("fetch", help="fetch or build artifacts into the cache")
    verb.add_argument("names", nargs="*", metavar="NAME", help="default: all")
    _common(verb, with_arch=True)
    verb.set_defaults(run=_fetch)


def _add_pins(verbs: "argparse._SubParsersAction[Any]") -> None:
    verb = verbs.add_parser("pins", help="compare tools/*/go.mod with versions.yml")
    verb.add_argument("--write", action="store_true", help="rewrite what differs")
    _common(verb)
    verb.set_defaults(run=_pins)


def _add_resolve(verbs: "argparse._SubParsersAction[Any]") -> None:
    verb = verbs.add_parser(
        "resolve", help="fill unresolved digests from what the vendors publish"
    )
    verb.add_argument("names", nargs="*", metavar="NAME", help="default: all")
    _common(verb)
    verb.set_defaults(run=_resolve)


def _add_toolchain(verbs: "argparse._SubParsersAction[Any]") -> None:
    verb = verbs.add_parser(
        "toolchain", help="print the path of a go that may build, bringing it if absent"
    )
    _common(verb)
    verb.set_defaults(run=_toolchain)


def _common(verb: argparse.ArgumentParser, *, with_arch: bool = False) -> None:
    verb.add_argument(
        "--versions",
        type=Path,
        metavar="FILE",
        help="the pins (default: versions.yml of this checkout)",
    )
    verb.add_argument("--json", action="store_true", help="print JSON")
    if with_arch:
        verb.add_argument("--arch", choices=ARCHES, help="default: this machine's")


def _load(options: argparse.Namespace) -> Versions:
    return pinfile.load(options.versions or paths.checkout() / pinfile.FILE)


def _list(options: argparse.Namespace) -> int:
    versions = _load(options)
    cache, arch = Cache.of(os.environ), options.arch or host_arch()
    rows = [
        _row(name, pin, arch, versions, cache)
        for name, pin in versions.pins.artifacts.items()
    ]
    if options.json:
        _print_json(rows)
        return 0
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for column in rows[0]:
        table.add_column(column.replace("_", " "), no_wrap=True)
    for row in rows:
        table.add_row(*row.values())
    console = Console()
    console.print(table)
    console.print(f"pins {versions.path}, cache {cache.root}", soft_wrap=True)
    return 0


def _row(
    name: str, pin: ArtifactPin, arch: Arch, versions: Versions, cache: Cache
) -> dict[str, str]:
    try:
        planned = plan(name, arch, versions=versions, cache=cache)
    except UnresolvedError:
        source, cached = "none", "no"
    else:
        source, cached = planned.source, _state(planned)
    release = "-"
    if pin.release is not None:
        release = "pinned" if is_resolved(pin, arch) else "unresolved"
    return {
        "artifact": name,
        "version": pin.version,
        "arch": arch,
        "source": source,
        "cached": cached,
        "digest": release,
        "licence": pin.licence,
    }


def _state(planned: Plan) -> str:
    if planned.artifact is not None:
        return "yes"
    return "damaged" if planned.damage else "no"


def _fetch(options: argparse.Namespace) -> int:
    versions = _load(options)
    cache, arch = Cache.of(os.environ), options.arch or host_arch()
    names = options.names or _obtainable(arch, versions, cache)
    made = []
    with Display(Console(stderr=True)) as display:
        for name in names:
            artifact = ensure(
                name, arch, versions=versions, cache=cache, progress=display
            )
            made.append(artifact)
            display.note(_summary(artifact))
    if options.json:
        _print_json([_as_json(artifact) for artifact in made])
    return 0


def _obtainable(arch: Arch, versions: Versions, cache: Cache) -> list[str]:
    """Return every artifact but those that nothing can bring; say which these are."""
    names = []
    for name in versions.pins.artifacts:
        try:
            plan(name, arch, versions=versions, cache=cache)
        except UnresolvedError as error:
            print(f"forge: left out: {error.what}", file=sys.stderr)  # noqa: T201 - a command's output
        else:
            names.append(name)
    return names


def _summary(artifact: Artifact) -> str:
    size = sum(path.stat().st_size for path in artifact.files.values()) / 1e6
    how = "made" if artifact.is_new else "cached"
    return (
        f"{artifact.name} {artifact.version} {artifact.arch}: {how}, "
        f"{len(artifact.files)} files, {size:.0f} MB, by {artifact.source} "
        f"({artifact.built_with})"
    )


def _as_json(artifact: Artifact) -> dict[str, object]:
    return {
        "name": artifact.name,
        "version": artifact.version,
        "arch": artifact.arch,
        "source": artifact.source,
        "built_with": artifact.built_with,
        "is_new": artifact.is_new,
        "files": {
            name: {"path": str(path), "sha256": artifact.sha256[name]}
            for name, path in artifact.files.items()
        },
    }


def _pins(options: argparse.Namespace) -> int:
    versions = _load(options)
    if options.write:
        with Display(Console(stderr=True)) as display:
            _write_pins(versions, display)
        versions = _load(options)
    parts = [name for name, pin in versions.pins.artifacts.items() if pin.module]
    stale = [line for name in parts for line in gomod.differences(name, versions)]
    text = versions.path.read_text(encoding="utf-8")
    if pinfile.encode(text, versions.pins) != text:
        stale.append(f"{versions.path}: not in its fixed form (sorted keys)")
    if options.json:
        _print_json({"parts": parts, "stale": stale})
    elif not stale:
        print(f"{len(parts)} go.mod files agree with {versions.path}")  # noqa: T201 - a command's output
    if stale:
        raise PinError(
            "\n  ".join(["stale pins:", *stale]),
            remedy="run `forge artifacts pins --write` and review the diff",
        )
    return 0


def _write_pins(versions: Versions, progress: "Progress") -> None:
    go = toolchain.find(versions.pins.go, Cache.of(os.environ), progress=progress)
    for name, pin in versions.pins.artifacts.items():
        if pin.module is not None:
            progress.note(f"{name}: go mod tidy")
            pins = gomod.update(name, versions, go)
            versions = Versions(path=versions.path, pins=pins)
    pinfile.write(versions.path, versions.pins)


def _resolve(options: argparse.Namespace) -> int:
    versions = _load(options)
    with Display(Console(stderr=True)) as display:
        pins = resolve(versions, options.names, progress=display)
    changed = pinfile.write(versions.path, pins)
    if options.json:
        _print_json({"changed": changed})
    elif changed:
        print(f"{versions.path}: digests filled in; review the diff, then commit it")  # noqa: T201 - a command's output
    else:
        print(f"{versions.path}: every digest agrees with what is published")  # noqa: T201 - a command's output
    return 0


def _toolchain(options: argparse.Namespace) -> int:
    versions = _load(options)
    with Display(Console(stderr=True)) as display:
        go = toolchain.find(versions.pins.go, Cache.of(os.environ), progress=display)
    if options.json:
        _print_json({"go": str(go.go), "version": go.version})
    else:
        print(go.go)  # noqa: T201 - a command's output
    return 0


def _print_json(value: object) -> None:
    print(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())  # noqa: T201 - a command's output
