"""How long the disk lasts at the rate at which the log grows."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from clawlaw.evidence.errors import LogDamaged
from clawlaw.evidence.frame import ENTRY, FrameError
from clawlaw.evidence.schema import decode_entry
from clawlaw.evidence.segment import read_frames, segment_paths

WARN_DAYS: Final = 14
_RECENT: Final = 8  # segments that the rate is taken from
_DAY: Final = 86_400_000  # milliseconds
_SHORTEST: Final = 3_600_000  # a shorter time tells nothing about a day


@dataclass(frozen=True, slots=True)
class Retention:
    """Size and growth of a log.

    Attributes:
        entries_from: Time of its first entry, milliseconds since the epoch; 0: none.
        size: Bytes of all its files.
        rate: Bytes that are added in a day, by the newest segments.
        free: Bytes that are free on its disk.
        days_left: Until the disk is full.
    """

    entries_from: int
    size: int
    rate: int
    free: int
    days_left: float

    @property
    def warns(self) -> bool:
        """Whether less than `WARN_DAYS` are left."""
        return self.days_left < WARN_DAYS


def retention(folder: Path) -> Retention:
    """Compute from the files what the disk has to hold.

    Raises:
        LogDamaged: A segment cannot be read.
        OSError: Nor can the folder.
    """
    paths = segment_paths(folder)
    free = shutil.disk_usage(folder).free
    size = sum(path.stat().st_size for path in paths)
    first = _span(paths[:1])[0]
    began, ended, written = _span(paths[-_RECENT:])
    rate = written * _DAY // max(ended - began, _SHORTEST)
    return Retention(first, size, rate, free, free / max(rate, 1))


def _span(paths: list[Path]) -> tuple[int, int, int]:
    """Times of the first and last entry of some segments, and their bytes."""
    first = last = b""
    written = 0
    for path in paths:
        end = 0
        try:
            for frame in read_frames(path):
                end = frame.end
                if frame.kind == ENTRY:
                    first, last = first or frame.payload, frame.payload
        except FrameError as error:
            if path != paths[-1]:
                raise LogDamaged(f"{path}: {error}") from error
        written += end
    if not first:
        return 0, 0, written
    return decode_entry(first).time, decode_entry(last).time, written
