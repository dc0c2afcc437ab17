"""Lag counts from cosignatures that were verified, and from nothing else."""

from collections.abc import Callable

import pytest

from clawlaw.core.merkle import leaf_hash, tree_root
from clawlaw.evidence.errors import EvidenceError, NoteError
from clawlaw.evidence.lag import WitnessLag, last_witnessed
from clawlaw.evidence.note import Checkpoint, Signer, cosign, sign

ORIGIN = "gate.test/log"
LIMIT = 1000  # milliseconds
LEAVES = [leaf_hash(str(n).encode()) for n in range(40)]

type MakeSigner = Callable[[str, int], Signer]


class Case:
    """A log, three witnesses of which two are needed."""

    def __init__(self, signer: MakeSigner) -> None:
        self.log = signer(ORIGIN, 1)
        self.witnesses = [signer(f"w{n}.test", n) for n in (2, 3, 4)]
        verifiers = [w.cosigner for w in self.witnesses]
        self.lag = WitnessLag(self.log.verifier, verifiers, 2, LIMIT)

    def head(self, size: int, log: Signer | None = None) -> bytes:
        head = Checkpoint(ORIGIN, size, tree_root(LEAVES[:size]))
        return sign(head, log or self.log)

    def seen(self, size: int, *by: int) -> bool:
        note = self.head(size)
        for number in by:
            note = cosign(note, self.witnesses[number], 7)
        return self.lag.seen(note)


@pytest.fixture
def case(signer: MakeSigner) -> Case:
    return Case(signer)


def test_lag_is_the_age_of_the_oldest_head_that_waits(case: Case) -> None:
    assert case.lag.lag(9_000) == 0
    case.lag.signed(case.head(3), 10_000)
    case.lag.signed(case.head(5), 10_600)
    assert case.lag.lag(10_900) == 900
    assert case.lag.late(11_000) == ""
    assert "1001 ms behind" in case.lag.late(11_001)
    assert case.seen(3, 0, 1)
    assert case.lag.lag(11_001) == 401
    assert case.seen(5, 1, 2)
    assert case.lag.lag(99_000) == 0
    assert case.lag.witnessed == Checkpoint(ORIGIN, 5, tree_root(LEAVES[:5]))


def test_later_head_covers_the_earlier(case: Case) -> None:
    case.lag.signed(case.head(3), 10_000)
    case.lag.signed(case.head(5), 10_600)
    assert case.seen(5, 0, 2)
    assert case.lag.lag(99_000) == 0


def test_too_few_witnesses_are_none(case: Case) -> None:
    case.lag.signed(case.head(3), 10_000)
    assert not case.seen(3)
    assert not case.seen(3, 0)
    assert not case.seen(3, 0, 0)
    assert case.lag.late(20_000)
    assert case.lag.witnessed is None


def test_forged_cosignature_counts_for_nothing(case: Case, signer: MakeSigner) -> None:
    case.lag.signed(case.head(3), 10_000)
    forged = cosign(case.head(3), signer("w2.test", 99), 7)
    assert not case.lag.seen(cosign(forged, case.witnesses[1], 7))
    broken = cosign(case.head(3), case.witnesses[0], 7).replace(b"\n3\n", b"\n4\n")
    with pytest.raises(NoteError):
        case.lag.seen(broken)
    assert case.lag.late(20_000)


def test_note_that_the_log_did_not_sign_is_refused(
    case: Case, signer: MakeSigner
) -> None:
    note = case.head(3, signer(ORIGIN, 98))
    for number in (0, 1):
        note = cosign(note, case.witnesses[number], 7)
    with pytest.raises(NoteError, match="log itself did not sign"):
        case.lag.seen(note)


def test_witnessed_head_of_another_history_stops_all(case: Case) -> None:
    other = sign(Checkpoint(ORIGIN, 3, tree_root(LEAVES[5:8])), case.log)
    case.lag.signed(case.head(3), 10_000)
    for number in (0, 1):
        other = cosign(other, case.witnesses[number], 7)
    case.lag.seen(other)
    assert "another log of size 3" in case.lag.late(10_000)


def test_old_head_brought_again_changes_nothing(case: Case) -> None:
    case.seen(9, 0, 1)
    case.seen(3, 0, 1)
    case.lag.signed(case.head(5), 10_000)
    assert case.lag.lag(99_000) == 0
    assert case.lag.witnessed is not None
    assert case.lag.witnessed.size == 9


def test_witnesses_are_enough_and_distinct(signer: MakeSigner) -> None:
    log, one, two = signer(ORIGIN, 1), signer("a.test", 2), signer("b.test", 3)
    for witnesses, needed in [
        ([], 0),
        ([], 1),
        ([one.cosigner], 2),
        ([one.cosigner, one.cosigner], 2),
        ([one.cosigner, signer("c.test", 2).cosigner], 2),
        ([one.cosigner, signer("a.test", 5).cosigner], 1),
        ([signer(ORIGIN, 4).cosigner], 1),
    ]:
        with pytest.raises(EvidenceError, match="witnesses are needed"):
            WitnessLag(log.verifier, witnesses, needed, LIMIT)
    with pytest.raises(EvidenceError, match="that of its cosignatures"):
        WitnessLag(log.verifier, [one.cosigner, two.verifier], 1, LIMIT)


def test_log_that_went_back_is_late_at_once(case: Case) -> None:
    case.seen(9, 0, 1)
    case.lag.signed(case.head(5), 10_000)
    assert "saw 9 entries and this log signed 5" in case.lag.late(10_000)
    case.lag.signed(case.head(9), 10_000)
    assert case.lag.late(10_000) == ""


def test_log_that_went_back_and_grew_again_stays_denied(case: Case) -> None:
    """It outgrows what the witnesses saw, and still never had that head."""
    roots = {9: tree_root(LEAVES[:8] + LEAVES[20:21])}
    verifiers = [w.cosigner for w in case.witnesses]
    case.lag = WitnessLag(case.log.verifier, verifiers, 2, LIMIT, roots.__getitem__)
    case.lag.signed(case.head(5), 10_000)
    case.seen(9, 0, 1)
    assert "it went back" in case.lag.late(10_000)
    case.lag.signed(case.head(12), 10_100)
    assert "another log of size 9" in case.lag.late(10_100)
    assert "another log of size 9" in case.lag.late(10_100)


def test_witnessed_head_that_nobody_told_of_is_looked_up_once(case: Case) -> None:
    asked: list[int] = []

    def root(size: int) -> bytes:
        asked.append(size)
        return tree_root(LEAVES[:size])

    verifiers = [w.cosigner for w in case.witnesses]
    case.lag = WitnessLag(case.log.verifier, verifiers, 2, LIMIT, root)
    case.lag.signed(case.head(5), 10_000)
    case.seen(5, 0, 1)  # told of: nothing is looked up
    assert case.lag.late(10_000) == ""
    case.lag.signed(case.head(12), 10_000)
    case.seen(9, 0, 1)
    for _ in range(3):
        assert case.lag.late(10_000) == ""
    assert asked == [9]


def test_head_to_extend_is_one_that_enough_witnesses_signed(case: Case) -> None:
    verifiers = [w.cosigner for w in case.witnesses]
    note = cosign(case.head(3), case.witnesses[0], 7)
    with pytest.raises(NoteError, match="fewer than 2"):
        last_witnessed(note, case.log.verifier, verifiers, 2)
    note = cosign(note, case.witnesses[2], 7)
    found = last_witnessed(note, case.log.verifier, verifiers, 2)
    assert found == Checkpoint(ORIGIN, 3, tree_root(LEAVES[:3]))
