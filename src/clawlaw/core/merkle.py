"""The tree over the entries of the log: roots, growth by one leaf, and proofs.

RFC 6962, section 2.1: SHA-256, a leaf is hashed with the prefix 0x00 and a node with
0x01, so that neither passes for the other. A `Frontier` is all that appending needs:
the roots of the complete subtrees, largest first. Proofs are lists of subtree roots;
`inclusion_ranges` and `consistency_ranges` say of which subtrees, so that a reader of a
long log can hash them as it streams and holds a few hashes only.
"""

from collections.abc import Sequence
from hashlib import sha256
from typing import Final

from clawlaw.core.errors import ClawLawError

HASH_SIZE: Final = 32  # bytes
EMPTY_ROOT: Final = sha256(b"").digest()
_SIZE_BYTES: Final = 8

type Range = tuple[int, int]  # leaves from the first up to and without the second


class MerkleError(ClawLawError):
    """Sizes or hashes that no tree can have; the message says got and expected."""


def leaf_hash(data: bytes) -> bytes:
    """Hash of one leaf, ``HASH_SIZE`` bytes.

    Source: RFC 6962, section 2.1.
    """
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash of an inner node over two hashes, ``HASH_SIZE`` bytes.

    Source: RFC 6962, section 2.1.
    """
    return sha256(b"\x01" + left + right).digest()


class Frontier:
    """What is kept of a tree to append to it: one hash for each one-bit of its size."""

    __slots__ = ("_roots", "_size")

    def __init__(self) -> None:
        """Begin with the empty tree."""
        self._size = 0
        self._roots: list[bytes] = []

    @property
    def size(self) -> int:
        """Leaves in the tree."""
        return self._size

    def append(self, leaf: bytes) -> None:
        """Add a leaf by its hash; O(log size) at most, two hashes on average."""
        roots = self._roots
        roots.append(leaf)
        size = self._size
        self._size = size + 1
        while size & 1:
            right = roots.pop()
            roots[-1] = node_hash(roots[-1], right)
            size >>= 1

    def root(self) -> bytes:
        """Root over all leaves, ``HASH_SIZE`` bytes."""
        if not self._roots:
            return EMPTY_ROOT
        above = self._roots[-1]
        for left in reversed(self._roots[:-1]):
            above = node_hash(left, above)
        return above

    def copy(self) -> "Frontier":
        """A frontier of its own with the same leaves."""
        other = Frontier()
        other._size = self._size
        other._roots = list(self._roots)
        return other

    def encode(self) -> bytes:
        """Bytes that `decode` reads: the size, big-endian, then the hashes."""
        return self._size.to_bytes(_SIZE_BYTES, "big") + b"".join(self._roots)

    @classmethod
    def decode(cls, data: bytes) -> "Frontier":
        """Read what `encode` wrote.

        Raises:
            MerkleError: The number of hashes does not fit the size.
        """
        size = int.from_bytes(data[:_SIZE_BYTES], "big")
        expected = _SIZE_BYTES + HASH_SIZE * size.bit_count()
        if len(data) != expected:
            raise MerkleError(
                f"a frontier of {size} leaves has {expected} bytes, got {len(data)}"
            )
        frontier = cls()
        frontier._size = size
        frontier._roots = [
            data[at : at + HASH_SIZE] for at in range(_SIZE_BYTES, expected, HASH_SIZE)
        ]
        return frontier


def tree_root(leaves: Sequence[bytes]) -> bytes:
    """Root over leaf hashes, ``HASH_SIZE`` bytes."""
    frontier = Frontier()
    for leaf in leaves:
        frontier.append(leaf)
    return frontier.root()


def inclusion_ranges(index: int, size: int) -> list[Range]:
    """Subtrees whose roots prove that a leaf is in a tree, from the leaf upwards.

    Raises:
        MerkleError: The index is not in the tree.

    Source: RFC 6962, section 2.1.1.
    """
    if not 0 <= index < size:
        raise MerkleError(f"leaf {index} is not in a tree of {size}")
    ranges: list[Range] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((start, middle))
            start = middle
    return ranges[::-1]


def consistency_ranges(first: int, second: int) -> list[Range]:
    """Subtrees whose roots prove that a tree is the beginning of a larger one.

    Raises:
        MerkleError: The first is larger than the second.

    Source: RFC 6962, section 2.1.2.
    """
    if not 0 <= first <= second:
        raise MerkleError(f"a tree of {first} is not the beginning of one of {second}")
    if first in (0, second):
        return []
    ranges: list[Range] = []
    start, end = 0, second
    while first != end:
        middle = start + _split(end - start)
        if first <= middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((start, middle))
            start = middle
    if start:  # else the first tree is itself a subtree, and its root is known
        ranges.append((start, end))
    return ranges[::-1]


def inclusion_proof(leaves: Sequence[bytes], index: int, size: int) -> list[bytes]:
    """Audit path of a leaf, from its sibling upwards.

    Args:
        leaves: Leaf hashes, at least ``size``.
        index: Of the leaf.
        size: Of the tree.

    Raises:
        MerkleError: The index is not in the tree, or leaves are missing.
    """
    return _roots(leaves, inclusion_ranges(index, size), size)


def consistency_proof(leaves: Sequence[bytes], first: int, second: int) -> list[bytes]:
    """Hashes that lead from the root of ``first`` leaves to that of ``second``.

    Empty where the first tree is empty or both are one.

    Raises:
        MerkleError: The first is larger than the second, or leaves are missing.
    """
    return _roots(leaves, consistency_ranges(first, second), second)


def verify_inclusion(
    leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes
) -> bool:
    """Whether the proof leads from a leaf hash to the root.

    Source: RFC 9162, section 2.1.3.2.
    """
    if not 0 <= index < size or not _hashes(leaf, root, *proof):
        return False
    at, last, found = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return False
        if at & 1 or at == last:
            found = node_hash(sibling, found)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            found = node_hash(found, sibling)
        at, last = at >> 1, last >> 1
    return last == 0 and found == root


def verify_consistency(
    first: int, second: int, proof: Sequence[bytes], root1: bytes, root2: bytes
) -> bool:
    """Whether the proof shows one tree to be the beginning of another.

    Every tree extends the empty one, by an empty proof.

    Source: RFC 9162, section 2.1.4.2.
    """
    if not 0 <= first <= second or not _hashes(root1, root2, *proof):
        return False
    if first in (0, second):
        expected = EMPTY_ROOT if first == 0 else root2
        return not proof and root1 == expected
    path = list(proof)
    if not first & (first - 1):
        path.insert(0, root1)
    if not path:
        return False
    return _consistent(first - 1, second - 1, path, (root1, root2))


def _consistent(
    at: int, last: int, path: Sequence[bytes], roots: tuple[bytes, bytes]
) -> bool:
    while at & 1:
        at, last = at >> 1, last >> 1
    old = new = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if at & 1 or at == last:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            new = node_hash(new, sibling)
        at, last = at >> 1, last >> 1
    return last == 0 and (old, new) == roots


def _split(size: int) -> int:
    """Largest power of two that is smaller than the size."""
    return 1 << ((size - 1).bit_length() - 1)


def _roots(leaves: Sequence[bytes], ranges: list[Range], size: int) -> list[bytes]:
    if len(leaves) < size:
        raise MerkleError(f"{size} leaves are needed, got {len(leaves)}")
    return [tree_root(leaves[start:end]) for start, end in ranges]


def _hashes(*values: bytes) -> bool:
    return all(len(value) == HASH_SIZE for value in values)
