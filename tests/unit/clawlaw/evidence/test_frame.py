"""Frames: what is written is read, and nothing else is."""

from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clawlaw.core.merkle import leaf_hash
from clawlaw.evidence.frame import (
    ENTRY,
    FIRST_LINK,
    HEADER_SIZE,
    FrameError,
    Place,
    decode_frame,
    encode_frame,
)

PLACE = Place(3, 4096, 17, 99)
PAYLOAD = b'{"kind":"test"}'


def _frame(payload: bytes = PAYLOAD, *, last: bool = True) -> bytes:
    header, _, _ = encode_frame(ENTRY, PLACE, FIRST_LINK, payload, last=last)
    return header + payload


@given(st.binary(max_size=300), st.sampled_from([True, False]), st.binary(max_size=20))
def test_a_frame_is_read_as_it_was_written(
    payload: bytes, last: Literal[True, False], before: bytes
) -> None:
    header, leaf, digest = encode_frame(ENTRY, PLACE, FIRST_LINK, payload, last=last)
    frame = decode_frame(before + header + payload + b"next", len(before), PLACE.offset)
    assert frame.payload == payload
    assert frame.place == PLACE
    assert frame.last is last
    assert frame.leaf == leaf == leaf_hash(payload)
    assert frame.digest == digest
    assert frame.end == PLACE.offset + HEADER_SIZE + len(payload)


@pytest.mark.parametrize("at", range(HEADER_SIZE + len(PAYLOAD)))
def test_a_flipped_bit_in_any_byte_is_refused(at: int) -> None:
    data = bytearray(_frame())
    data[at] ^= 0x10
    with pytest.raises(FrameError):
        decode_frame(bytes(data), 0, PLACE.offset)


@pytest.mark.parametrize("size", range(HEADER_SIZE + len(PAYLOAD)))
def test_a_frame_that_is_cut_short_is_refused(size: int) -> None:
    with pytest.raises(FrameError) as caught:
        decode_frame(_frame()[:size], 0, PLACE.offset)
    assert caught.value.reason == "end"


def test_a_frame_does_not_pass_at_another_offset() -> None:
    with pytest.raises(FrameError, match="belongs to 4096"):
        decode_frame(_frame(), 0, 8192)


def test_digests_tell_every_field_apart() -> None:
    digests = {
        encode_frame(kind, place, link, payload, last=last)[2]
        for kind in (1, 2, 3)
        for place in (PLACE, PLACE._replace(batch=18), PLACE._replace(entry=100))
        for link in (FIRST_LINK, leaf_hash(b"before"))
        for payload in (PAYLOAD, b"")
        for last in (True, False)
    }
    assert len(digests) == 3 * 3 * 2 * 2 * 2


@given(st.binary(max_size=400), st.integers(0, 2**64 - 1))
def test_no_bytes_break_the_decoder(data: bytes, offset: int) -> None:
    with pytest.raises(FrameError):
        decode_frame(data, 0, offset)


@given(st.data())
def test_no_change_of_a_frame_breaks_the_decoder(data: st.DataObject) -> None:
    frame = bytearray(_frame())
    for _ in range(data.draw(st.integers(1, 4))):
        frame[data.draw(st.integers(0, len(frame) - 1))] = data.draw(
            st.integers(0, 255)
        )
    try:
        assert decode_frame(bytes(frame), 0, PLACE.offset).payload == PAYLOAD
    except FrameError:
        assert bytes(frame) != _frame()
