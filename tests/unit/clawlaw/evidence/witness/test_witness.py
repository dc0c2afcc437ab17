"""A witness co-signs what extends the last head that it saw, and nothing else."""

import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clawlaw.core.merkle import consistency_proof, leaf_hash, tree_root
from clawlaw.evidence.errors import EvidenceError, LogBehind
from clawlaw.evidence.growth import consistency_from
from clawlaw.evidence.log import Log
from clawlaw.evidence.note import Checkpoint, Signer, open_note, sign
from clawlaw.evidence.witness import (
    Witness,
    WitnessError,
    encode_request,
    parse_request,
)
from clawlaw.private import PrivateFileError

ORIGIN = "gate.test/log"
NOW = 1_700_000_000  # seconds

type MakeSigner = Callable[[str, int], Signer]

LEAVES = [leaf_hash(str(n).encode()) for n in range(40)]
OTHER = [leaf_hash(f"other {n}".encode()) for n in range(40)]


class Watched:
    """A witness with the keys around it."""

    def __init__(self, folder: Path, signer: MakeSigner) -> None:
        self.folder = folder
        self.log = signer(ORIGIN, 1)
        self.own = signer("witness.test", 2)
        self.witness = self.begin()

    def begin(self) -> Witness:
        return Witness(self.folder, self.own, [(ORIGIN, self.log.verifier)])

    def head(self, size: int, leaves: list[bytes] = LEAVES) -> bytes:
        return sign(Checkpoint(ORIGIN, size, tree_root(leaves[:size])), self.log)

    def add(self, old: int, size: int, leaves: list[bytes] = LEAVES) -> bytes:
        proof = consistency_proof(leaves, old, size)
        request = encode_request(old, proof, self.head(size, leaves))
        return self.witness.add(request, NOW)


@pytest.fixture
def watched(tmp_path: Path, signer: MakeSigner) -> Watched:
    return Watched(tmp_path / "witness", signer)


def test_growth_is_cosigned_with_the_time(watched: Watched) -> None:
    for old, size in ((0, 3), (3, 8), (8, 40)):
        line = watched.add(old, size)
        found = open_note(watched.head(size) + line, [watched.own.cosigner])
        assert found.names == {"witness.test": NOW}
        assert found.checkpoint.size == size


def test_same_head_is_cosigned_again(watched: Watched) -> None:
    watched.add(0, 5)
    assert watched.add(5, 5)


@pytest.mark.parametrize("size", [5, 6, 40])
def test_other_history_is_refused(watched: Watched, size: int) -> None:
    watched.add(0, 5)
    with pytest.raises(WitnessError) as refused:
        watched.add(5, size, OTHER)
    assert refused.value.status == (409 if size == 5 else 422)
    assert watched.add(5, 6)


def test_smaller_head_is_refused(watched: Watched) -> None:
    watched.add(0, 9)
    with pytest.raises(WitnessError, match="size 9 was seen last") as refused:
        watched.add(0, 5)
    assert (refused.value.status, refused.value.seen) == (409, 9)
    request = encode_request(9, [], watched.head(5))
    with pytest.raises(WitnessError, match="old size 9 above"):
        watched.witness.add(request, NOW)


def test_proof_of_the_empty_log_proves_nothing_later(watched: Watched) -> None:
    watched.add(0, 9)
    request = encode_request(9, [], watched.head(20, OTHER))
    with pytest.raises(WitnessError, match="not shown to extend"):
        watched.witness.add(request, NOW)


def test_restart_remembers(watched: Watched) -> None:
    watched.add(0, 9)
    watched.witness = watched.begin()
    with pytest.raises(WitnessError, match="size 9 was seen last"):
        watched.add(0, 20, OTHER)
    watched.add(9, 20)


def test_what_is_remembered_and_cannot_be_read_is_no_new_beginning(
    watched: Watched,
) -> None:
    watched.add(0, 9)
    (kept,) = watched.folder.iterdir()
    good = kept.read_bytes()
    for bad in (b"", good[:-20], good.replace(b"\n9\n", b"\n8\n")):
        kept.write_bytes(bad)
        with pytest.raises(EvidenceError):
            watched.begin()
    kept.write_bytes(good)
    kept.chmod(0o666)
    with pytest.raises(PrivateFileError, match="lets others in"):
        watched.begin()


