"""Entries on their way to the log: numbered, timed, encoded, written as one batch.

What is added waits in memory; `flush` appends all of it with one write and one sync.
Nothing that rests on an entry may leave the gate before its flush has returned true.
The first append that fails latches the ledger for the rest of the process: memory may
then hold what the log does not, so nothing is allowed any more.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Literal, Protocol

from clawlaw.evidence.frame import MAX_PAYLOAD
from clawlaw.evidence.schema import (
    ENTRY_VERSION,
    AnyBody,
    Entry,
    EntryError,
    Summary,
    encode_entry,
)

SUMMARY_AFTER = 1_000  # milliseconds that denials without an entry are gathered for

type Uncounted = Literal["overload", "latched", "malformed"]


class EntryLog(Protocol):
    """An append-only log of bytes."""

    @property
    def size(self) -> int:
        """Entries in it."""

    def append(self, payloads: Sequence[bytes]) -> int:
        """Write and sync; index of the first.

        Raises:
            Exception: Anything that was raised leaves the log unusable.
        """

    def read(self, start: int = 0) -> Iterator[tuple[int, bytes]]:
        """Index and bytes of every entry from `start`."""


class RootedLog(EntryLog, Protocol):
    """One whose entries have a root."""

    def root(self) -> bytes:
        """Root of the tree over them, 32 bytes."""

    def after(self, size: int, root: bytes) -> Iterator[tuple[int, bytes]]:
        """Entries from `size`, where those before have that root.

        Raises:
            ClawLawError: They have not.
        """


class GateClock:
    """Milliseconds since the epoch that never go back and never stand still.

    The wall clock may be set back by hours; it then counts on from where it was by
    the monotonic clock, so that deadlines still pass. Set forward, it follows.
    """

    def __init__(
        self,
        wall: Callable[[], int] = time.time_ns,
        steady: Callable[[], int] = time.monotonic_ns,
        *,
        least: int = 0,
    ) -> None:
        """Start at the wall's time, or at `least` milliseconds where that is later."""
        self._wall = wall
        self._steady = steady
        self._last = least * 1_000_000
        self._at = steady()

    def __call__(self) -> int:
        """Milliseconds since the epoch."""
        at = self._steady()
        self._last = max(self._wall(), self._last + max(at - self._at, 0))
        self._at = at
        return self._last // 1_000_000

    def not_before(self, milliseconds: int) -> None:
        """Go on from a time that is known to have been."""
        self._last = max(self._last, milliseconds * 1_000_000)


class Ledger:
    """The one writer of entries.

    Attributes:
        boot: Names this run of the gate.
        latched: Why nothing can be recorded any more; "" where it can.
        last: Latest time that was told, milliseconds; never before `newest`.
        newest: Time of the newest entry.
        pending: Entries that wait for a flush.
        unrecorded: Denials of this run without an entry each, by reason.
    """

    def __init__(self, log: EntryLog, clock: Callable[[], int], boot: str) -> None:
        """Continue the log."""
        self.boot = boot
        self.latched = ""
        self.last = self.newest = 0
        self._log = log
        self._clock = clock
        self._batch: list[bytes] = []
        self._size = log.size
        self.unrecorded: dict[str, int] = {}
        self._summaries: dict[Uncounted, tuple[int, int, int]] = {}

    @property
    def pending(self) -> int:
        """Entries that wait for a flush."""
        return len(self._batch)

    @property
    def next(self) -> int:
        """Index that the next entry gets."""
        return self._size + len(self._batch)

    def went(self, newest: int) -> None:
        """Go on after an entry of the log that has this time."""
        self.last = self.newest = newest

    def now(self) -> int:
        """Milliseconds since the epoch, never before the newest entry's."""
        self.last = max(self._clock(), self.last)
        return self.last

    def add(self, *bodies: AnyBody) -> int:
        """Put entries into the batch, all or none.

        Returns:
            Index of the first.

        Raises:
            EntryError: One has no canonical form, or is too long.
        """
        first = self.next
        self.newest = now = self.now()
        encoded = [
            encode_entry(Entry(ENTRY_VERSION, first + i, now, self.boot, body))
            for i, body in enumerate(bodies)
        ]
        if max(map(len, encoded)) > MAX_PAYLOAD:
            raise EntryError(f"an entry has at most {MAX_PAYLOAD} bytes")
        self._batch += encoded
        return first

    def uncounted(self, reason: Uncounted, now: int, count: int = 1) -> None:
        """Count denials that get no entry of their own."""
        self.unrecorded[reason] = self.unrecorded.get(reason, 0) + count
        before, first, _ = self._summaries.get(reason, (0, now, now))
        self._summaries[reason] = (before + count, first, now)

    def summaries(self) -> tuple[Summary, ...]:
        """What was counted and is not in the log yet."""
        return tuple(
            Summary(reason, count, first, last)
            for reason, (count, first, last) in sorted(self._summaries.items())
        )

    def summarise(self, now: int, *, all_of_it: bool = False) -> None:
        """Put what was counted into the batch, once it was gathered for a while."""
        for body in self.summaries():
            if all_of_it or now - body.first >= SUMMARY_AFTER:
                self.add(body)
                del self._summaries[body.reason]

    def flush(self) -> bool:
        """Write and sync the batch.

        Returns:
            Whether every entry of it is durable. Once false, always false.
        """
        if self.latched:
            return False
        if not self._batch:
            return True
        try:
            first = self._log.append(self._batch)
        except Exception as error:  # noqa: BLE001  # whatever it is, nothing was recorded
            self.latched = f"{type(error).__name__}: {error}"
            return False
        if first != self._size:
            self.latched = f"the log put entry {self._size} at {first}"
            return False
        self._size += len(self._batch)
        self._batch = []
        return True


__all__ = ["EntryError", "EntryLog", "GateClock", "Ledger", "RootedLog", "Uncounted"]
