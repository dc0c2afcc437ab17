"""`clawlaw verify --remote`: the log in the store, and the local log by that."""

import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import typer

from clawlaw.cli.output import DIFFERENT, OK, UsageError, out, print_json, reported
from clawlaw.cli.verify import INCOMPLETE, fields, read_keys, show, stream
from clawlaw.evidence.anchor_config import read_config
from clawlaw.evidence.note import Verifier
from clawlaw.evidence.objects import Store
from clawlaw.evidence.remote import Remote, fetch
from clawlaw.evidence.segment import segment_paths

if TYPE_CHECKING:
    from clawlaw.evidence.verify import Report


def verify_remote(
    config: Path, folder: Path | None, key: list[Path] | None, *, as_json: bool
) -> None:
    """Verify the store, and the log in a folder by what the store holds.

    Args:
        config: Of the uploader: where the store is, and the log's public key.
        folder: Of the log; `None`: the store alone.
        key: Files with further public keys.
        as_json: Print JSON.

    Raises:
        typer.Exit: 0, 1 or 5, as `clawlaw verify` says.
    """
    with reported(as_json=as_json):
        read = read_config(config)
        if read.store is None:
            raise UsageError(str(config), "names no store", "add `store:`")
        log = Verifier.parse(read.key)
        witnesses = [Verifier.parse(w.key) for w in read.witnesses]
        keys = [log, *witnesses, *read_keys(key)]
        started = time.monotonic()
        with TemporaryDirectory() as scratch:
            found = fetch(Store(read.store), keys, Path(scratch), log.name)
            there = stream(found.paths, found.heads, keys)
        local = None
        if folder is not None:
            held = [] if found.newest is None else [found.newest]
            local = stream(segment_paths(folder), held, keys)
        seconds = time.monotonic() - started
    if as_json:
        print_json(_said(found, there, local))
    else:
        _show(found, there, local, seconds)
    raise typer.Exit(_code(found, there, local))


def _code(found: Remote, there: "Report", local: "Report | None") -> int:
    reports = [there] if local is None else [there, local]
    if found.problems or not all(report.intact for report in reports):
        return DIFFERENT
    if any(report.complete is False for report in reports):
        return INCOMPLETE
    return OK


def _said(found: Remote, there: "Report", local: "Report | None") -> dict[str, Any]:
    newest = found.newest
    return {
        "remote": fields(there)
        | {
            "newest": newest.checkpoint.size if newest else 0,
            "signed_by": sorted(newest.names) if newest else [],
            "missing": found.problems,
            "attempts": found.attempts,
            "locked_until": found.until.isoformat() if found.until else "",
        },
        "local": fields(local) if local else None,
    }


def _show(
    found: Remote, there: "Report", local: "Report | None", seconds: float
) -> None:
    out.print("[bold]in the store[/]")
    show(there, seconds)
    if found.newest is not None:
        names = ", ".join(sorted(found.newest.names))
        size = found.newest.checkpoint.size
        out.print(f"newest head   {size} entries, signed by {names}", markup=False)
    if found.until is not None:
        out.print(f"locked        at least until {found.until:%Y-%m-%d %H:%M} UTC")
    for problem in found.problems:
        out.print(f"missing       {problem}", style="red", markup=False)
    for attempt in found.attempts:
        out.print(
            f"attempt       {attempt}; read past it", style="yellow", markup=False
        )
    if local is not None:
        out.print("[bold]in the folder[/]")
        show(local, seconds)