def test_what_cannot_be_remembered_is_not_signed(watched: Watched) -> None:
    watched.add(0, 3)
    kept = watched.folder.with_name("aside")
    shutil.move(watched.folder, kept)
    with pytest.raises(PrivateFileError):
        watched.add(3, 9)
    shutil.move(kept, watched.folder)
    watched.add(3, 5)  # the refused head was not taken for seen


def test_of_two_histories_at_once_one_is_cosigned(watched: Watched) -> None:
    for _ in range(10):
        shutil.rmtree(watched.folder)
        watched.witness = watched.begin()
        signed: list[bytes] = []

        def race(leaves: list[bytes], signed: list[bytes] = signed) -> None:
            try:
                signed.append(watched.add(0, 7, leaves))
            except WitnessError:
                return

        threads = [threading.Thread(target=race, args=(x,)) for x in (LEAVES, OTHER)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(signed) == 1


def test_strangers_are_refused(watched: Watched, signer: MakeSigner) -> None:
    head = Checkpoint(ORIGIN, 3, tree_root(LEAVES[:3]))
    forged = encode_request(0, [], sign(head, signer(ORIGIN, 9)))
    with pytest.raises(WitnessError, match="no known key") as refused:
        watched.witness.add(forged, NOW)
    assert refused.value.status == 403
    other = sign(Checkpoint("other.test", 3, head.root), watched.log)
    with pytest.raises(WitnessError, match="not watched here") as refused:
        watched.witness.add(encode_request(0, [], other), NOW)
    assert refused.value.status == 404
    with pytest.raises(WitnessError, match="not watched here"):
        watched.witness.last("other.test")


def test_last_note_carries_no_signature_of_strangers(
    watched: Watched, signer: MakeSigner
) -> None:
    note = watched.head(3) + signer("stranger", 7).line(b"anything")
    watched.witness.add(encode_request(0, [], note), NOW)
    last = watched.witness.last(ORIGIN)
    assert last is not None
    assert b"stranger" not in last
    names = open_note(last, [watched.log.verifier, watched.own.cosigner]).names
    assert set(names) == {ORIGIN, "witness.test"}


@pytest.mark.parametrize(
    "request_",
    [
        b"",
        b"old 0",
        b"old -1\n\nx",
        b"old 00\n\nx",
        b"old \xb2\n\nx",
        b"old 0\nAAAA\n\nx",
        b"old 0\n!\n\nx",
        b"old 0\n\nno note",
        b"old 0\n" + b"A" * 43 + b"=\n" * 64 + b"\nx",
        b"old 99999999999999999999\n\nx",
    ],
)
def test_what_is_no_request_is_refused(watched: Watched, request_: bytes) -> None:
    with pytest.raises(WitnessError) as refused:
        watched.witness.add(request_, NOW)
    assert refused.value.status == 400


@given(st.binary(max_size=200) | st.text(max_size=80).map(str.encode))
def test_parsing_refuses_or_reads(data: bytes) -> None:
    for request in (data, b"old 3\n\n" + data, b"old 0\n" + data + b"\n\nnote"):
        try:
            old, proof, note = parse_request(request)
        except WitnessError:
            continue
        assert encode_request(old, proof, note) == request


@pytest.mark.parametrize("step", [1, 3, 7])
def test_proof_from_the_log_is_that_of_its_leaves(log: Log, step: int) -> None:
    leaves = []
    for number in range(45):
        payload = f"{number} ".encode() * 60
        log.append([payload])
        leaves.append(leaf_hash(payload))
    for first in range(0, 46, step):
        for second in range(first, 46, step):
            found = consistency_from(log.folder, first, second)
            assert found == consistency_proof(leaves, first, second)
    with pytest.raises(LogBehind):
        consistency_from(log.folder, 3, 46)
