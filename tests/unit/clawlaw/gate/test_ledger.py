"""Numbers, times and failures of what is on its way to the log."""

from collections.abc import Iterator, Sequence

import pytest

from clawlaw.evidence.schema import Closed, EntryError, decode_entry
from clawlaw.gate.ledger import GateClock, Ledger


class Log:
    """An in-memory double that counts appends."""

    def __init__(self, *, off: int = 0) -> None:
        self.entries: list[bytes] = []
        self.broken = False
        self.off = off

    @property
    def size(self) -> int:
        return len(self.entries)

    def append(self, payloads: Sequence[bytes]) -> int:
        if self.broken:
            raise OSError(5, "Input/output error")
        first = len(self.entries)
        self.entries += payloads
        return first + self.off

    def read(self, start: int = 0) -> Iterator[tuple[int, bytes]]:
        return iter(list(enumerate(self.entries))[start:])


def test_entries_are_numbered_over_batches_and_never_older() -> None:
    log, times = Log(), iter([50, 40, 60, 60])
    ledger = Ledger(log, lambda: next(times), "boot")
    assert ledger.add(Closed("a"), Closed("b")) == 0
    assert ledger.flush()
    assert ledger.add(Closed("c")) == 2
    assert ledger.add(Closed("d")) == 3
    assert ledger.pending == 2
    assert ledger.flush()
    entries = [decode_entry(payload) for payload in log.entries]
    assert [e.seq for e in entries] == [0, 1, 2, 3]
    assert [e.time for e in entries] == [50, 50, 50, 60]


def test_what_cannot_be_encoded_leaves_nothing_behind() -> None:
    ledger = Ledger(Log(), lambda: 1, "boot")
    with pytest.raises(EntryError):
        ledger.add(Closed("good"), Closed("\ud800"))
    with pytest.raises(EntryError, match="bytes"):
        ledger.add(Closed("x" * (9 << 20)))
    assert ledger.pending == 0
    assert ledger.next == 0


def test_a_failure_is_for_ever() -> None:
    log = Log()
    ledger = Ledger(log, lambda: 1, "boot")
    log.broken = True
    ledger.add(Closed("a"))
    assert not ledger.flush()
    assert "Input/output error" in ledger.latched
    log.broken = False
    assert not ledger.flush()
    assert log.size == 0


def test_a_log_that_someone_else_writes_to_latches() -> None:
    ledger = Ledger(Log(off=3), lambda: 1, "boot")
    ledger.add(Closed("a"))
    assert not ledger.flush()
    assert "at 3" in ledger.latched


def test_the_clock_goes_on_when_the_wall_is_set_back() -> None:
    wall, steady = [1_000_000_000_000_000_000], [0]
    clock = GateClock(lambda: wall[0], lambda: steady[0])
    begin = clock()
    wall[0] -= 3_600_000_000_000  # an hour back
    steady[0] += 2_000_000_000
    assert clock() == begin + 2000
    wall[0] += 7_200_000_000_000
    assert clock() == begin + 3_600_000
    clock.not_before(begin + 9_000_000)
    assert clock() == begin + 9_000_000
