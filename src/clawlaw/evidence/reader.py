"""Reading a log: entries from any index, the head after a stop, roots at any size."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from clawlaw.core.merkle import EMPTY_ROOT
from clawlaw.evidence.chain import Chain, ChainError, later_frame
from clawlaw.evidence.errors import LogBehind, LogDamaged
from clawlaw.evidence.frame import ENTRY, Frame, FrameError
from clawlaw.evidence.segment import read_frames, read_tail, segment_paths


@dataclass(frozen=True, slots=True)
class Stop:
    """Where the last writer stopped.

    Attributes:
        path: The last segment.
        chain: After its last whole frame.
        offset: After that frame.
        torn: What an interrupted write left there, without zeros at its end.
    """

    path: Path
    chain: Chain
    offset: int
    torn: bytes


def last_segment(folder: Path) -> Stop | None:
    """Read the last segment alone, and tell an interruption from damage.

    Returns:
        `None` where there is no segment.

    Raises:
        LogDamaged: Its opening cannot be read, a frame does not follow the one before,
            or something wrong lies before frames that were written later.
    """
    paths = segment_paths(folder)
    if not paths:
        return None
    path, chain, offset = paths[-1], None, 0
    try:
        for frame in read_frames(path):
            if chain is None:
                chain = _begin(frame, len(paths) - 1)
            else:
                chain.take(frame)
            offset = frame.end
    except ChainError as error:
        raise LogDamaged(f"{path}: offset {offset}: {error}") from error
    except FrameError as error:
        if chain is None:
            raise LogDamaged(f"{path}: {error}") from error
        return _interrupted(path, chain, error)
    if chain is None:
        raise LogDamaged(f"{path}: no frame opens the segment")
    return Stop(path, chain, offset, b"")


def _begin(frame: Frame, number: int) -> Chain:
    if frame.place.segment != number:
        raise ChainError(f"segment {frame.place.segment}, expected {number}")
    if number == 0:
        chain = Chain()
        chain.take(frame)
        return chain
    return Chain.at(frame)


def _interrupted(path: Path, chain: Chain, error: FrameError) -> Stop:
    tail = read_tail(path, error.offset)
    place = later_frame(tail, error.offset, chain.segment, chain.batch)
    if place is not None or chain.ended:
        raise LogDamaged(
            f"{path}: {error}, and no interruption explains it; "
            "keep the file, and restore it from its anchor"
        ) from error
    return Stop(path, chain, error.offset, tail)


def frames_from(folder: Path, start: int) -> Iterator[tuple[Chain, Frame]]:
    """Frames from the segment that holds an entry, and the chain after each.

    Raises:
        LogDamaged: What follows is not what was written.
    """
    paths = segment_paths(folder)
    number = _holding(paths, start)
    chain: Chain | None = None
    for path in paths[number:]:
        opened = False
        try:
            for frame in read_frames(path):
                if chain is None:
                    chain = _begin(frame, number)
                else:
                    chain.take(frame)
                opened = True
                yield chain, frame
        except ChainError as error:
            raise LogDamaged(f"{path}: {error}") from error
        except FrameError as error:
            if path != paths[-1] or chain is None:
                raise LogDamaged(f"{path}: {error}") from error
            _interrupted(path, chain, error)  # raises where it is damage
        if not opened:
            raise LogDamaged(f"{path}: no frame opens the segment")


def _holding(paths: list[Path], start: int) -> int:
    """Number of the last segment that opens at or before an entry."""
    for number in range(len(paths) - 1, 0, -1):
        try:
            frame = next(read_frames(paths[number]), None)
        except FrameError as error:
            raise LogDamaged(f"{paths[number]}: {error}") from error
        if frame is not None and frame.place.entry <= start:
            return number
    return 0


def entries(folder: Path, start: int = 0) -> Iterator[tuple[int, bytes]]:
    """Entries from an index on, each with its index.

    Raises:
        LogDamaged: What follows is not what was written.
    """
    for _, frame in frames_from(folder, start):
        if frame.kind == ENTRY and frame.place.entry >= start:
            yield frame.place.entry, frame.payload


def entries_after(folder: Path, size: int, root: bytes) -> Iterator[tuple[int, bytes]]:
    """Entries after the first ones, whose root is compared before any is given.

    Args:
        folder: Of the segments.
        size: Entries that are known already.
        root: Of the tree over them, 32 bytes.

    Raises:
        LogBehind: The log has fewer entries, or they have another root.
        LogDamaged: They are not what was written.
    """
    frames = frames_from(folder, size)
    if size == 0:
        found: bytes | None = EMPTY_ROOT
    else:
        found = next((c.frontier.root() for c, _ in frames if c.size == size), None)
    if found is None:
        raise LogBehind(f"{folder}: fewer than {size} entries")
    if found != root:
        raise LogBehind(f"{folder}: the first {size} entries are others")
    return (
        (frame.place.entry, frame.payload) for _, frame in frames if frame.kind == ENTRY
    )


def root_at(folder: Path, size: int) -> bytes:
    """Root of the tree over the first entries, 32 bytes.

    Raises:
        LogBehind: The log has fewer entries.
        LogDamaged: They are not what was written.
    """
    if size == 0:
        return EMPTY_ROOT
    for chain, _ in frames_from(folder, size):
        if chain.size == size:
            return chain.frontier.root()
    raise LogBehind(f"{folder}: fewer than {size} entries")
