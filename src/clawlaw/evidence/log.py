"""The log: one writer, appends that are durable when they return, signed heads.

An append writes its whole batch with one call and waits for one sync. Any error of a
write or a sync latches the log: what is on the disk is then unknown, and a second sync
may report success for what the first one lost, so nothing is tried again. A restart
begins a new segment after the last whole frame; what an interruption left behind it is
kept aside. Not thread-safe.
"""

import fcntl
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import Final, Self

from clawlaw.evidence.chain import CLOSED, FULL, Chain, encode_opening
from clawlaw.evidence.errors import EvidenceError, LogBehind, LogBusy, LogLatched
from clawlaw.evidence.frame import (
    ENDS,
    ENTRY,
    HEADER_SIZE,
    MAX_PAYLOAD,
    OPENS,
    Place,
    encode_frame,
)
from clawlaw.evidence.note import Checkpoint, Signer, sign
from clawlaw.evidence.reader import (
    Stop,
    entries,
    entries_after,
    last_segment,
    root_at,
)
from clawlaw.evidence.schema import Durability
from clawlaw.evidence.segment import (
    TORN_SUFFIX,
    check_durability,
    flush,
    segment_path,
    sync_file,
    sync_folder,
    write_all,
    write_zeros,
)

SEGMENT_BYTES: Final = 64 << 20
MIN_SEGMENT_BYTES: Final = 4096
_SPARE: Final = "spare"


