"""The uploader: brings sealed segments and signed heads to where nobody changes them.

A process of its own, beside the gate: it reads the log's folder and nothing waits for
it but the limit on its lag. One round: find the newest signed head in the log, have it
co-signed by the witnesses, put it and every sealed segment that is missing into the
store. What is missing is what the store does not hold: a round that was interrupted
anywhere is finished by the next.
"""

import stat
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from clawlaw.core.merkle import MerkleError
from clawlaw.evidence.errors import (
    ConflictError,
    EvidenceError,
    LogDamaged,
    StoreError,
)
from clawlaw.evidence.frame import ENTRY, FrameError
from clawlaw.evidence.growth import consistency_from
from clawlaw.evidence.note import (
    Checkpoint,
    Verifier,
    open_note,
    parse_checkpoint,
    split_note,
)
from clawlaw.evidence.reader import root_at
from clawlaw.evidence.schema import Checkpointed, decode_entry
from clawlaw.evidence.segment import read_frames, segment_paths
from clawlaw.evidence.witness import CONFLICT, UNPROCESSABLE, WitnessError, merge_notes
from clawlaw.evidence.witness_http import WitnessClient
from clawlaw.private import PrivateFileError, replace_private

if TYPE_CHECKING:
    from clawlaw.evidence.objects import Store

SEGMENTS: Final = "segments/"
CHECKPOINTS: Final = "checkpoints/"
_MARK: Final = b'"kind":"checkpointed"'  # canonical JSON has it in this form only
_LOOKS: Final = 3  # at a segment that is written to meanwhile


@dataclass(slots=True)
class Round:
    """What one round did.

    Attributes:
        head: Newest signed head; `None`: the log has none yet.
        cosigned: Names of witnesses that co-signed it.
        put: Names of objects that are new in the store.
        problems: What did not work and is tried again.
    """

    head: Checkpoint | None = None
    cosigned: list[str] = field(default_factory=list)
    put: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


class Anchor:
    """Brings one log to its witnesses and its store."""

    def __init__(
        self,
        folder: Path,
        log: Verifier,
        witnesses: Iterable[WitnessClient],
        store: "Store | None",
        witnessed: Path | None,
        *,
        needed: int = 1,
    ) -> None:
        """Begin; what was done before is asked of those to whom it was done.

        Args:
            folder: Of the log.
            log: Key of the log.
            witnesses: That are asked for cosignatures.
            store: For heads and segments; `None`: not configured.
            witnessed: File for the newest co-signed head, which the gate reads.
            needed: Witnesses without whose cosignatures it is not left there.
        """
        self._folder = folder
        self._log = log
        self._witnesses = list(witnesses)
        self._store = store
        self._witnessed = witnessed
        self._needed = needed
        self._seen = {w.verifier.name: -1 for w in self._witnesses}  # sizes
        self._held: set[str] | None = None
        self._ahead: list[bytes] = []  # heads that the log never had, of this round
        self._shown = b""

    def round(self) -> Round:
        """Do what can be done now; problems are told and never raised."""
        done = Round()
        try:
            note = newest_head(self._folder)
            if note is not None:
                done.head = open_note(note, [self._log]).checkpoint
                note = self._cosigned(note, done)
                self._show(note, done)
        except (EvidenceError, OSError) as error:
            note = None
            done.problems.append(str(error))
        if self._store is not None:
            try:
                self._put_all(self._store, note, done)
            except (EvidenceError, OSError) as error:
                self._held = None  # ask again what is there
                done.problems.append(str(error))
        return done

    def _cosigned(self, note: bytes, done: Round) -> bytes:
        head = open_note(note, [self._log]).checkpoint
        lines, self._ahead = b"", []
        for witness in self._witnesses:
            try:
                line = self._ask(witness, head, note)
            except (WitnessError, MerkleError) as error:
                done.problems.append(str(error))
            else:
                lines += line
                done.cosigned.append(witness.verifier.name)
        if len(self._ahead) >= self._needed:
            # The gate must hear of it: its log went back, or is another.
            self._leave(merge_notes(self._ahead), done)
        return note + lines

    def _ask(self, witness: WitnessClient, head: Checkpoint, note: bytes) -> bytes:
        name = witness.verifier.name
        if self._seen[name] < 0:
            last = witness.last(head.origin)
            self._seen[name] = 0 if last is None else last.size
        try:
            line = self._prove(witness, self._seen[name], head, note)
        except WitnessError as error:
            if error.status != CONFLICT or error.seen < 0:
                raise
            line = self._prove(witness, error.seen, head, note)
        self._seen[name] = head.size
        return line

    def _prove(
        self, witness: WitnessClient, seen: int, head: Checkpoint, note: bytes
    ) -> bytes:
        if seen > head.size:
            ahead = witness.last_note(head.origin)
            self._ahead += [] if ahead is None else [ahead]
            raise WitnessError(
                CONFLICT,
                f"witness {witness.verifier.name} saw {seen} entries, the log has "
                f"signed {head.size}: it went back",
            )
        proof = consistency_from(self._folder, seen, head.size)
        try:
            return witness.add(seen, proof, note)
        except WitnessError as error:
            if error.status == UNPROCESSABLE:
                self._compare(witness, head)
            raise

    def _compare(self, witness: WitnessClient, head: Checkpoint) -> None:
        """Find out whether a witness that was shown no growth saw another history."""
        other = witness.last_note(head.origin)
        if other is None:
            return
        seen = parse_checkpoint(split_note(other)[0])
        if seen.size > head.size or root_at(self._folder, seen.size) == seen.root:
            return
        self._ahead.append(other)
        raise WitnessError(
            UNPROCESSABLE,
            f"witness {witness.verifier.name} saw another log of size {seen.size}",
        )

    def _show(self, note: bytes, done: Round) -> None:
        """Leave the co-signed head where the gate reads it."""
        if len(done.cosigned) >= self._needed > len(self._ahead):
            self._leave(note, done)

    def _leave(self, note: bytes, done: Round) -> None:
        if self._witnessed is None or note == self._shown:
            return
        try:
            replace_private(self._witnessed, note)
        except PrivateFileError as error:
            done.problems.append(str(error))
        else:
            self._shown = note

    def _put_all(self, store: "Store", note: bytes | None, done: Round) -> None:
        if self._held is None:
            store.check()
            self._held = _held(store)
        held = self._held
        for path in sealed(self._folder):
            name = SEGMENTS + path.name
            if name not in held:
                self._put(store, name, path, done)
        if note is None or done.head is None:
            return
        name = f"{CHECKPOINTS}{done.head.size:020d}"
        if name not in held:
            with TemporaryDirectory() as folder:
                path = Path(folder) / "note"
                path.write_bytes(note)
                self._put_head(store, name, path, done)

    def _put(self, store: "Store", name: str, path: Path, done: Round) -> None:
        if store.put(name, path):
            done.put.append(name)
        if self._held is not None:
            self._held.add(name)

    def _put_head(self, store: "Store", name: str, path: Path, done: Round) -> None:
        try:
            self._put(store, name, path, done)
        except ConflictError:
            # The same head with other cosignatures, of a round before this process.
            if not self._same_head(store, name, path):
                raise
            if self._held is not None:
                self._held.add(name)

    def _same_head(self, store: "Store", name: str, path: Path) -> bool:
        there = path.with_name("there")
        for version in store.versions(name):
            if version.name == name and store.locked(version) is not None:
                store.read(version, there)
                mine, other = (
                    open_note(p.read_bytes(), [self._log]).checkpoint
                    for p in (path, there)
                )
                return mine == other
        return False


