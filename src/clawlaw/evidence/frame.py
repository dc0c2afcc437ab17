"""Frames: how an entry lies in a segment file.

A frame is a header of `HEADER_SIZE` bytes and a payload. The header binds the payload
to its place, so that no frame passes for another one, or for itself elsewhere:

====== ===== ==========================================================
offset bytes content, big-endian
====== ===== ==========================================================
0      4     magic, ``CLF1``
4      1     kind: 1 opens a segment, 2 is an entry, 3 ends a segment
5      1     1 where the frame is the last of its batch, else 0
6      2     zero
8      4     bytes of the payload
12     4     number of the segment
16     8     offset of the frame in the segment file
24     8     number of the batch, from 0, over the whole log
32     8     entries in the log before this frame
40     32    link: digest of the frame before, over the whole log
72     4     CRC-32 of header (without this field) and payload
====== ===== ==========================================================

The digest of a frame is SHA-256 over its header and the leaf hash of its payload, so
that a payload is hashed once for the chain and for the tree. This module is pure.
"""

import struct
from hashlib import sha256
from typing import Final, NamedTuple
from zlib import crc32

from clawlaw.core.merkle import HASH_SIZE, leaf_hash
from clawlaw.evidence.errors import EvidenceError

MAGIC: Final = b"CLF1"
OPENS, ENTRY, ENDS = 1, 2, 3
_FIELDS: Final = struct.Struct(">4sBBHIIQQQ32s")
_CRC: Final = struct.Struct(">I")
HEADER_SIZE: Final = _FIELDS.size + _CRC.size
MAX_PAYLOAD: Final = 8 << 20  # bytes; a request is at most 1 MiB, a record a few times
FIRST_LINK: Final = bytes(HASH_SIZE)  # nothing is before the first frame


class FrameError(EvidenceError):
    """Bytes at an offset are not the frame that belongs there.

    Attributes:
        reason: "magic", "header", "length", "checksum", "place" or "end": what of it
            was wrong first.
    """

    def __init__(self, offset: int, reason: str, detail: str) -> None:
        """Name the place, the part that is wrong, and how."""
        super().__init__(f"offset {offset}: {detail}")
        self.offset = offset
        self.reason = reason


class Place(NamedTuple):
    """Where a frame belongs; part of what its link protects.

    Attributes:
        segment: Number of the segment.
        offset: Bytes from the start of its file.
        batch: Number of the batch.
        entry: Entries before it in the log: the index of an entry.
    """

    segment: int
    offset: int
    batch: int
    entry: int


class Frame(NamedTuple):
    """One frame as read.

    Attributes:
        kind: ``OPENS``, ``ENTRY`` or ``ENDS``.
        last: It completes its batch.
        link: Digest of the frame before.
        payload: Of an entry its bytes.
        leaf: Leaf hash of the payload.
        digest: What the next frame links to.
    """

    kind: int
    last: bool
    place: Place
    link: bytes
    payload: bytes
    leaf: bytes
    digest: bytes

    @property
    def end(self) -> int:
        """Offset of the next frame."""
        return self.place.offset + HEADER_SIZE + len(self.payload)


def encode_frame(
    kind: int, place: Place, link: bytes, payload: bytes, *, last: bool
) -> tuple[bytes, bytes, bytes]:
    """Header, leaf hash of the payload, and digest of the frame.

    Args:
        kind: ``OPENS``, ``ENTRY`` or ``ENDS``.
        place: Where it will lie.
        link: Digest of the frame before, ``HASH_SIZE`` bytes.
        payload: At most ``MAX_PAYLOAD`` bytes; the caller writes it after the header.
        last: It completes its batch.
    """
    fields = _FIELDS.pack(MAGIC, kind, last, 0, len(payload), *place, link)
    header = fields + _CRC.pack(crc32(payload, crc32(fields)))
    leaf = leaf_hash(payload)
    return header, leaf, sha256(header + leaf).digest()


def decode_frame(data: bytes | memoryview, at: int, offset: int) -> Frame:
    """Read the frame that begins at ``data[at]``.

    Args:
        data: Bytes of a segment, or of a part of one.
        at: Where the frame begins in them.
        offset: Where it begins in the file; a frame that says otherwise is refused.

    Raises:
        FrameError: No frame, or one that is changed, cut short or out of its place.
            Reason "end": the data ends before the frame does.
    """
    if len(data) - at < HEADER_SIZE:
        raise FrameError(offset, "end", f"{len(data) - at} bytes are no frame")
    fields = bytes(data[at : at + _FIELDS.size])
    magic, kind, last, zero, length, *where, link = _FIELDS.unpack(fields)
    if magic != MAGIC:
        raise FrameError(offset, "magic", "no frame begins here")
    place = Place(*where)
    if kind not in (OPENS, ENTRY, ENDS) or last > 1 or zero:
        raise FrameError(offset, "header", f"kind {kind}, flags {last}, zero {zero}")
    if length > MAX_PAYLOAD:
        raise FrameError(offset, "length", f"{length} bytes, at most {MAX_PAYLOAD}")
    end = at + HEADER_SIZE + length
    if end > len(data):
        missing = end - len(data)
        raise FrameError(offset, "end", f"the frame needs {missing} bytes more")
    header = bytes(data[at : at + HEADER_SIZE])
    payload = bytes(data[at + HEADER_SIZE : end])
    if _CRC.unpack(header[-_CRC.size :])[0] != crc32(payload, crc32(fields)):
        raise FrameError(offset, "checksum", "the bytes do not fit their checksum")
    if place.offset != offset:
        raise FrameError(offset, "place", f"the frame belongs to {place.offset}")
    leaf = leaf_hash(payload)
    digest = sha256(header + leaf).digest()
    return Frame(kind, bool(last), place, link, payload, leaf, digest)
