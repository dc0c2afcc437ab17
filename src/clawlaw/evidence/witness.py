"""A witness: co-signs a head of a log only if it extends the last one that it saw.

What a witness saw it never forgets: the head is on the disk, whole and synced, before
the cosignature leaves. So whoever holds cosignatures of a log knows that all of them
lie on one history, even if the log's own machine and key are an attacker's.

Requests are those of the C2SP specification tlog-witness: `old SIZE`, the lines of a
consistency proof, an empty line, the signed checkpoint. A checkpoint of the same size
and root is co-signed again, with the time of now.
"""

import base64
import binascii
import hashlib
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from clawlaw.core.merkle import HASH_SIZE, verify_consistency
from clawlaw.evidence.errors import EvidenceError, NoteError
from clawlaw.evidence.note import (
    Checkpoint,
    Signed,
    Signer,
    Verifier,
    open_note,
    parse_checkpoint,
    split_note,
)
from clawlaw.private import read_private, replace_private

MAX_REQUEST: Final = 64 << 10  # bytes
MAX_PROOF: Final = 63  # hashes; enough for 2^63 entries

BAD_REQUEST, FORBIDDEN, NOT_FOUND, CONFLICT, UNPROCESSABLE = 400, 403, 404, 409, 422


class WitnessError(EvidenceError):
    """A checkpoint is not co-signed; the message says why.

    Attributes:
        status: Of HTTP, as tlog-witness says.
        seen: With a conflict: the size that the witness saw last, else -1.
    """

    def __init__(self, status: int, reason: str, seen: int = -1) -> None:
        """Say why."""
        super().__init__(reason)
        self.status = status
        self.seen = seen


class Witness:
    """Remembers the last head of every log that it was told to watch."""

    def __init__(
        self, folder: Path, signer: Signer, logs: Iterable[tuple[str, Verifier]]
    ) -> None:
        """Watch logs.

        Args:
            folder: Where the last heads are kept; made where it is missing.
            signer: Of the cosignatures.
            logs: Origin and key of each.

        Raises:
            EvidenceError: What it remembers of a log cannot be read. It does not begin
                anew: that would let a log go back.
            OSError: The folder cannot be made.
        """
        self.signer = signer
        self._folder = folder
        self._logs = dict(logs)
        self._lock = threading.Lock()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._last = {origin: self._read(origin) for origin in self._logs}

    def last(self, origin: str) -> bytes | None:
        """The last note of a log that was co-signed, with this cosignature.

        Raises:
            WitnessError: The log is not watched.
        """
        with self._lock:
            if origin not in self._last:
                raise WitnessError(NOT_FOUND, f"{origin[:80]!r} is not watched here")
            found = self._last[origin]
        return None if found is None else found[0]

    def add(self, request: bytes, now: int) -> bytes:
        """Co-sign the checkpoint of a request.

        Args:
            request: As tlog-witness says.
            now: Seconds since the epoch.

        Returns:
            The cosignature's line.

        Raises:
            WitnessError: It does not extend what was seen, or is no such request.
            PrivateFileError: What is seen now cannot be remembered; nothing is signed.
        """
        old, proof, note = parse_request(request)
        with self._lock:
            signed = self._opened(note)
            self._check(signed.checkpoint, old, proof)
            line = self.signer.cosignature(signed.text, now)
            kept = _own_signature(note, signed) + line
            replace_private(self._path(signed.checkpoint.origin), kept)
            self._last[signed.checkpoint.origin] = kept, signed.checkpoint
        return line

    def _opened(self, note: bytes) -> Signed:
        try:
            origin = parse_checkpoint(split_note(note)[0]).origin
        except NoteError as error:
            raise WitnessError(BAD_REQUEST, str(error)) from error
        verifier = self._logs.get(origin)
        if verifier is None:
            raise WitnessError(NOT_FOUND, f"{origin[:80]!r} is not watched here")
        try:
            return open_note(note, [verifier])
        except NoteError as error:
            raise WitnessError(FORBIDDEN, str(error)) from error

    def _check(self, new: Checkpoint, old: int, proof: list[bytes]) -> None:
        known = self._last[new.origin]
        seen = 0 if known is None else known[1].size
        if old > new.size:
            raise WitnessError(BAD_REQUEST, f"old size {old} above new size {new.size}")
        if old != seen:
            raise WitnessError(CONFLICT, f"size {seen} was seen last, not {old}", seen)
        if known is None:
            if proof:
                raise WitnessError(UNPROCESSABLE, "nothing was seen, nothing is proved")
            return
        if new.size == seen and new.root != known[1].root:
            raise WitnessError(CONFLICT, f"another root of size {seen} was seen", seen)
        if not verify_consistency(seen, new.size, proof, known[1].root, new.root):
            raise WitnessError(
                UNPROCESSABLE, f"size {new.size} is not shown to extend size {seen}"
            )

    def _read(self, origin: str) -> tuple[bytes, Checkpoint] | None:
        path = self._path(origin)
        if not path.exists():
            return None
        note = read_private(path)
        found = open_note(note, [self.signer.cosigner]).checkpoint
        if found.origin != origin:
            raise EvidenceError(f"{path}: is of {found.origin!r}, not of {origin!r}")
        return note, found

    def _path(self, origin: str) -> Path:
        return self._folder / f"{hashlib.sha256(origin.encode()).hexdigest()}.note"