def _held(store: "Store") -> set[str]:
    """Names under which something is locked; of heads, under which there is anything.

    A head that is not locked is no loss: the next one covers it.
    """
    segments = {v.name for v in store.versions(SEGMENTS) if store.locked(v)}
    return segments | {v.name for v in store.versions(CHECKPOINTS) if not v.marker}


def sealed(folder: Path) -> list[Path]:
    """Segments that are not written to any more.

    All but the last; that as well once its writer took the right to write away.

    Raises:
        LogDamaged: One is missing.
    """
    paths = segment_paths(folder)
    if paths and paths[-1].stat().st_mode & stat.S_IWUSR:
        return paths[:-1]
    return paths


def newest_head(folder: Path) -> bytes | None:
    """The newest signed head that the log holds; `None`: there is none.

    Raises:
        LogDamaged: A segment is not what was written.
    """
    paths = segment_paths(folder)
    for path in reversed(paths):
        found = _newest_in(path, last=path == paths[-1])
        if found is not None:
            return found
    return None


def _newest_in(path: Path, *, last: bool) -> bytes | None:
    for look in range(_LOOKS):
        found: bytes | None = None
        try:
            for frame in read_frames(path):
                if frame.kind == ENTRY and _MARK in frame.payload:
                    body = decode_entry(frame.payload).body
                    if isinstance(body, Checkpointed):
                        found = body.note.encode()
        except FrameError as error:
            # The end of the open segment may be half written at this moment.
            if not last:
                raise LogDamaged(f"{path}: {error}") from error
            if found is None and look + 1 < _LOOKS:
                time.sleep(0.05)
                continue
        return found
    return None


def run(
    anchor: Anchor,
    interval: float,
    told: Callable[[Round], None],
    wait: Callable[[float], bool],
) -> None:
    """Do rounds until it is told to end.

    Args:
        anchor: Whose rounds.
        interval: Seconds between two.
        told: Of every round.
        wait: Waits so many seconds; True: end.
    """
    while True:
        told(anchor.round())
        if wait(interval):
            return


__all__ = ["Anchor", "Round", "StoreError", "newest_head", "run", "sealed"]
