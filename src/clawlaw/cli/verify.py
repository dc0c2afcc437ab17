"""`clawlaw verify`: is the log what was written, and is it all of it."""

import base64
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from clawlaw.cli.options import JsonOption
from clawlaw.cli.output import DIFFERENT, OK, UsageError, err, out, print_json, reported

if TYPE_CHECKING:
    from clawlaw.evidence.note import Signed, Verifier
    from clawlaw.evidence.verify import Report

INCOMPLETE = 5  # intact, but not all that a checkpoint kept elsewhere covers
_SHOWN = 20  # problems printed for a person; --json has all

LogArgument = Annotated[Path, typer.Argument(metavar="DIR", help="Folder of the log.")]
LocalArgument = Annotated[
    Path | None,
    typer.Argument(
        metavar="[DIR]", help="Folder of the log; may be left out with --remote."
    ),
]
KeysOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--key",
        metavar="PUB",
        help="File with public keys of the log and of witnesses, one a line.",
    ),
]


def verify(
    folder: LocalArgument = None,
    *,
    key: KeysOption = None,
    checkpoint: Annotated[
        list[Path] | None,
        typer.Option(
            "--checkpoint",
            metavar="NOTE",
            help="Signed checkpoint that was kept elsewhere; more than one is fine.",
        ),
    ] = None,
    remote: Annotated[
        Path | None,
        typer.Option(
            "--remote",
            metavar="CONFIG",
            help="Verify what the store of this `clawlaw anchor` configuration holds, "
            "and the log by it.",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Read the whole log and say whether it is intact, and whether it is complete.

    Ends with 0 where nothing is wrong, 1 where bytes are not what was written, 5 where
    the bytes are right and a checkpoint says that some are missing or were replaced.
    """
    if remote is not None:
        from clawlaw.cli.verify_remote import verify_remote  # noqa: PLC0415  # an extra

        verify_remote(remote, folder, key, as_json=as_json)
        return
    with reported(as_json=as_json):
        from clawlaw.evidence.segment import segment_paths  # noqa: PLC0415  # an extra

        if folder is None:
            raise UsageError("DIR", "which log?", "name its folder, or give --remote")
        paths = segment_paths(folder)
        if not paths:
            raise UsageError(str(folder), "no segment of a log", "name its folder")
        keys = read_keys(key)
        held = [_held(path, keys) for path in checkpoint or ()]
        started = time.monotonic()
        report = stream(paths, held, keys)
        seconds = time.monotonic() - started
    if as_json:
        print_json(fields(report))
    else:
        show(report, seconds)
    if not report.intact:
        raise typer.Exit(DIFFERENT)
    raise typer.Exit(INCOMPLETE if report.complete is False else OK)


def read_keys(files: list[Path] | None) -> "list[Verifier]":
    """Public keys of all files."""
    from clawlaw.evidence.keys import read_verifiers  # noqa: PLC0415  # an extra

    return [key for file in files or () for key in read_verifiers(file)]


def _held(path: Path, keys: "list[Verifier]") -> "Signed":
    from clawlaw.evidence.errors import NoteError  # noqa: PLC0415  # an extra
    from clawlaw.evidence.note import open_note  # noqa: PLC0415  # an extra

    if not keys:
        raise UsageError("--checkpoint", "needs --key", "give the log's public key")
    try:
        return open_note(path.read_bytes(), keys)
    except NoteError as error:
        raise UsageError(str(path), str(error)) from error


def stream(paths: list[Path], held: "list[Signed]", keys: "list[Verifier]") -> "Report":
    """Verify segments, with a bar of what is done."""
    from clawlaw.evidence.verify import verify as read  # noqa: PLC0415  # an extra

    bar = Progress(
        TextColumn("verify"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeRemainingColumn(),
        console=err,
        transient=True,
    )
    with bar:
        task = bar.add_task("", total=sum(path.stat().st_size for path in paths))
        waiting = 0

        def step(size: int) -> None:
            nonlocal waiting
            waiting += size
            if waiting > 1 << 20:
                bar.update(task, advance=waiting)
                waiting = 0

        return read(paths, held, keys, step)


def fields(report: "Report") -> dict[str, Any]:
    """A report for programs."""
    return {
        "origin": report.origin,
        "segments": report.segments,
        "entries": report.entries,
        "root": base64.b64encode(report.root).decode(),
        "kinds": dict(report.kinds),
        "observed": report.observed,
        "durability": sorted(report.durability),
        "first": report.first,
        "last": report.last,
        "interrupted": report.interrupted,
        "torn": report.torn,
        "open": report.open,
        "heads": report.heads,
        "integrity": {
            "intact": report.intact,
            "problems": [
                {
                    "segment": problem.segment,
                    "offset": problem.offset,
                    "entry": problem.entry,
                    "what": problem.what,
                }
                for problem in report.problems
            ],
        },
        "completeness": {
            "complete": report.complete,
            "protected": report.protected,
            "unprotected": report.entries - report.protected,
            "checkpoints": [
                {
                    "size": held.signed.checkpoint.size,
                    "signed_by": sorted(held.signed.names),
                    "state": held.state,
                }
                for held in report.held
            ],
        },
    }


def show(report: "Report", seconds: float) -> None:
    """A report for a person."""
    rate = report.entries / max(seconds, 1e-6)
    out.print(f"log           {report.origin}", markup=False)
    out.print(
        f"entries       {report.entries} in {report.segments} segments, "
        f"{seconds:.1f} s, {rate:,.0f}/s"
    )
    out.print(f"root          {base64.b64encode(report.root).decode()}", markup=False)
    kinds = ", ".join(f"{kind} {n}" for kind, n in sorted(report.kinds.items()))
    out.print(f"kinds         {kinds or 'none'}", markup=False)
    if report.intact:
        out.print("integrity     [green]intact[/]: every byte is as it was written")
    else:
        out.print(f"integrity     [bold red]broken[/]: {len(report.problems)} problems")
    for problem in report.problems[:_SHOWN]:
        where = f"{problem.segment} offset {problem.offset} after entry {problem.entry}"
        out.print(f"              {where}: {problem.what}", markup=False)
    _print_completeness(report)
    _print_notes(report)


def _print_completeness(report: "Report") -> None:
    if report.complete is None:
        out.print(
            "completeness  [yellow]not shown[/]: no checkpoint from elsewhere was "
            "given (--checkpoint, --key)"
        )
    elif report.complete:
        names = ", ".join(sorted({n for h in report.held for n in h.signed.names}))
        out.print(
            f"completeness  [green]complete[/]: the first {report.protected} entries "
            f"are those signed by {names}"
        )
    else:
        out.print("completeness  [bold red]broken[/]")
    for held in report.held:
        size = held.signed.checkpoint.size
        if held.state == "beyond":
            out.print(f"              the log ends before entry {size} that was signed")
        elif held.state == "differs":
            out.print(f"              the first {size} entries are not those signed")
    tail = report.entries - report.protected
    if tail and report.complete is not False:
        out.print(
            f"tail          {tail} entries from {report.protected} on are unprotected: "
            "no checkpoint given covers them"
        )


def _print_notes(report: "Report") -> None:
    if report.observed:
        out.print(
            f"observe mode  [yellow]{report.observed} decisions were recorded and not "
            "enforced[/]"
        )
    if report.heads:
        out.print(f"signed heads  {report.heads} in the log agree with it")
    for name in report.interrupted:
        out.print(f"interrupted   {name}: its writer went away without ending it")
    for name in report.torn:
        out.print(f"set aside     {name}: what an interrupted write left")
    if report.open:
        out.print("open          the last segment is not ended: a gate writes to it")
    if report.durability:
        levels = json.dumps(sorted(report.durability))
        out.print(f"durability    {levels}", markup=False)
