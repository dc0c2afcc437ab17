"""Counts of denials that the log could not take, kept beside it until it can.

Not evidence: a file that the next start turns into entries. Where it cannot be written
either, the counts are in the gate's own log lines alone.
"""

from pathlib import Path

import msgspec

from clawlaw.evidence.schema import Summary
from clawlaw.gate.journal import note

NAME = "unrecorded.json"


class Unrecorded:
    """The file of one gate."""

    def __init__(self, folder: str) -> None:
        """Keep it in a folder; "": nowhere."""
        self._path = Path(folder, NAME) if folder else None

    def read(self) -> list[Summary]:
        """What the run before could not record."""
        if self._path is None or not self._path.exists():
            return []
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=list[Summary])
        except (OSError, msgspec.DecodeError) as error:
            note("counts lost", file=str(self._path), error=str(error))
            return []

    def keep(self, summaries: tuple[Summary, ...]) -> None:
        """Write what this run could not record."""
        if not summaries:
            return
        note("not recorded", counts={s.reason: s.count for s in summaries})
        if self._path is None:
            return
        try:
            self._path.write_bytes(msgspec.json.encode(summaries))
        except OSError as error:
            note("counts lost", file=str(self._path), error=str(error))

    def forget(self) -> None:
        """They are recorded now."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)
