"""`clawlaw evidence query|rebuild|retention`: look things up, and how long it lasts."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from clawlaw.cli.options import JsonOption
from clawlaw.cli.output import (
    DIFFERENT,
    OK,
    UsageError,
    either,
    out,
    print_json,
    reported,
)
from clawlaw.cli.trace import IndexOption, line
from clawlaw.cli.verify import LogArgument

TimeOption = Annotated[str, typer.Option(metavar="TIME", help="ISO 8601; UTC.")]


def query(
    folder: LogArgument,
    *,
    kind: Annotated[str, typer.Option(help="decided, performed, answered ...")] = "",
    session: Annotated[str, typer.Option(help="Id of the session.")] = "",
    principal: Annotated[str, typer.Option(help="Who acted, or answered.")] = "",
    tool: Annotated[str, typer.Option(help="As the client calls it.")] = "",
    verdict: Annotated[str, typer.Option(help="allow, deny or escalate.")] = "",
    since: TimeOption = "",
    until: TimeOption = "",
    limit: Annotated[int, typer.Option(min=1, help="The newest first.")] = 100,
    index: IndexOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find entries. Ends with 1 where there are none."""
    with reported(as_json=as_json):
        from clawlaw.evidence.index import Index, Query  # noqa: PLC0415  # slow to load

        wanted = Query(
            kind,
            session,
            principal,
            tool,
            verdict,
            _time("--since", since, 0),
            _time("--until", until, 2**53),
            limit,
        )
        opened = Index.open(folder, index)
        try:
            found = opened.find(wanted)
        finally:
            opened.close()
    for entry in found:
        if as_json:
            print_json(msgspec.to_builtins(entry))
        else:
            out.print(line(entry))
    raise typer.Exit(OK if found else DIFFERENT)


def rebuild(
    folder: LogArgument,
    index: Annotated[Path, typer.Argument(metavar="FILE", help="The index.")],
    *,
    as_json: JsonOption = False,
) -> None:
    """Throw the index away and make it again from the log."""
    with reported(as_json=as_json):
        from clawlaw.evidence.index import Index  # noqa: PLC0415  # slow to load

        index.unlink(missing_ok=True)
        opened = Index.open(folder, index)
        try:
            count = opened.refresh()
        finally:
            opened.close()
    either(
        {"entries": count},
        as_json=as_json,
        text=lambda: out.print(f"{count} entries in {index}", markup=False),
    )


def retention(folder: LogArgument, *, as_json: JsonOption = False) -> None:
    """Say how the log grows and how long its disk lasts. Ends with 1 below 14 days."""
    with reported(as_json=as_json):
        from clawlaw.evidence.retention import WARN_DAYS  # noqa: PLC0415  # slow to load
        from clawlaw.evidence.retention import (  # noqa: PLC0415  # as above
            retention as computed,
        )

        found = computed(folder)
    said = {
        "size": found.size,
        "rate": found.rate,
        "free": found.free,
        "days_left": int(found.days_left),
        "warns": found.warns,
    }

    def show() -> None:
        mib = 1 << 20
        out.print(
            f"{found.size / mib:.1f} MiB, {found.rate / mib:.1f} MiB a day, "
            f"{found.free / mib:.0f} MiB free: {int(found.days_left)} days"
        )
        if found.warns:
            out.print(
                f"less than {WARN_DAYS} days are left: enlarge the disk, or move "
                "anchored segments to another one",
                style="bold yellow",
            )

    either(said, as_json=as_json, text=show)
    raise typer.Exit(DIFFERENT if found.warns else OK)


def _time(option: str, text: str, default: int) -> int:
    if not text:
        return default
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(option, f"{text!r} is no ISO 8601 time") from error
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return int(moment.timestamp() * 1000)
