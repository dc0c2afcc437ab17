"""Disks that are full, fail, or become read-only: deny, lose nothing, go on after."""

import errno
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from clawlaw.evidence.errors import LogLatched
from clawlaw.evidence.log import Log
from clawlaw.evidence.segment import segment_paths
from clawlaw.evidence.verify import verify

from .writer import entry, open_log

type Disk = tuple[Path, Callable[[str], None]]


def _append_until_it_fails(log: Log) -> int:
    """Entries that were promised before the log latched."""
    for _ in range(10_000):
        try:
            log.append([entry(log.size)])
        except LogLatched:
            break
    else:
        pytest.fail("nothing failed")
    promised = log.size
    with pytest.raises(LogLatched, match="evidence cannot be written"):
        log.append([entry(log.size)])
    with pytest.raises(LogLatched):
        log.checkpoint()
    assert log.size == promised
    log.close()
    return promised


def _goes_on(folder: Path, promised: int) -> None:
    with open_log(folder) as log:
        assert log.size >= promised
        kept = [data for _, data in log.read()]
        assert kept == [entry(number) for number in range(log.size)]
        log.append([entry(log.size)])
        found = log.size
    with open_log(folder) as log:
        assert log.clean
        assert log.size == found


def test_a_full_disk_latches_and_loses_nothing(small_disk: Path) -> None:
    folder = small_disk / "log"
    log = open_log(folder)
    log.append([entry(0)])
    ballast = small_disk / "ballast"
    _fill(ballast)
    promised = _append_until_it_fails(log)
    assert promised > 1
    assert log.free_days(1) == 0
    ballast.unlink()
    _goes_on(folder, promised)


def _fill(ballast: Path) -> None:
    with ballast.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError as error:
            assert error.errno == errno.ENOSPC  # noqa: PT017  # how the loop ends


@pytest.mark.parametrize("nth", [1, 2, 9])
@pytest.mark.parametrize(
    ("what", "code"),
    [("fsync", "EIO"), ("write", "EIO"), ("write", "ENOSPC"), ("write", "EROFS")],
)
def test_an_error_latches_and_loses_nothing(
    failing_disk: Disk, what: str, code: str, nth: int
) -> None:
    """A failed sync drops what was not written, as Linux does."""
    disk, command = failing_disk
    folder = disk / "log"
    log = open_log(folder)
    for _ in range(5):
        log.append([entry(log.size)])
    command(f"fail {what} {code} {nth}")
    promised = _append_until_it_fails(log)
    assert promised >= 5 + (nth - 1) // 2
    command("heal")
    _goes_on(folder, promised)


def test_a_sync_that_failed_is_not_tried_again(failing_disk: Disk) -> None:
    """The second sync would succeed, and would tell a lie."""
    disk, command = failing_disk
    folder = disk / "log"
    log = open_log(folder)
    log.append([entry(0)])
    command("fail fsync EIO 1")
    with pytest.raises(LogLatched):
        log.append([entry(1)])
    command("heal")
    with pytest.raises(LogLatched):
        log.append([entry(1)])
    assert log.size == 1
    log.close()
    with open_log(folder) as again:
        assert again.size == 1


def test_a_log_that_cannot_begin_a_segment_does_not_open(failing_disk: Disk) -> None:
    disk, command = failing_disk
    folder = disk / "log"
    with open_log(folder) as log:
        log.append([entry(0)])
    for what in ("fsync EIO", "write ENOSPC"):
        command(f"fail {what} 1")
        with pytest.raises(OSError):  # noqa: PT011  # one of the two
            open_log(folder)
        command("heal")
    _goes_on(folder, 1)


def test_a_read_only_disk_does_not_open_and_can_be_verified(small_disk: Path) -> None:
    folder = small_disk / "log"
    with open_log(folder) as log:
        log.append([entry(0)])
    _remount(small_disk, "ro")
    with pytest.raises(OSError) as caught:  # noqa: PT011  # the number is compared
        open_log(folder)
    assert caught.value.errno == errno.EROFS
    report = verify(segment_paths(folder))
    assert report.entries == 1
    _remount(small_disk, "rw")
    _goes_on(folder, 1)


def _remount(folder: Path, how: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{how}", str(folder)], check=True)
    assert bool(os.statvfs(folder).f_flag & os.ST_RDONLY) is (how == "ro")
