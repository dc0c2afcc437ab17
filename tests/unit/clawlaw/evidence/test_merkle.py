"""Published vectors, and what holds for every tree."""

import json
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clawlaw.core.merkle import (
    EMPTY_ROOT,
    Frontier,
    MerkleError,
    consistency_proof,
    consistency_ranges,
    inclusion_proof,
    inclusion_ranges,
    leaf_hash,
    node_hash,
    tree_root,
    verify_consistency,
    verify_inclusion,
)

VECTORS = json.loads(
    (Path(__file__).parents[3] / "fixtures/clawlaw/evidence/merkle.json").read_text()
)
LEAVES = [leaf_hash(bytes.fromhex(text)) for text in VECTORS["leaves"]]
SIZES = st.integers(1, 300)


def _leaves(count: int) -> list[bytes]:
    return [leaf_hash(i.to_bytes(4, "big")) for i in range(count)]


@pytest.mark.parametrize(("size", "root"), list(enumerate(VECTORS["roots"])))
def test_published_roots(size: int, root: str) -> None:
    assert tree_root(LEAVES[:size]).hex() == root


@pytest.mark.parametrize("case", VECTORS["inclusion"], ids=str)
def test_published_inclusion_proofs(case: dict[str, int | list[str]]) -> None:
    index, size, path = case["index"], case["size"], case["path"]
    assert isinstance(index, int)
    assert isinstance(size, int)
    assert [h.hex() for h in inclusion_proof(LEAVES, index, size)] == path


@pytest.mark.parametrize("case", VECTORS["consistency"], ids=str)
def test_published_consistency_proofs(case: dict[str, int | list[str]]) -> None:
    first, second, path = case["first"], case["second"], case["path"]
    assert isinstance(first, int)
    assert isinstance(second, int)
    assert [h.hex() for h in consistency_proof(LEAVES, first, second)] == path


def test_the_worked_example_of_seven_leaves() -> None:
    """RFC 9162, section 2.1.5: the tree of d0..d6 and its proofs."""
    d = _leaves(7)
    a, b, c, e, f, j = d[0], d[1], d[2], d[4], d[5], d[6]
    g, h, i = node_hash(a, b), node_hash(c, d[3]), node_hash(e, f)
    k, ell = node_hash(g, h), node_hash(i, j)
    assert tree_root(d) == node_hash(k, ell)
    assert inclusion_proof(d, 0, 7) == [b, h, ell]
    assert inclusion_proof(d, 3, 7) == [c, g, ell]
    assert inclusion_proof(d, 4, 7) == [f, j, k]
    assert inclusion_proof(d, 6, 7) == [i, k]
    assert consistency_proof(d, 3, 7) == [c, d[3], g, ell]
    assert consistency_proof(d, 4, 7) == [ell]
    assert consistency_proof(d, 6, 7) == [i, j, k]


def test_the_empty_tree_is_the_hash_of_nothing() -> None:
    assert Frontier().root() == EMPTY_ROOT == sha256(b"").digest()


def test_a_leaf_never_passes_for_a_node() -> None:
    left, right = _leaves(2)
    assert leaf_hash(left + right) != node_hash(left, right)


@given(SIZES, st.data())
def test_every_leaf_is_proven_and_no_other(size: int, data: st.DataObject) -> None:
    leaves = _leaves(size)
    index = data.draw(st.integers(0, size - 1))
    root, proof = tree_root(leaves), inclusion_proof(leaves, index, size)
    assert verify_inclusion(leaves[index], index, size, proof, root)
    other = data.draw(st.integers(0, size + 1))
    if other != index:
        assert not verify_inclusion(leaves[index], other, size, proof, root)
    assert not verify_inclusion(leaf_hash(b"other"), index, size, proof, root)


@given(SIZES, st.data())
def test_a_changed_proof_proves_nothing(size: int, data: st.DataObject) -> None:
    leaves = _leaves(size)
    index = data.draw(st.integers(0, size - 1))
    root, proof = tree_root(leaves), inclusion_proof(leaves, index, size)
    longer = [*proof, leaf_hash(b"more")]
    assert not verify_inclusion(leaves[index], index, size, longer, root)
    if proof:
        at = data.draw(st.integers(0, len(proof) - 1))
        changed = [*proof[:at], leaf_hash(b"x"), *proof[at + 1 :]]
        assert not verify_inclusion(leaves[index], index, size, changed, root)
        assert not verify_inclusion(leaves[index], index, size, proof[:-1], root)


@given(SIZES, st.data())
def test_every_beginning_is_proven(size: int, data: st.DataObject) -> None:
    leaves = _leaves(size)
    first = data.draw(st.integers(0, size))
    old, new = tree_root(leaves[:first]), tree_root(leaves)
    proof = consistency_proof(leaves, first, size)
    assert verify_consistency(first, size, proof, old, new)
    assert not verify_consistency(first, size, [*proof, old], old, new)
    if first:
        forged = leaf_hash(b"forged")
        assert not verify_consistency(first, size, proof, forged, new)
        if first != size:
            assert not verify_consistency(first, size, proof, old, forged)
            assert not verify_consistency(first, size, proof[:-1], old, new)


@given(SIZES, st.data())
def test_another_history_is_not_consistent(size: int, data: st.DataObject) -> None:
    leaves = _leaves(size)
    first = data.draw(st.integers(1, size))
    at = data.draw(st.integers(0, first - 1))
    other = [*leaves[:at], leaf_hash(b"other"), *leaves[at + 1 :]]
    proof = consistency_proof(other, first, size)
    old, new = tree_root(leaves[:first]), tree_root(other)
    assert not verify_consistency(first, size, proof, old, new)


@given(st.integers(0, 300))
def test_a_frontier_survives_its_bytes(size: int) -> None:
    frontier = Frontier()
    for leaf in _leaves(size):
        frontier.append(leaf)
    again = Frontier.decode(frontier.encode())
    assert (again.size, again.root()) == (size, frontier.root())
    again.append(leaf_hash(b"next"))
    copy = frontier.copy()
    copy.append(leaf_hash(b"next"))
    assert again.root() == copy.root()
    assert frontier.size == size


@given(st.binary(max_size=120))
def test_no_bytes_break_the_frontier_decoder(data: bytes) -> None:
    try:
        frontier = Frontier.decode(data)
    except MerkleError:
        return
    assert frontier.encode() == data


@given(
    st.integers(-2, 2**70),
    st.integers(-2, 2**70),
    st.lists(st.binary(min_size=31, max_size=33), max_size=80),
)
@settings(max_examples=200)
def test_no_numbers_or_hashes_break_a_verifier(
    first: int, second: int, proof: list[bytes]
) -> None:
    root = leaf_hash(b"root")
    assert not verify_inclusion(leaf_hash(b"leaf"), first, second, proof, root)
    old = leaf_hash(b"old")
    assert not verify_consistency(first, second, proof, old, root)


@pytest.mark.parametrize(("index", "size"), [(-1, 3), (3, 3), (0, 0)])
def test_a_leaf_outside_of_the_tree_has_no_proof(index: int, size: int) -> None:
    with pytest.raises(MerkleError, match="is not in a tree"):
        inclusion_ranges(index, size)


def test_a_larger_tree_is_no_beginning() -> None:
    with pytest.raises(MerkleError, match="not the beginning"):
        consistency_ranges(4, 3)


def test_leaves_that_are_missing_are_named() -> None:
    with pytest.raises(MerkleError, match="5 leaves are needed, got 3"):
        inclusion_proof(_leaves(3), 0, 5)
