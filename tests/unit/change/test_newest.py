"""Which applied state is behind the records of the runs."""

from pathlib import Path

import msgspec
import pytest
from tests.unit.change.test_applied import RECORD as SOME
from tests.unit.runs.test_journal import ROOT

from forge.change.applied import Applied, AppliedStateError
from forge.change.newest import refuse_older
from forge.runs.recorder import Recorder

RECORD = msgspec.structs.replace(SOME, run="20000101T000000Z-00000000")
BEGUN, APPLIED = RECORD.sequence - 1, RECORD.sequence


def ran(
    state: Path,
    sequence: int,
    digest: str = "",
    *,
    platform: str = "home",
    at: float = 1_800_000_000.0,
) -> None:
    """Record a run that wrote the applied state."""
    recorder = Recorder(state, ROOT, lambda: at)
    recorder.started("x.yml", {})
    recorder.judged({"verdict": "allow", "platform": platform, "sequence": sequence})
    if digest:
        recorder.applied(["a"], digest)
    recorder.ended({})


def refused(state: Path, record: Applied | None = RECORD) -> bool:
    try:
        refuse_older(state / "home", record)
    except AppliedStateError:
        return True
    return False


def test_the_newest_is_not_refused(tmp_path: Path) -> None:
    assert not refused(tmp_path, None)
    assert not refused(tmp_path), "no run is recorded"
    ran(tmp_path, BEGUN, RECORD.digest())
    assert not refused(tmp_path)


@pytest.mark.parametrize(
    ("sequence", "digest", "is_refused"),
    [
        (APPLIED, "", False),
        (BEGUN, "sha256:other", True),  # of the same number
        (APPLIED, "sha256:other", True),  # the run ended well with a newer one
        (APPLIED + 1, "", True),  # the run began with a newer one
        (BEGUN - 1, "sha256:other", False),  # killed before it noted what it wrote
    ],
)
def test_what_is_behind_is_refused(
    tmp_path: Path, sequence: int, digest: str, *, is_refused: bool
) -> None:
    ran(tmp_path, sequence, digest)
    assert refused(tmp_path) is is_refused


def test_runs_that_wrote_nothing_do_not_hide_one(tmp_path: Path) -> None:
    ran(tmp_path, APPLIED + 1)
    ran(tmp_path, APPLIED + 9, platform="another", at=1_800_000_010.0)
    recorder = Recorder(tmp_path, ROOT, lambda: 1_800_000_020.0)
    recorder.started("x.yml", {})
    recorder.judged({"verdict": "deny", "platform": "home"})
    recorder.ended({})
    assert refused(tmp_path)


def test_a_record_that_was_removed_begins_anew(tmp_path: Path) -> None:
    ran(tmp_path, 40)
    assert not refused(tmp_path, None)
    ran(tmp_path, BEGUN, RECORD.digest(), at=1_800_000_010.0)
    assert not refused(tmp_path)
