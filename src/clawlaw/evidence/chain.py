"""What must hold from one frame to the next, over the whole log. Pure.

A batch is what one sync made durable together. A frame of a later batch was written
only after that sync, so bytes that are wrong before such a frame cannot come from an
interrupted write: they were changed.
"""

import binascii
from typing import Final, Literal

import msgspec
from msgspec import Struct

from clawlaw.core.canonical import canonical_json
from clawlaw.core.merkle import Frontier, MerkleError
from clawlaw.evidence.errors import EvidenceError
from clawlaw.evidence.frame import (
    ENDS,
    ENTRY,
    FIRST_LINK,
    MAGIC,
    OPENS,
    Frame,
    FrameError,
    Place,
    decode_frame,
)

SEGMENT_VERSION: Final = 1
CLOSED: Final = b"closed"  # payload of the frame that ends the last segment of a writer
FULL: Final = b"full"  # another segment follows


class ChainError(EvidenceError):
    """A frame that is whole does not follow the one before it; the message says how."""


class SegmentOpening(Struct, frozen=True, forbid_unknown_fields=True):
    """Payload of the frame that opens a segment.

    Attributes:
        origin: Names the log.
        frontier: Of the tree over all entries before, `Frontier.encode` in hex: a
            reader can begin here, and one that reads all compares.
    """

    version: Literal[1]
    origin: str
    frontier: str


_DECODER: Final = msgspec.json.Decoder(SegmentOpening)


class Chain:
    """The state of the log after the frames that it took.

    Attributes:
        origin: Of the log; "" before the first frame.
        frontier: Of the tree over the entries.
        link: Digest of the last frame.
        segment: Number of the open segment, -1 before the first.
        batch: Number of the batch that the next frame belongs to, and that an
            interruption leaves unfinished.
        whole: The last batch has its last frame.
        ended: The segment was ended on purpose.
        closed: The writer ended with it, and did not go on to another segment.
    """

    def __init__(self) -> None:
        """Begin before the first frame of a log."""
        self.origin = ""
        self.frontier = Frontier()
        self.link = FIRST_LINK
        self.segment = -1
        self.batch = 0
        self.whole = True
        self.ended = True
        self.closed = True

    @classmethod
    def at(cls, frame: Frame) -> "Chain":
        """Begin at the frame that opens a segment, and believe what it says.

        Raises:
            ChainError: It does not open a segment.
        """
        chain = cls()
        opening = read_opening(frame)
        chain.origin = opening.origin
        chain.frontier = _frontier(opening)
        if chain.frontier.size != frame.place.entry:
            raise ChainError(
                f"a segment opens after {frame.place.entry} entries with a tree of "
                f"{chain.frontier.size}"
            )
        chain._opened(frame)
        return chain

    @property
    def size(self) -> int:
        """Entries so far."""
        return self.frontier.size

    def take(self, frame: Frame) -> None:
        """Go on by one frame.

        Raises:
            ChainError: It does not follow.
        """
        if frame.link != self.link:
            raise ChainError("the frame links to another one before it")
        if frame.place.entry != self.size:
            raise ChainError(f"entry {frame.place.entry}, expected {self.size}")
        if frame.kind == OPENS:
            self._open(frame)
            return
        if frame.place.segment != self.segment or self.ended:
            raise ChainError(f"a frame of segment {frame.place.segment} after its end")
        if frame.place.batch != self.batch:
            raise ChainError(f"batch {frame.place.batch}, expected {self.batch}")
        if frame.kind == ENTRY:
            self.frontier.append(frame.leaf)
        self.ended = frame.kind == ENDS
        self.closed = self.ended and frame.payload == CLOSED
        self._took(frame)

    def _open(self, frame: Frame) -> None:
        opening = read_opening(frame)
        if frame.place.segment != self.segment + 1:
            raise ChainError(
                f"segment {frame.place.segment}, expected {self.segment + 1}"
            )
        if self.segment >= 0 and opening.origin != self.origin:
            raise ChainError(f"origin {opening.origin!r}, expected {self.origin!r}")
        if opening.frontier != self.frontier.encode().hex():
            raise ChainError("the tree of the opening is not that of the entries")
        if frame.place.batch != self.batch + (not self.whole):
            raise ChainError(f"batch {frame.place.batch} opens the segment")
        self.origin = opening.origin
        self._opened(frame)

    def _opened(self, frame: Frame) -> None:
        self.segment = frame.place.segment
        self.ended = self.closed = False
        self._took(frame)

    def _took(self, frame: Frame) -> None:
        self.link = frame.digest
        self.whole = frame.last
        self.batch = frame.place.batch + frame.last


def encode_opening(origin: str, frontier: Frontier) -> bytes:
    """Payload of the frame that opens a segment after the entries of a frontier."""
    return canonical_json(
        {
            "version": SEGMENT_VERSION,
            "origin": origin,
            "frontier": frontier.encode().hex(),
        }
    )


def read_opening(frame: Frame) -> SegmentOpening:
    """What a frame that opens a segment says.

    Raises:
        ChainError: It does not open a segment.
    """
    if frame.kind != OPENS:
        raise ChainError(f"a frame of kind {frame.kind} at the start of a segment")
    try:
        return _DECODER.decode(frame.payload)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ChainError(f"the opening of a segment cannot be read: {error}") from error


def _frontier(opening: SegmentOpening) -> Frontier:
    try:
        return Frontier.decode(binascii.unhexlify(opening.frontier))
    except (binascii.Error, ValueError, MerkleError) as error:
        raise ChainError(f"the opening of a segment holds no tree: {error}") from error


def later_frame(data: bytes, offset: int, number: int, batch: int) -> Place | None:
    """Place of a whole frame in a tail that an interrupted write cannot have left.

    Args:
        data: Of a segment, after its last frame that follows the chain.
        offset: Of the data in the segment.
        number: Of the segment.
        batch: That was being written, if any was.

    Returns:
        The first frame of a later batch, `None` where there is none: the tail is what
        an interrupted write leaves.
    """
    at = data.find(MAGIC)
    while at >= 0:
        try:
            place = decode_frame(data, at, offset + at).place
        except FrameError:
            place = None
        if place is not None and place.segment == number and place.batch > batch:
            return place
        at = data.find(MAGIC, at + 1)
    return None
