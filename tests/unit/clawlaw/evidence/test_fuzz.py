"""No bytes in a folder or an entry raise anything but the errors that are named."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clawlaw.evidence.errors import EvidenceError
from clawlaw.evidence.frame import ENDS, ENTRY, OPENS, Place, encode_frame
from clawlaw.evidence.log import Log
from clawlaw.evidence.note import Signer
from clawlaw.evidence.reader import entries, last_segment
from clawlaw.evidence.schema import (
    Closed,
    Entry,
    EntryError,
    decode_entry,
    encode_entry,
)
from clawlaw.evidence.segment import segment_path, segment_paths
from clawlaw.evidence.verify import verify

from .conftest import ORIGIN, SMALL, Writer, decided


@pytest.fixture(scope="module")
def segments(
    tmp_path_factory: pytest.TempPathFactory, signer: Signer
) -> tuple[Path, list[bytes]]:
    """A log's files, to be changed and written to one folder again and again."""
    folder = tmp_path_factory.mktemp("fuzz")
    with Log.open(folder, ORIGIN, signer, segment_bytes=SMALL) as log:
        writer = Writer(log)
        for number in range(12):
            writer.write(decided(number), Closed("s"))
    paths = segment_paths(folder)
    return folder, [path.read_bytes() for path in paths]


def _read(folder: Path) -> None:
    for read in (lambda: last_segment(folder), lambda: list(entries(folder))):
        said = str(folder)
        try:
            read()
        except EvidenceError as error:
            said = str(error)
        assert str(folder) in said
    verify(segment_paths(folder))


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clawlaw.evidence.verify._PAUSE", 0.0)


edits = st.lists(
    st.tuples(
        st.integers(0, 20_000),
        st.sampled_from(["flip", "cut", "insert", "repeat"]),
        st.binary(min_size=1, max_size=90),
    ),
    min_size=1,
    max_size=4,
)


def _edited(data: bytes, changes: list[tuple[int, str, bytes]]) -> bytes:
    for at, how, text in changes:
        place = at % (len(data) + 1)
        before, after = data[:place], data[place:]
        if how == "flip":
            data = before + text + after[len(text) :]
        elif how == "cut":
            data = before + after[len(text) :]
        elif how == "insert":
            data = before + text + after
        else:
            data = before + before[-len(text) * 8 :] + after
    return data


@settings(max_examples=150, deadline=None)
@given(which=st.integers(0, 20), changes=edits)
def test_no_change_of_a_segment_breaks_a_reader(
    segments: tuple[Path, list[bytes]],
    which: int,
    changes: list[tuple[int, str, bytes]],
) -> None:
    folder, whole = segments
    for number, data in enumerate(whole):
        path = segment_path(folder, number)
        path.unlink(missing_ok=True)
        changed = number == which % len(whole)
        path.write_bytes(_edited(data, changes) if changed else data)
    _read(folder)


places = st.builds(
    Place, st.integers(0, 3), st.integers(0, 300), st.integers(0, 3), st.integers(0, 3)
)


@settings(max_examples=150, deadline=None)
@given(
    frames=st.lists(
        st.tuples(
            st.sampled_from([OPENS, ENTRY, ENDS]),
            places,
            st.sampled_from([bytes(32), b"\xff" * 32]),
            st.one_of(
                st.binary(max_size=80),
                st.just(b'{"version":1,"origin":"x","frontier":"0000000000000000"}'),
                st.just(b'{"version":1,"origin":"x","frontier":"zz"}'),
            ),
            st.booleans(),
        ),
        max_size=4,
    )
)
def test_no_frames_in_any_order_break_a_reader(
    tmp_path_factory: pytest.TempPathFactory,
    frames: list[tuple[int, Place, bytes, bytes, bool]],
) -> None:
    """Frames with right checksums, by someone who can compute these."""
    folder = tmp_path_factory.mktemp("forged")
    data = b""
    for kind, place, link, payload, last in frames:
        here = place._replace(offset=len(data))
        data += encode_frame(kind, here, link, payload, last=last)[0] + payload
    segment_path(folder, 0).write_bytes(data)
    _read(folder)


@given(st.one_of(st.binary(max_size=200), st.text(max_size=200).map(str.encode)))
def test_no_bytes_break_the_decoder_of_entries(data: bytes) -> None:
    with pytest.raises(EntryError):
        decode_entry(data)


@given(st.integers(0, 5_000), st.binary(min_size=1, max_size=8))
def test_a_changed_entry_is_another_or_none(at: int, text: bytes) -> None:
    data = encode_entry(Entry(1, 0, 1_790_000_000_000, "b", decided(1)))
    place = at % len(data)
    changed = data[:place] + text + data[place + len(text) :]
    try:
        entry = decode_entry(changed)
    except EntryError:
        return
    encode_entry(entry)
