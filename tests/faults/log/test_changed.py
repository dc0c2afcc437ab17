"""Segments that were changed, cut or put back: found, and never mended."""

import shutil
from pathlib import Path

import pytest

from clawlaw.evidence.errors import EvidenceError, LogBehind, LogDamaged
from clawlaw.evidence.frame import HEADER_SIZE
from clawlaw.evidence.log import Log
from clawlaw.evidence.note import Checkpoint
from clawlaw.evidence.segment import read_frames, segment_paths
from clawlaw.evidence.verify import verify

from .writer import ORIGIN, entry, open_log

# First byte of each field of a frame, and of its payload.
FIELDS = {
    "magic": 0, "kind": 4, "last": 5, "zero": 6, "length": 8, "segment": 12,
    "offset": 16, "batch": 24, "entry": 32, "link": 40, "checksum": 72,
    "payload": HEADER_SIZE,
}  # fmt: skip
COUNT = 120


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A log of several segments, the last one as a killed writer leaves it."""
    folder = tmp_path / "log"
    log = open_log(folder)
    for number in range(COUNT):
        log.append([entry(number)])
    shutil.copytree(folder, tmp_path / "copy")
    log.close()
    shutil.rmtree(folder)
    (tmp_path / "copy").rename(folder)
    for path in segment_paths(folder):
        path.chmod(0o600)
    return folder


def _everything(folder: Path) -> list[bytes]:
    with open_log(folder) as log:
        return [data for _, data in log.read()]


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("which", ["first", "middle", "last"])
@pytest.mark.parametrize("frame", [0, 1, -2])
def test_a_flipped_bit_in_any_field_is_found(
    folder: Path, which: str, field: str, frame: int
) -> None:
    paths = segment_paths(folder)
    path = {"first": paths[0], "middle": paths[len(paths) // 2], "last": paths[-1]}[
        which
    ]
    start = list(read_frames(path))[frame].place.offset
    data = bytearray(path.read_bytes())
    data[start + FIELDS[field]] ^= 0x20
    path.write_bytes(data)
    assert not verify(paths).intact
    with pytest.raises(LogDamaged):
        _everything(folder)
    assert path.read_bytes() == data


@pytest.mark.parametrize("field", FIELDS)
def test_the_last_frame_changed_is_not_read_as_it_was(folder: Path, field: str) -> None:
    """An interrupted write may leave the same: it is kept aside, not believed."""
    path = segment_paths(folder)[-1]
    last = list(read_frames(path))[-1]
    data = bytearray(path.read_bytes())
    data[last.place.offset + FIELDS[field]] ^= 0x20
    path.write_bytes(data)
    assert not verify(segment_paths(folder)).intact
    assert _everything(folder) == [entry(number) for number in range(COUNT - 1)]
    assert path.with_suffix(".torn").exists()


@pytest.mark.parametrize("field", [*FIELDS, "end"])
def test_a_closed_segment_cut_anywhere_is_damage(folder: Path, field: str) -> None:
    path = segment_paths(folder)[0]
    frames = list(read_frames(path))
    at = frames[3].end if field == "end" else frames[3].place.offset + FIELDS[field]
    path.write_bytes(path.read_bytes()[:at])
    assert not verify(segment_paths(folder)).intact
    with pytest.raises(LogDamaged):
        _everything(folder)


@pytest.mark.parametrize("field", [*FIELDS, "end"])
def test_the_open_segment_cut_anywhere_is_behind_what_was_witnessed(
    folder: Path, field: str
) -> None:
    """Cut at its end: the files alone cannot tell, and the witness can."""
    report = verify(segment_paths(folder))
    head = Checkpoint(ORIGIN, report.entries, report.root)
    path = segment_paths(folder)[-1]
    frame = list(read_frames(path))[-2]
    at = frame.end if field == "end" else frame.place.offset + FIELDS[field]
    path.write_bytes(path.read_bytes()[:at])
    before = path.read_bytes()
    with pytest.raises(LogBehind, match="were witnessed"):
        open_log(folder, minimum=head)
    assert path.read_bytes() == before
    assert not path.with_suffix(".torn").exists()
    with open_log(folder) as log:
        assert log.size < COUNT


def test_a_snapshot_put_back_is_behind(folder: Path, tmp_path: Path) -> None:
    snapshot = tmp_path / "snapshot"
    shutil.copytree(folder, snapshot)
    with open_log(folder) as log:
        log.append([entry(log.size)])
        head = Checkpoint(ORIGIN, log.size, log.root())
    shutil.rmtree(folder)
    snapshot.rename(folder)
    with pytest.raises(LogBehind, match=f"{COUNT} entries, but {COUNT + 1}"):
        open_log(folder, minimum=head)
    with open_log(folder) as log:  # the history then goes another way
        log.append([b"another"])
    with pytest.raises(LogBehind, match="not those that were witnessed"):
        open_log(folder, minimum=head)


@pytest.mark.parametrize("which", [0, 2, -1])
def test_a_segment_that_is_gone_or_empty_is_damage(folder: Path, which: int) -> None:
    path = segment_paths(folder)[which]
    path.write_bytes(b"")
    with pytest.raises(LogDamaged):
        _everything(folder)
    path.unlink()
    if which == -1:  # the end is missing: only a witness can tell
        assert len(_everything(folder)) < COUNT
    else:
        with pytest.raises(EvidenceError):
            _everything(folder)


def test_garbage_beside_the_segments_is_left_alone(folder: Path) -> None:
    (folder / "notes.txt").write_text("x")
    (folder / "spare").write_bytes(b"half a spare")
    (folder / "spare.new").write_bytes(b"y")
    log: Log
    with open_log(folder) as log:
        assert log.size == COUNT
    assert (folder / "notes.txt").read_text() == "x"
