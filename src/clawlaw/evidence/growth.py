"""Proof that a log only grew: from a size that others saw to a size that was signed.

Read from the segment that holds the smaller size: its opening carries the tree over
everything before it, so that a long log is not read again.
"""

from pathlib import Path

from clawlaw.core.merkle import HASH_SIZE, consistency_ranges, tree_root
from clawlaw.evidence.errors import LogBehind
from clawlaw.evidence.frame import ENTRY
from clawlaw.evidence.reader import frames_from

_SIZE_BYTES = 8  # before the roots in `Frontier.encode`


def consistency_from(folder: Path, first: int, second: int) -> list[bytes]:
    """Consistency proof between two sizes of the log in a folder.

    Args:
        folder: Of the segments; may be written to meanwhile.
        first: Entries of the smaller tree.
        second: Entries of the larger, all of them durable.

    Raises:
        LogBehind: The log has fewer entries.
        LogDamaged: It is not what was written.
        MerkleError: The first is larger than the second.
    """
    ranges = consistency_ranges(first, second)
    if not ranges:
        return []
    roots, leaves = _grown(folder, first, second)
    known = _complete(roots, first)
    return [
        known[at, end] if end <= first else tree_root(leaves[at - first : end - first])
        for at, end in ranges
    ]


def _grown(folder: Path, first: int, second: int) -> tuple[list[bytes], list[bytes]]:
    """Roots of the complete subtrees at the first size, and the leaves after it."""
    roots: list[bytes] | None = None
    leaves: list[bytes] = []
    for chain, frame in frames_from(folder, first):
        if roots is not None and frame.kind == ENTRY:
            leaves.append(frame.leaf)
        if roots is None and chain.size == first:
            data = chain.frontier.encode()[_SIZE_BYTES:]
            roots = [data[at : at + HASH_SIZE] for at in range(0, len(data), HASH_SIZE)]
        if roots is not None and len(leaves) == second - first:
            return roots, leaves
    raise LogBehind(f"{folder}: fewer than {second} entries")


def _complete(roots: list[bytes], size: int) -> dict[tuple[int, int], bytes]:
    """Roots by the leaves they stand for: one for each one-bit of the size."""
    found: dict[tuple[int, int], bytes] = {}
    bits = [bit for bit in range(size.bit_length(), -1, -1) if size >> bit & 1]
    at = 0
    for root, bit in zip(roots, bits, strict=True):
        found[at, at + (1 << bit)] = root
        at += 1 << bit
    return found