def parse_request(request: bytes) -> tuple[int, list[bytes], bytes]:
    """Old size, consistency proof and note of a request.

    Raises:
        WitnessError: It is none.

    Source: C2SP tlog-witness, add-checkpoint.
    """
    head, gap, note = request.partition(b"\n\n")
    lines = head.split(b"\n")
    word, _, size = lines[0].partition(b" ")
    plain = size.isdigit() and len(size) < 20 and str(int(size)).encode() == size  # noqa: PLR2004  # below 2^64
    if not gap or word != b"old" or not plain or len(lines) - 1 > MAX_PROOF:
        raise WitnessError(
            BAD_REQUEST,
            "a request is `old SIZE`, a consistency proof, an empty line and a note",
        )
    proof = []
    for line in lines[1:]:
        try:
            proof.append(base64.b64decode(line, validate=True))
        except binascii.Error as error:
            raise WitnessError(BAD_REQUEST, "a proof is lines of base64") from error
    if any(len(step) != HASH_SIZE for step in proof):
        raise WitnessError(BAD_REQUEST, f"a proof is hashes of {HASH_SIZE} bytes")
    return int(size), proof, note


def encode_request(old: int, proof: Iterable[bytes], note: bytes) -> bytes:
    """A request; see :func:`parse_request`."""
    lines = [f"old {old}", *(base64.b64encode(step).decode() for step in proof)]
    return "\n".join(lines).encode() + b"\n\n" + note


def merge_notes(notes: Iterable[bytes]) -> bytes:
    """Of notes of one log, the largest head with everybody's signatures of it.

    Raises:
        NoteError: One is no note.
        ValueError: There is none.
    """
    read = [split_note(note) for note in notes]
    text, _ = max(read, key=lambda found: parse_checkpoint(found[0]).size)
    return _noted(text, (s for found in read if found[0] == text for s in found[1]))


def _own_signature(note: bytes, signed: Signed) -> bytes:
    """The note with the signatures of its log alone: a client could add any other."""
    signatures = split_note(note)[1]
    return _noted(signed.text, (s for s in signatures if s[0] in signed.names))


def _noted(text: bytes, signatures: Iterable[tuple[str, bytes]]) -> bytes:
    lines = dict.fromkeys(
        f"\u2014 {name} {base64.b64encode(data).decode()}\n"
        for name, data in signatures
    )
    return text + b"\n" + "".join(lines).encode()
