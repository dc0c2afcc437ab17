"""`clawlaw anchor`: bring the log to its witnesses and its store."""

import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from clawlaw.cli.options import JsonOption
from clawlaw.cli.output import DIFFERENT, err, out, print_json, reported

if TYPE_CHECKING:
    from clawlaw.evidence.anchor import Anchor, Round
    from clawlaw.evidence.anchor_config import AnchorConfig
    from clawlaw.evidence.witness_http import WitnessClient

CONFIG = Path("/etc/clawlaw/anchor.yaml")


def anchor(
    *,
    config: Annotated[
        Path, typer.Option("--config", metavar="FILE", help="Mode 0600.")
    ] = CONFIG,
    once: Annotated[
        bool, typer.Option("--once", help="One round; ends with 1 on a problem.")
    ] = False,
    show: Annotated[
        bool,
        typer.Option(
            "--status",
            help="Say how far witnesses and store have come, and ask nobody.",
        ),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Have heads of the log co-signed, and store them and sealed segments locked.

    Runs beside the gate until SIGTERM or Ctrl-C.
    """
    if show:
        _show_status(config, as_json=as_json)
        return
    with reported(as_json=as_json):
        from clawlaw.evidence import anchor as rounds  # noqa: PLC0415  # of an extra
        from clawlaw.evidence.anchor_config import read_config  # noqa: PLC0415

        read = read_config(config)
        made = _anchor(read)
        if once:
            done = made.round()
            _tell(done, as_json=as_json)
            raise typer.Exit(DIFFERENT if done.problems else 0)
        ending = threading.Event()
        signal.signal(signal.SIGTERM, lambda *_: ending.set())
        rounds.run(
            made,
            read.interval,
            lambda done: _tell(done, as_json=as_json),
            ending.wait,
        )


def _show_status(config: Path, *, as_json: bool) -> None:
    """Exit code 1: fewer witnesses than are needed co-signed anything."""
    with reported(as_json=as_json):
        from clawlaw.cli.anchor_status import status  # noqa: PLC0415  # of an extra

        found = status(config)
    said = found.fields()
    if as_json:
        print_json(said)
    else:
        out.print(f"log        {found.log}", markup=False)
        out.print(f"signed     {found.signed} entries", markup=False)
        behind = f", {said['behind']} behind" if said["behind"] else ""
        out.print(f"protected  {found.protected} entries{behind}", markup=False)
        for name, seconds in found.witnesses.items():
            when = "not yet" if seconds is None else f"{seconds} s ago"
            out.print(f"witness    {name}: {when}", markup=False)
        if not found.witnesses:
            out.print("witness    not configured")
        out.print(f"store      {said['store']}", markup=False)
    raise typer.Exit(0 if found.good else DIFFERENT)


def _anchor(read: "AnchorConfig") -> "Anchor":
    from clawlaw.evidence.anchor import Anchor  # noqa: PLC0415  # of an extra
    from clawlaw.evidence.note import Verifier  # noqa: PLC0415

    store = None
    if read.store is not None:
        from clawlaw.evidence.objects import Store  # noqa: PLC0415  # of an extra

        store = Store(read.store)
    return Anchor(
        Path(read.log),
        Verifier.parse(read.key),
        [_witness(w.url, w.key, w.authority) for w in read.witnesses],
        store,
        Path(read.witnessed) if read.witnessed else None,
        needed=read.needed,
    )


def _witness(url: str, key: str, authority: str) -> "WitnessClient":
    from clawlaw.evidence.note import Verifier  # noqa: PLC0415  # of an extra
    from clawlaw.evidence.tls import trusting  # noqa: PLC0415  # slow to load
    from clawlaw.evidence.witness_http import WitnessClient  # noqa: PLC0415

    tls = trusting(Path(authority)) if authority else None
    return WitnessClient(url, Verifier.parse(key), tls=tls)


def _tell(done: "Round", *, as_json: bool) -> None:
    """A line for a round that did something; problems always."""
    if as_json:
        head = done.head
        print_json(
            {
                "size": head.size if head else 0,
                "root": head.root.hex() if head else "",
                "cosigned": done.cosigned,
                "put": done.put,
                "problems": done.problems,
            }
        )
        return
    for problem in done.problems:
        err.print(f"clawlaw anchor: {problem}", style="red", markup=False)
    if done.put:
        size = done.head.size if done.head else 0
        names = ", ".join(done.put)
        err.print(f"size {size}, witnesses {len(done.cosigned)}: {names}", markup=False)
