"""Verify a log by streaming it once: integrity and completeness, apart.

Integrity: every byte that is there is what was written, in its place and order. A log
alone can show no more: whoever can write to it can cut its end off, or write all of it
again. Completeness: the log holds everything up to a checkpoint that was kept elsewhere
and that a known key signed; entries after the last such checkpoint are its unprotected
tail. One segment's damage does not hide what is wrong in the next.
"""

import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from clawlaw.core.merkle import EMPTY_ROOT, Frontier
from clawlaw.evidence.chain import Chain, ChainError, later_frame
from clawlaw.evidence.errors import NoteError
from clawlaw.evidence.frame import ENTRY, Frame, FrameError
from clawlaw.evidence.note import Signed, Verifier, open_note
from clawlaw.evidence.schema import (
    Checkpointed,
    Decided,
    Entry,
    EntryError,
    Started,
    decode_entry,
)
from clawlaw.evidence.segment import TORN_SUFFIX, read_frames, read_tail

_LOOKS: Final = 3  # at a frame that a writer may be writing just now
_PAUSE: Final = 0.02  # seconds between them
_KEPT: Final = 1024  # sizes back from an entry at which its checkpoint may have been

type State = Literal["matches", "differs", "beyond"]
type Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is not as it was written.

    Attributes:
        segment: File name.
        offset: Bytes from its start.
        entry: Entries before it.
        what: What is wrong.
    """

    segment: str
    offset: int
    entry: int
    what: str


@dataclass(frozen=True, slots=True)
class Held:
    """A checkpoint that was given, and whether the log agrees with it.

    Attributes:
        signed: With the names of who signed it.
        state: "beyond": the log is shorter.
    """

    signed: Signed
    state: State


@dataclass(slots=True)
class Report:
    """What a log holds, and what is wrong with it.

    Attributes:
        origin: Name of the log.
        segments: Files read.
        entries: In the log.
        root: Of the tree over them.
        kinds: Entries by kind.
        observed: Decisions that were recorded and not enforced.
        durability: Levels that the gates named when they began.
        first: Time of the first entry, milliseconds since the epoch.
        last: Of the last.
        interrupted: Segments that were not ended on purpose, but for the last one.
        torn: Files with what interrupted writes left.
        open: The last segment is not ended: a writer has it, or it was interrupted.
        heads: Signed heads in the log that agree with it.
        problems: In the order of the log; empty where it is intact.
        held: Checkpoints that were given.
    """

    origin: str = ""
    segments: int = 0
    entries: int = 0
    root: bytes = EMPTY_ROOT
    kinds: Counter[str] = field(default_factory=Counter)
    observed: int = 0
    durability: set[str] = field(default_factory=set)
    first: int = 0
    last: int = 0
    interrupted: list[str] = field(default_factory=list)
    torn: list[str] = field(default_factory=list)
    open: bool = False
    heads: int = 0
    problems: list[Problem] = field(default_factory=list)
    held: list[Held] = field(default_factory=list)

    @property
    def intact(self) -> bool:
        """Nothing is wrong with what is there."""
        return not self.problems

    @property
    def complete(self) -> bool | None:
        """The log agrees with every checkpoint given; `None` where none was."""
        if not self.held:
            return None
        return all(held.state == "matches" for held in self.held)

    @property
    def protected(self) -> int:
        """Entries that a given checkpoint covers; the rest is the unprotected tail."""
        sizes = [h.signed.checkpoint.size for h in self.held if h.state == "matches"]
        return max(sizes, default=0)


def verify(
    paths: Sequence[Path],
    checkpoints: Iterable[Signed] = (),
    keys: Sequence[Verifier] = (),
    progress: Progress = lambda _: None,
) -> Report:
    """Read every segment and compare everything that can be compared.

    Args:
        paths: Segment files in order, as `segment_paths` gives them.
        checkpoints: Kept elsewhere, opened with known keys.
        keys: For the heads that the log itself holds.
        progress: Told the bytes of each frame.

    Raises:
        OSError: A file cannot be read.
    """
    reading = _Reading(list(checkpoints), keys)
    for path in paths:
        reading.segment(path, progress, last=path == paths[-1])
    return reading.finish(paths)


class _Reading:
    """The state of one pass over a log."""

    def __init__(self, checkpoints: list[Signed], keys: Sequence[Verifier]) -> None:
        self.report = Report()
        self.chain = Chain()
        self._keys = keys
        self._checkpoints = checkpoints
        self._wanted = {signed.checkpoint.size for signed in checkpoints}
        self._roots: dict[int, bytes] = {0: EMPTY_ROOT}
        self._recent: deque[tuple[int, Frontier]] = deque(maxlen=_KEPT)
        self._lost = False

    def segment(self, path: Path, progress: Progress, *, last: bool) -> None:
        """One file; its first problem ends it."""
        self.report.segments += 1
        offset, looks = 0, 0
        while True:
            try:
                for frame in read_frames(path, offset):
                    self._follow(frame)
                    offset = frame.end
                    self._took(path, frame)
                    progress(frame.end - frame.place.offset)
            except ChainError as error:
                self._problem(path, offset, str(error))
                self._lost = True
            except FrameError as error:
                looks += 1
                if last and looks < _LOOKS:
                    time.sleep(_PAUSE)
                    continue
                self._broken(path, error)
            break
        if not offset and not self._lost:
            self._problem(path, 0, "no frame opens the segment")
            self._lost = True
        if not self.chain.ended and not self._lost:
            self.report.open = last
            if not last:
                self.report.interrupted.append(path.name)

    def _follow(self, frame: Frame) -> None:
        if self._lost:
            self.chain, self._lost = Chain.at(frame), False
        else:
            self.chain.take(frame)

    def finish(self, paths: Sequence[Path]) -> Report:
        """Compare the checkpoints, and say what was read."""
        report, chain = self.report, self.chain
        report.origin, report.entries = chain.origin, chain.size
        report.root = chain.frontier.root()
        report.torn = [
            path.with_suffix(TORN_SUFFIX).name
            for path in paths
            if path.with_suffix(TORN_SUFFIX).exists()
        ]
        for signed in self._checkpoints:
            report.held.append(Held(signed, self._state(signed)))
        return report

    def _state(self, signed: Signed) -> State:
        origin, size, root = signed.checkpoint
        if size > self.chain.size:
            return "beyond"
        same = self._roots.get(size) == root and origin == self.chain.origin
        return "matches" if same else "differs"

    def _broken(self, path: Path, error: FrameError) -> None:
        """An interrupted write leaves such bytes too, and nothing can tell it."""
        tail, chain = read_tail(path, error.offset), self.chain
        later = later_frame(tail, error.offset, chain.segment, chain.batch)
        why = f"{error}, {len(tail)} bytes"
        if later is None:
            why += ": changed, or left by an interrupted write"
        self._problem(path, error.offset, why)
        self._lost = True

    def _problem(self, path: Path, offset: int, what: str) -> None:
        self.report.problems.append(Problem(path.name, offset, self.chain.size, what))

    def _took(self, path: Path, frame: Frame) -> None:
        if frame.kind != ENTRY:
            return
        size = self.chain.size
        if size in self._wanted:
            self._roots[size] = self.chain.frontier.root()
        try:
            entry = decode_entry(frame.payload)
        except EntryError as error:
            self._problem(path, frame.place.offset, str(error))
            return
        self._entry(path, frame, entry)
        self._recent.append((size, self.chain.frontier.copy()))

    def _entry(self, path: Path, frame: Frame, entry: Entry) -> None:
        report, offset = self.report, frame.place.offset
        if entry.seq != frame.place.entry:
            self._problem(path, offset, f"entry {frame.place.entry} says {entry.seq}")
        if entry.time < report.last:
            self._problem(path, offset, "the entry's time is before its predecessor's")
        report.first = report.first or entry.time
        report.last = max(report.last, entry.time)
        body = entry.body
        report.kinds[str(body.__struct_config__.tag)] += 1
        match body:
            case Started(durability=level):
                report.durability.add(level)
            case Decided(observe=True):
                report.observed += 1
            case Checkpointed(note=note):
                self._head(path, offset, note.encode())

    def _head(self, path: Path, offset: int, note: bytes) -> None:
        """A signed head in the log must be a head that the log had."""
        if not self._keys:
            return
        try:
            checkpoint = open_note(note, self._keys).checkpoint
        except NoteError as error:
            self._problem(path, offset, f"signed head: {error}")
            return
        for size, frontier in self._recent:
            if size == checkpoint.size:
                if frontier.root() == checkpoint.root:
                    self.report.heads += 1
                else:
                    self._problem(path, offset, f"signed head of {size} differs")
