"""Proofs as files: that an entry is in a log, or that a log extends what it was.

A proof is JSON and holds all that it takes besides the public key of the log: signed
checkpoints, hashes, and of an inclusion the entry itself. Whoever checks one needs no
access to the log, and learns of it only what stands in the file.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

from clawlaw.core.canonical import canonical_struct
from clawlaw.core.merkle import (
    HASH_SIZE,
    Frontier,
    Range,
    consistency_ranges,
    inclusion_ranges,
    leaf_hash,
    verify_consistency,
    verify_inclusion,
)
from clawlaw.evidence.errors import EvidenceError, LogBehind
from clawlaw.evidence.note import (
    Checkpoint,
    Verifier,
    open_note,
    parse_checkpoint,
    split_note,
)
from clawlaw.evidence.reader import entries


class ProofError(EvidenceError):
    """A proof that cannot be made, read, or believed; the message says why."""


class Inclusion(
    Struct, frozen=True, forbid_unknown_fields=True, tag_field="proof", tag="inclusion"
):
    """That an entry is in a log.

    Attributes:
        entry: Its bytes, as text.
        index: Of the entry.
        hashes: From its sibling upwards, hex.
        checkpoint: Signed note of a head after the entry.
    """

    version: Literal[1]
    entry: str
    index: int
    hashes: tuple[str, ...]
    checkpoint: str


class Consistency(
    Struct,
    frozen=True,
    forbid_unknown_fields=True,
    tag_field="proof",
    tag="consistency",
):
    """That a log extends what it was.

    Attributes:
        hashes: From the first tree to the second, hex.
        first: Signed note of the earlier head.
        second: Of the later one.
    """

    version: Literal[1]
    hashes: tuple[str, ...]
    first: str
    second: str


def prove_inclusion(folder: Path, index: int, note: str) -> Inclusion:
    """Read the log once and prove that an entry is under a signed head.

    Raises:
        ProofError: The head is before the entry, or not of this log.
        LogBehind: The log is shorter than the head.
        LogDamaged: It is not what was written.
    """
    head = _checkpoint(note)
    if not 0 <= index < head.size:
        raise ProofError(
            f"entry {index} is not under the head of {head.size} entries; "
            "wait for a later checkpoint"
        )
    found: list[bytes] = []
    hashes, roots = _read(
        folder, head.size, inclusion_ranges(index, head.size), index, found
    )
    _check_head(head, roots[head.size])
    entry = found[0].decode()
    return Inclusion(1, entry, index, tuple(h.hex() for h in hashes), note)


def prove_consistency(folder: Path, first: str, second: str) -> Consistency:
    """Read the log once and prove that one signed head extends another.

    Raises:
        ProofError: The first is larger, or one is not of this log.
        LogBehind: The log is shorter than the second.
        LogDamaged: It is not what was written.
    """
    old, new = _checkpoint(first), _checkpoint(second)
    if old.size > new.size:
        raise ProofError(
            f"a head of {old.size} entries is not before one of {new.size}"
        )
    ranges = consistency_ranges(old.size, new.size)
    hashes, roots = _read(folder, new.size, ranges, old.size, [])
    _check_head(new, roots[new.size])
    _check_head(old, roots[old.size])
    return Consistency(1, tuple(h.hex() for h in hashes), first, second)


def _read(
    folder: Path, size: int, ranges: Sequence[Range], at: int, found: list[bytes]
) -> tuple[list[bytes], dict[int, bytes]]:
    """Roots of subtrees and of two sizes, and the entry at an index, in one pass."""
    parts = [Frontier() for _ in ranges]
    whole = Frontier()
    roots = {0: whole.root()}
    for index, payload in entries(folder):
        if index == at:
            roots[at] = whole.root()
            found.append(payload)
        if index == size:
            break
        leaf = leaf_hash(payload)
        whole.append(leaf)
        for part, (start, end) in zip(parts, ranges, strict=True):
            if start <= index < end:
                part.append(leaf)
    if whole.size < size:
        raise LogBehind(f"{folder}: {whole.size} entries, the head has {size}")
    roots[size] = whole.root()
    return [part.root() for part in parts], roots


def encode_proof(proof: Inclusion | Consistency) -> bytes:
    """Bytes of a proof file."""
    return canonical_struct(proof) + b"\n"


def decode_proof(data: bytes) -> Inclusion | Consistency:
    """Read a proof file.

    Raises:
        ProofError: Not a proof of a version that is known.
    """
    try:
        return _DECODER.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ProofError(f"not a proof of version 1: {error}") from error


_DECODER: "msgspec.json.Decoder[Inclusion | Consistency]" = msgspec.json.Decoder(
    Inclusion | Consistency
)


def check_proof(
    proof: Inclusion | Consistency, keys: Sequence[Verifier]
) -> tuple[Checkpoint, list[str]]:
    """Check a proof with public keys alone.

    Returns:
        The head that it leads to, and who signed it.

    Raises:
        ProofError: The hashes do not lead there.
        NoteError: A head is not signed by a known key.
    """
    hashes = _hashes(proof.hashes)
    if isinstance(proof, Inclusion):
        signed = open_note(proof.checkpoint.encode(), keys)
        head = signed.checkpoint
        leaf = leaf_hash(proof.entry.encode())
        if not verify_inclusion(leaf, proof.index, head.size, hashes, head.root):
            raise ProofError(f"entry {proof.index} is not under the signed head")
        return head, sorted(signed.names)
    old = open_note(proof.first.encode(), keys).checkpoint
    signed = open_note(proof.second.encode(), keys)
    new = signed.checkpoint
    if old.origin != new.origin:
        raise ProofError(f"the heads are of {old.origin!r} and of {new.origin!r}")
    if not verify_consistency(old.size, new.size, hashes, old.root, new.root):
        raise ProofError(
            f"{new.size} entries do not extend the {old.size} signed first"
        )
    return new, sorted(signed.names)


def _hashes(texts: Sequence[str]) -> list[bytes]:
    try:
        found = [bytes.fromhex(text) for text in texts]
    except ValueError as error:
        raise ProofError("a hash is not hex") from error
    if any(len(value) != HASH_SIZE for value in found):
        raise ProofError(f"a hash has not {HASH_SIZE} bytes")
    return found


def _check_head(head: Checkpoint, root: bytes) -> None:
    if head.root != root:
        raise ProofError(f"the head of {head.size} entries is not of this log")


def _checkpoint(note: str) -> Checkpoint:
    text, _ = split_note(note.encode())
    return parse_checkpoint(text)
