"""The log: appends, restarts, segments, heads."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clawlaw.core.merkle import leaf_hash, tree_root
from clawlaw.evidence.errors import (
    EvidenceError,
    LogBehind,
    LogBusy,
    LogDamaged,
    LogLatched,
)
from clawlaw.evidence.frame import HEADER_SIZE, MAX_PAYLOAD
from clawlaw.evidence.log import Log
from clawlaw.evidence.note import Checkpoint, Signer, open_note
from clawlaw.evidence.segment import segment_path, segment_paths

from .conftest import ORIGIN, SMALL, Opener, payloads


def _root(entries: list[bytes]) -> bytes:
    return tree_root([leaf_hash(entry) for entry in entries])


def test_what_is_appended_is_read_in_order(open_log: Opener) -> None:
    entries = payloads(7)
    with open_log() as log:
        assert log.append(entries[:3]) == 0
        assert log.append(entries[3:]) == 3
        assert log.size == 7
        assert list(log.read()) == list(enumerate(entries))
        assert list(log.read(5)) == [(5, entries[5]), (6, entries[6])]
        assert list(log.read(7)) == []
        assert log.root() == _root(entries)


@pytest.mark.parametrize("known", [0, 1, 57, 100, 119, 120])
def test_entries_after_a_known_head_are_given(open_log: Opener, known: int) -> None:
    entries = payloads(120)
    with open_log(segment_bytes=SMALL) as log:
        for start in range(0, 120, 3):
            log.append(entries[start : start + 3])
        root = _root(entries[:known])
        assert list(log.after(known, root)) == list(enumerate(entries))[known:]
        with pytest.raises(LogBehind, match="are others"):
            log.after(known, b"r" * 32)
        with pytest.raises(LogBehind, match="fewer than 121"):
            log.after(121, root)


def test_a_log_goes_on_where_it_ended(open_log: Opener, folder: Path) -> None:
    entries = payloads(6)
    for start in range(0, 6, 2):
        with open_log() as log:
            assert log.clean
            assert log.append(entries[start : start + 2]) == start
    with open_log() as log:
        assert list(log.read()) == list(enumerate(entries))
        assert log.root() == _root(entries)
    assert len(segment_paths(folder)) == 4


def test_segments_are_full_before_the_next_begins(
    open_log: Opener, folder: Path
) -> None:
    entries = payloads(300)
    with open_log(segment_bytes=SMALL) as log:
        for start in range(0, 300, 3):
            log.append(entries[start : start + 3])
        assert list(log.read(250)) == list(enumerate(entries))[250:]
        assert log.root() == _root(entries)
    paths = segment_paths(folder)
    assert len(paths) > 10
    assert all(path.stat().st_size <= SMALL for path in paths)
    assert {path.stat().st_mode & 0o777 for path in paths} == {0o400}
    with open_log() as log:
        assert log.clean
        assert list(log.read()) == list(enumerate(entries))


def test_a_batch_larger_than_a_segment_is_one_batch(open_log: Opener) -> None:
    entries = payloads(5, size=3000)
    with open_log(segment_bytes=SMALL) as log:
        log.append(entries[:1])
        log.append(entries[1:])
        log.append(entries[:1])
    with open_log(segment_bytes=SMALL) as log:
        assert list(log.read()) == list(enumerate([*entries, entries[0]]))


def test_files_are_for_the_owner_alone(open_log: Opener, folder: Path) -> None:
    with open_log() as log:
        log.append(payloads(1))
        modes = {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()}
    assert folder.stat().st_mode & 0o777 == 0o700
    assert all(mode & 0o077 == 0 for mode in modes.values()), modes


def test_a_second_writer_is_refused(open_log: Opener) -> None:
    with open_log() as log:
        log.append(payloads(1))
        with pytest.raises(LogBusy, match="another process"):
            open_log()
        log.append(payloads(1))
    with open_log() as log:
        assert log.size == 2


def test_another_logs_folder_is_refused(open_log: Opener) -> None:
    open_log().close()
    with pytest.raises(EvidenceError, match=r"this is the log 'forge\.test/gate'"):
        open_log(origin="forge.test/other")


@pytest.mark.parametrize("bad", [[], [b"x" * (MAX_PAYLOAD + 1)]], ids=["none", "long"])
def test_a_batch_that_cannot_be_is_refused_and_changes_nothing(
    open_log: Opener, bad: list[bytes]
) -> None:
    with open_log() as log:
        log.append(payloads(1))
        with pytest.raises(EvidenceError, match="at most"):
            log.append(bad)
        assert not log.latched
        assert log.append(payloads(1)) == 1


def test_a_closed_log_takes_nothing(open_log: Opener) -> None:
    log = open_log()
    log.close()
    log.close()
    with pytest.raises(LogLatched, match="closed"):
        log.append(payloads(1))


def test_a_failed_write_latches(open_log: Opener) -> None:
    log = open_log()
    log.append(payloads(2))
    os.close(log._fd)
    log._fd = os.open(os.devnull, os.O_RDONLY)
    with pytest.raises(LogLatched, match="evidence cannot be written: Bad file"):
        log.append(payloads(1))
    with pytest.raises(LogLatched, match="then restart"):
        log.append(payloads(1))
    with pytest.raises(LogLatched):
        log.checkpoint()
    assert log.size == 2
    log.close()
    with open_log() as again:
        assert not again.clean
        assert list(again.read()) == list(enumerate(payloads(2)))


def test_a_checkpoint_is_the_signed_head(open_log: Opener, signer: Signer) -> None:
    entries = payloads(5)
    with open_log() as log:
        log.append(entries)
        signed = open_note(log.checkpoint(), [signer.verifier])
    assert signed.checkpoint == Checkpoint(ORIGIN, 5, _root(entries))


@pytest.mark.parametrize("size", [0, 1, 4, 9, 10])
def test_a_log_that_extends_what_was_witnessed_opens(
    open_log: Opener, size: int
) -> None:
    entries = payloads(10, size=900)
    with open_log(segment_bytes=SMALL) as log:
        for entry in entries:
            log.append([entry])
    minimum = Checkpoint(ORIGIN, size, _root(entries[:size]))
    with open_log(minimum=minimum) as log:
        assert log.size == 10


def test_a_log_that_is_behind_is_left_as_it_is(open_log: Opener, folder: Path) -> None:
    entries = payloads(4)
    with open_log() as log:
        log.append(entries)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    longer = Checkpoint(ORIGIN, 5, _root(payloads(5)))
    with pytest.raises(LogBehind, match="4 entries, but 5 were witnessed"):
        open_log(minimum=longer)
    other = Checkpoint(ORIGIN, 4, _root(payloads(4, start=1)))
    with pytest.raises(LogBehind, match="not those that were witnessed"):
        open_log(minimum=other)
    with pytest.raises(LogBehind, match="the checkpoint is of"):
        open_log(minimum=other._replace(origin="x"))
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_log_that_was_removed_is_behind(open_log: Opener) -> None:
    minimum = Checkpoint(ORIGIN, 1, _root(payloads(1)))
    with pytest.raises(LogBehind, match="0 entries, but 1"):
        open_log(minimum=minimum)


def _interrupted(open_log: Opener, folder: Path, entries: list[bytes]) -> Path:
    """A log whose writer went away without a word; its last segment."""
    log = open_log()
    log.append(entries[:-1])
    log.append(entries[-1:])
    os.close(log._fd)
    os.close(log._lock)
    return segment_paths(folder)[-1]


@pytest.mark.parametrize("cut", [1, 50, HEADER_SIZE, HEADER_SIZE + 99])
def test_a_torn_tail_is_kept_aside(open_log: Opener, folder: Path, cut: int) -> None:
    entries = payloads(4)
    path = _interrupted(open_log, folder, entries)
    data = path.read_bytes().rstrip(b"\0")
    torn = data[-(HEADER_SIZE + 100) :][:cut]
    path.write_bytes(data[: -(HEADER_SIZE + 100)] + torn + bytes(200))
    with open_log() as log:
        assert not log.clean
        assert list(log.read()) == list(enumerate(entries[:3]))
        assert log.set_aside == path.with_suffix(".torn")
        assert log.set_aside.read_bytes() == torn.rstrip(b"\0")
        assert log.append(entries[3:]) == 3
    with open_log() as log:
        assert log.clean
        assert list(log.read()) == list(enumerate(entries))


def test_whole_frames_of_a_torn_batch_are_kept(open_log: Opener, folder: Path) -> None:
    log = open_log()
    log.append(payloads(3))
    os.close(log._fd)
    os.close(log._lock)
    path = segment_paths(folder)[-1]
    path.write_bytes(path.read_bytes().rstrip(b"\0")[:-30])
    with open_log() as again:
        assert list(again.read()) == list(enumerate(payloads(2)))
        again.append(payloads(1))
    with open_log() as again:
        assert again.size == 3


def test_a_change_before_synced_entries_is_damage(
    open_log: Opener, folder: Path
) -> None:
    path = _interrupted(open_log, folder, payloads(4))
    data = bytearray(path.read_bytes())
    data[data.index(b"entry 1")] ^= 1
    path.write_bytes(data)
    with pytest.raises(LogDamaged, match="no interruption explains it"):
        open_log()
    assert path.read_bytes() == data


def test_a_segment_that_is_missing_is_named(open_log: Opener, folder: Path) -> None:
    with open_log(segment_bytes=SMALL) as log:
        for entry in payloads(100):
            log.append([entry])
    segment_path(folder, 1).unlink()
    with pytest.raises(LogDamaged, match=r"expected 00000001\.seg here"):
        open_log()


def test_segments_that_changed_places_are_damage(
    open_log: Opener, folder: Path
) -> None:
    with open_log(segment_bytes=SMALL) as log:
        for entry in payloads(100):
            log.append([entry])
    first, second = segment_path(folder, 0), segment_path(folder, 1)
    swap = folder / "swap"
    first.rename(swap)
    second.rename(first)
    swap.rename(second)
    with open_log() as log, pytest.raises(LogDamaged):
        list(log.read())


def test_days_left_follow_from_the_rate(open_log: Opener) -> None:
    with open_log() as log:
        assert log.free_days(1) == pytest.approx(2 * log.free_days(2), rel=0.1)


def test_without_threads_segments_go_on(
    open_log: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr("threading.Thread.start", refuse)
    entries = payloads(100)
    with open_log(segment_bytes=SMALL) as log:
        for entry in entries:
            log.append([entry])
        assert list(log.read()) == list(enumerate(entries))


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.one_of(st.none(), st.lists(st.binary(max_size=600), min_size=1, max_size=5)),
        max_size=12,
    )
)
def test_any_batches_and_restarts_are_read_as_appended(
    tmp_path_factory: pytest.TempPathFactory,
    signer: Signer,
    steps: list[list[bytes] | None],
) -> None:
    folder = tmp_path_factory.mktemp("log")
    expected: list[bytes] = []
    log = Log.open(folder, ORIGIN, signer, segment_bytes=SMALL)
    for step in steps:
        if step is None:
            log.close()
            log = Log.open(folder, ORIGIN, signer, segment_bytes=SMALL)
            continue
        assert log.append(step) == len(expected)
        expected += step
        assert log.root() == _root(expected)
    log.close()
    with Log.open(folder, ORIGIN, signer, segment_bytes=SMALL) as again:
        assert list(again.read()) == list(enumerate(expected))
        assert again.root() == _root(expected)
