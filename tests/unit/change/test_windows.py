"""Which window is open, or comes next."""

from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from forge.change.applied import Applied, AppliedHost, supposed
from forge.change.model import Effect
from forge.change.running import Job
from forge.change.snapshot import Snapshot
from forge.change.store import Store
from forge.change.windows import declared, window
from forge.errors import InputError
from forge.topology.schema import WindowData

from .plans import impact, plan

NIGHT = WindowData(days=["tue", "thu"], opens="22:00", minutes=240)
LATE = WindowData(days=["tue"], opens="23:30", minutes=600)
WEEK = WindowData(days=["mon"], opens="00:00", minutes=7 * 24 * 60)


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1000


@pytest.mark.parametrize(
    ("windows", "now", "opens", "closes"),
    [  # 2026-11-24 is a Tuesday
        ([NIGHT], "2026-11-24 21:59", "2026-11-24 22:00", "2026-11-25 02:00"),
        ([NIGHT], "2026-11-24 22:00", "2026-11-24 22:00", "2026-11-25 02:00"),
        ([NIGHT], "2026-11-25 01:59", "2026-11-24 22:00", "2026-11-25 02:00"),
        ([NIGHT], "2026-11-25 02:00", "2026-11-26 22:00", "2026-11-27 02:00"),
        ([NIGHT], "2026-11-27 02:00", "2026-12-01 22:00", "2026-12-02 02:00"),
        # Of two that are open the longer one; of none the next.
        ([NIGHT, LATE], "2026-11-25 00:00", "2026-11-24 23:30", "2026-11-25 09:30"),
        ([LATE, NIGHT], "2026-11-25 12:00", "2026-11-26 22:00", "2026-11-27 02:00"),
        ([WEEK], "2026-11-29 23:59", "2026-11-23 00:00", "2026-11-30 00:00"),
        ([WEEK], "2026-11-30 00:00", "2026-11-30 00:00", "2026-12-07 00:00"),
    ],
)
def test_window(windows: list[WindowData], now: str, opens: str, closes: str) -> None:
    assert window(windows, at(now)) == (at(opens), at(closes))


def test_none_is_declared() -> None:
    assert window([], at("2026-11-24 21:59")) == (0, 0)
    assert declared(None) == ()
    assert declared(record(a={})) == ()


def record(**hosts: dict[str, str]) -> Applied:
    """Runs in the order of the hosts' names, each with the facts of its host."""
    made = {n: AppliedHost(facts={"x": "1"} | f, run=n) for n, f in hosts.items()}
    return msgspec.structs.replace(supposed(Snapshot({})), hosts=made)


def facts(*windows: WindowData) -> dict[str, str]:
    text = msgspec.json.encode(windows).decode()
    return {"vars.forge_change_windows": text}


def test_the_windows_of_the_newest_run_count() -> None:
    assert declared(record(a=facts(LATE), b=facts(NIGHT))) == (NIGHT,)
    assert declared(record(a=facts(LATE), b={})) == ()


@pytest.mark.parametrize("text", ['"{{ x }}"', '[{"days": 1}]', "7"])
def test_what_is_no_list_of_windows_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="forge_change_windows"):
        declared(record(a={"vars.forge_change_windows": text}))


@pytest.mark.parametrize("changes", [True, False])
def test_only_a_change_names_its_window(tmp_path: Path, *, changes: bool) -> None:
    made = plan(impact(Effect.NOTHING)) if changes else plan()
    assert bool(made.changes) is changes
    job = Job(Store(tmp_path), made, Snapshot({}), [NIGHT])
    run = job.asked("c", at("2026-11-24 21:59"))
    assert run.commit == "c"
    assert (run.opens, run.closes) == (
        (at("2026-11-24 22:00"), at("2026-11-25 02:00")) if changes else (0, 0)
    )
