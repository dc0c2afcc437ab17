"""Proofs as files: made from a log, checked without it."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from clawlaw.cli import main
from clawlaw.evidence.errors import NoteError
from clawlaw.evidence.note import Signer
from clawlaw.evidence.proof import (
    Inclusion,
    ProofError,
    check_proof,
    decode_proof,
    encode_proof,
    prove_consistency,
    prove_inclusion,
)

from .conftest import SMALL, Opener, Writer, decided

type Notes = dict[int, str]


@pytest.fixture
def notes(open_log: Opener) -> Notes:
    """A log of 40 entries, with heads by their size."""
    found: Notes = {}
    with open_log(segment_bytes=SMALL) as log:
        writer = Writer(log)
        found[0] = log.checkpoint().decode()
        for number in range(30):
            writer.write(decided(number))
            if number % 3 == 0:
                note = writer.sign().decode()
                found[log.size - 1] = note
    return found


def test_every_entry_is_proven_under_every_later_head(
    folder: Path, notes: Notes, signer: Signer
) -> None:
    for size in (1, 7, 16, 37):
        note = notes.get(size)
        if note is None:
            continue
        for index in range(0, size, 3):
            proof = prove_inclusion(folder, index, note)
            again = decode_proof(encode_proof(proof))
            head, names = check_proof(again, [signer.verifier])
            assert (head.size, names) == (size, [signer.name])
            assert json.loads(proof.entry)["seq"] == index


def test_every_head_extends_those_before(
    folder: Path, notes: Notes, signer: Signer
) -> None:
    sizes = sorted(notes)
    for first in sizes[::2]:
        for second in sizes:
            if second < first:
                continue
            proof = prove_consistency(folder, notes[first], notes[second])
            head, _ = check_proof(proof, [signer.verifier])
            assert head.size == second
    with pytest.raises(ProofError, match="is not before"):
        prove_consistency(folder, notes[sizes[2]], notes[sizes[1]])


def test_an_entry_after_the_head_is_not_proven(folder: Path, notes: Notes) -> None:
    size = sorted(notes)[2]
    with pytest.raises(ProofError, match="wait for a later checkpoint"):
        prove_inclusion(folder, size, notes[size])


def test_a_changed_entry_is_not_believed(
    folder: Path, notes: Notes, signer: Signer
) -> None:
    proof = prove_inclusion(folder, 4, notes[max(notes)])
    for changed in (
        Inclusion(
            1, proof.entry.replace("d-", "e-"), 4, proof.hashes, proof.checkpoint
        ),
        Inclusion(1, proof.entry, 5, proof.hashes, proof.checkpoint),
        Inclusion(1, proof.entry, 4, proof.hashes[::-1], proof.checkpoint),
        Inclusion(1, proof.entry, 4, ("zz",), proof.checkpoint),
    ):
        with pytest.raises(ProofError):
            check_proof(changed, [signer.verifier])


def test_a_stranger_proves_nothing(folder: Path, notes: Notes) -> None:
    proof = prove_inclusion(folder, 4, notes[max(notes)])
    stranger = Signer("forge.test/gate", Ed25519PrivateKey.generate())
    with pytest.raises(NoteError, match="no known key"):
        check_proof(proof, [stranger.verifier])


@given(st.binary(max_size=200))
def test_no_bytes_break_the_reader_of_proofs(data: bytes) -> None:
    with pytest.raises(ProofError):
        decode_proof(data)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    def call(*arguments: object) -> tuple[int, str, str]:
        code = main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        return code, out, err

    return call


def test_proofs_by_the_command_hold_without_the_log(
    run: Callable[..., tuple[int, str, str]],
    folder: Path,
    notes: Notes,
    signer: Signer,
    tmp_path: Path,
) -> None:
    key, one, two = tmp_path / "log.pub", tmp_path / "one", tmp_path / "two"
    key.write_text(signer.verifier.encode())
    kept = tmp_path / "kept.note"
    kept.write_text(notes[sorted(notes)[3]])
    assert run("evidence", "proof", "inclusion", folder, "d-17", "--out", one)[0] == 0
    code, text, _ = run("evidence", "proof", "consistency", folder, kept)
    assert code == 0
    two.write_text(text)
    for path in folder.iterdir():
        path.unlink()
    code, text, _ = run("evidence", "check", one, "--key", key, "--json")
    said = json.loads(text)
    assert (code, said["holds"]) == (0, True)
    assert json.loads(said["entry"])["body"]["id"] == "d-17"
    code, text, _ = run("evidence", "check", two, "--key", key)
    assert code == 0
    assert "extends what it was" in text
    one.write_text(one.read_text().replace("d-17", "d-18"))
    code, text, _ = run("evidence", "check", one, "--key", key, "--json")
    assert (code, json.loads(text)["holds"]) == (1, False)
    assert run("evidence", "check", one)[0] == 2


def test_what_is_not_there_is_said(
    run: Callable[..., tuple[int, str, str]], folder: Path, notes: Notes
) -> None:
    assert notes
    code, _, err = run("evidence", "proof", "inclusion", folder, "nothing")
    assert code == 2
    assert "no decision 'nothing'" in err