class Log:
    """An open log; `Log.open` makes one.

    Attributes:
        folder: Of its segments.
        origin: Names it in every checkpoint.
        durability: What an append waits for.
        latched: Why nothing can be appended any more, "" while appends work.
        clean: The writer before ended with `close`, or there was none.
        set_aside: File with what an interrupted write left, `None` where nothing was.
    """

    def __init__(
        self,
        folder: Path,
        origin: str,
        signer: Signer,
        *,
        durability: Durability,
        segment_bytes: int,
    ) -> None:
        """Keep the settings; `open` does the work."""
        self.folder = folder
        self.origin = origin
        self.durability = durability
        self.latched = ""
        self.clean = True
        self.set_aside: Path | None = None
        self._signer = signer
        self._segment_bytes = max(segment_bytes, MIN_SEGMENT_BYTES)
        self._chain = Chain()
        self._fd = -1
        self._offset = 0
        self._capacity = 0
        self._first = 0
        self._lock = -1
        self._spare: Thread | None = None

    @classmethod
    def open(
        cls,
        folder: Path,
        origin: str,
        signer: Signer,
        *,
        durability: Durability = "fdatasync",
        segment_bytes: int = SEGMENT_BYTES,
        minimum: Checkpoint | None = None,
    ) -> Self:
        """Open a log for writing, or begin one, in a segment of its own.

        Args:
            folder: Made where it is missing, with mode 0700.
            origin: Names the log; a folder holds one log for ever.
            signer: Of checkpoints.
            durability: What an append waits for.
            segment_bytes: Preallocated for each segment.
            minimum: A head that the log must extend, of the last checkpoint that a
                witness signed; a log that does not is left as it is.

        Raises:
            LogBusy: Another process writes to it.
            LogDamaged: The files are not what was written.
            LogBehind: It does not extend ``minimum``.
            EvidenceError: Another log's folder, or a durability that does not exist.
            OSError: The folder cannot be read or written.
        """
        check_durability(durability)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        log = cls(
            folder, origin, signer, durability=durability, segment_bytes=segment_bytes
        )
        log._take_lock()
        try:
            log._resume(minimum)
        except BaseException:
            log._release()
            raise
        return log

    @property
    def size(self) -> int:
        """Entries, all of them durable."""
        return self._chain.size

    def root(self) -> bytes:
        """Root of the tree over all entries, 32 bytes."""
        return self._chain.frontier.root()

    def append(self, payloads: Sequence[bytes]) -> int:
        """Append entries together; they are durable when this returns.

        Returns:
            Index of the first.

        Raises:
            LogLatched: Nothing may be answered as recorded, now and until a restart.
            EvidenceError: No payload, or one that is too long; nothing was written.
        """
        if self.latched:
            raise LogLatched(self.latched)
        if not payloads or max(map(len, payloads)) > MAX_PAYLOAD:
            raise EvidenceError(f"a batch has entries of at most {MAX_PAYLOAD} bytes")
        first = self._chain.size
        needed = (
            sum(map(len, payloads)) + HEADER_SIZE * (len(payloads) + 1) + len(CLOSED)
        )
        try:
            if self._offset + needed > self._capacity and first > self._first:
                self._rotate()
            self._write(ENTRY, payloads)
        except OSError as error:
            self._latch(error)
            raise LogLatched(self.latched) from error
        except BaseException as error:  # interrupted between two of its steps
            self._latch(error)
            raise
        if self._spare is None and self._offset > self._capacity // 2:
            self._prepare_spare()
        return first

    def checkpoint(self) -> bytes:
        """The head, signed: a C2SP note.

        Raises:
            LogLatched: The head is not known to be durable.
        """
        if self.latched:
            raise LogLatched(self.latched)
        if self.durability == "barrier":  # ordered is enough until others rely on it
            try:
                sync_file(self._fd, "fullfsync")
            except OSError as error:
                self._latch(error)
                raise LogLatched(self.latched) from error
        return sign(Checkpoint(self.origin, self.size, self.root()), self._signer)

    def read(self, start: int = 0) -> Iterator[tuple[int, bytes]]:
        """Entries with their indices, checked frame by frame.

        Raises:
            LogDamaged: What follows is not what was written.
        """
        return entries(self.folder, start)

    def after(self, size: int, root: bytes) -> Iterator[tuple[int, bytes]]:
        """Entries after the first ones, whose root must be the one that is given.

        Raises:
            LogBehind: They have another root, or there are fewer.
            LogDamaged: What follows is not what was written.
        """
        return entries_after(self.folder, size, root)

    def free_days(self, rate: int) -> float:
        """Days until the disk is full at a rate of bytes per day."""
        return shutil.disk_usage(self.folder).free / max(rate, 1)

    def close(self) -> None:
        """End the segment on purpose, and let others write; more than once is fine."""
        if self._fd >= 0 and not self.latched:
            try:
                self._end_segment(CLOSED)
            except OSError as error:
                self._latch(error)
        self._release()

    def __enter__(self) -> Self:
        """The log itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def _take_lock(self) -> None:
        path = self.folder / "lock"
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(fd)
            raise LogBusy(
                f"{self.folder}: another process writes to this log; stop it first"
            ) from error
        self._lock = fd

    def _release(self) -> None:
        if self._spare is not None:
            self._spare.join()
            self._spare = None
        for fd in (self._fd, self._lock):
            if fd >= 0:
                os.close(fd)
        self._fd = self._lock = -1
        if not self.latched:
            self.latched = f"{self.folder}: the log is closed"

    def _resume(self, minimum: Checkpoint | None) -> None:
        """Find the head, check it, and only then change anything."""
        stop = last_segment(self.folder)
        if stop is not None:
            if stop.chain.origin != self.origin:
                raise EvidenceError(
                    f"{self.folder}: this is the log {stop.chain.origin!r}, "
                    f"not {self.origin!r}; give it a folder of its own"
                )
            self._chain = stop.chain
            self.clean = stop.chain.closed
        _check_extends(self.folder, self._chain, minimum)
        (self.folder / _SPARE).unlink(missing_ok=True)
        if stop is not None:
            self._finish(stop)
        self._begin_segment()

    def _finish(self, stop: Stop) -> None:
        """Keep the torn tail aside, and let the segment end at its last frame."""
        if stop.torn:
            aside = stop.path.with_suffix(TORN_SUFFIX)
            fd = write_zeros(aside, 0)
            try:
                write_all(fd, stop.torn, 0)
                flush(fd)
            finally:
                os.close(fd)
            sync_folder(self.folder)
            self.set_aside = aside
        if stop.path.stat().st_size != stop.offset or not stop.chain.ended:
            fd = os.open(stop.path, os.O_RDWR | os.O_CLOEXEC)
            try:
                os.ftruncate(fd, stop.offset)
                flush(fd)
            finally:
                os.close(fd)
            stop.path.chmod(0o400)

    def _begin_segment(self) -> None:
        """Make the next segment durable, name included, before entries go into it."""
        chain = self._chain
        if not chain.whole:
            chain.batch, chain.whole = chain.batch + 1, True
        if self._spare is not None:
            self._spare.join()
            self._spare = None
        spare = self.folder / _SPARE
        if spare.exists():
            self._fd = os.open(spare, os.O_RDWR | os.O_CLOEXEC)
        else:
            self._fd = write_zeros(spare, self._segment_bytes)
        self._offset = 0
        self._capacity = self._segment_bytes
        self._first = chain.size
        chain.segment += 1
        self._write(OPENS, [encode_opening(self.origin, chain.frontier)])
        spare.rename(segment_path(self.folder, chain.segment))
        sync_folder(self.folder)
        chain.origin, chain.ended = self.origin, False

    def _rotate(self) -> None:
        self._end_segment(FULL)
        self._begin_segment()

    def _end_segment(self, why: bytes) -> None:
        self._write(ENDS, [why])
        os.ftruncate(self._fd, self._offset)
        flush(self._fd)
        os.fchmod(self._fd, 0o400)
        os.close(self._fd)
        self._fd = -1
        self._chain.ended = True

    def _write(self, kind: int, payloads: Sequence[bytes]) -> None:
        """One batch: one write, one sync, and only then does the state go on."""
        chain = self._chain
        offset, index, link = self._offset, chain.size, chain.link
        parts: list[bytes] = []
        leaves: list[bytes] = []
        final = len(payloads) - 1
        for number, payload in enumerate(payloads):
            place = Place(chain.segment, offset, chain.batch, index)
            header, leaf, link = encode_frame(
                kind, place, link, payload, last=number == final
            )
            parts += (header, payload)
            offset += len(header) + len(payload)
            if kind == ENTRY:
                leaves.append(leaf)
                index += 1
        write_all(self._fd, b"".join(parts), self._offset)
        sync_file(self._fd, self.durability)
        for leaf in leaves:
            chain.frontier.append(leaf)
        chain.link, chain.batch = link, chain.batch + 1
        self._offset = offset

    def _prepare_spare(self) -> None:
        """Write the zeros of the next segment while appends go on."""
        thread = Thread(target=self._make_spare, daemon=True, name="log-spare")
        with suppress(RuntimeError):  # no thread: the next segment writes its zeros
            thread.start()
            self._spare = thread

    def _make_spare(self) -> None:
        made = self.folder / f"{_SPARE}.new"
        with suppress(OSError):  # the next segment tries again, and reports it
            os.close(write_zeros(made, self._segment_bytes))
            made.rename(self.folder / _SPARE)

    def _latch(self, error: BaseException) -> None:
        what = error.strerror if isinstance(error, OSError) else type(error).__name__
        self.latched = (
            f"{self.folder}: evidence cannot be written: {what}; "
            "mend the disk, then restart"
        )


def _check_extends(folder: Path, chain: Chain, minimum: Checkpoint | None) -> None:
    if minimum is None:
        return
    if chain.segment >= 0 and minimum.origin != chain.origin:
        raise LogBehind(f"{folder}: the checkpoint is of {minimum.origin!r}")
    if minimum.size > chain.size:
        raise LogBehind(
            f"{folder}: {chain.size} entries, but {minimum.size} were witnessed; "
            "restore the log from its anchor"
        )
    if root_at(folder, minimum.size) != minimum.root:
        raise LogBehind(
            f"{folder}: the first {minimum.size} entries are not those that were "
            "witnessed; restore the log from its anchor"
        )
