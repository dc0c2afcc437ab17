"""Signed notes against published ones; checkpoints; cosignatures; keys in files."""

import base64
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from clawlaw.core.merkle import leaf_hash
from clawlaw.evidence.errors import EvidenceError, NoteError
from clawlaw.evidence.keys import make_signer, read_signer, read_verifiers
from clawlaw.evidence.note import (
    Checkpoint,
    Signer,
    Verifier,
    checkpoint_text,
    cosign,
    open_note,
    parse_checkpoint,
    sign,
    split_note,
)

# golang.org/x/mod/sumdb/note, example of the package's documentation.
GO_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_SECRET = "AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"  # noqa: S105  # published
GO_TEXT = (
    b"If you think cryptography is the answer to your problem,\n"
    b"then you don't know what your problem is.\n"
)
GO_LINE = (
    "\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2p"
    "ZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
).encode()
# C2SP signed-note, its example.
C2SP_KEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
C2SP_NOTE = (
    "This is an example message.\n\n"
    "\u2014 example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYN"
    "ZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
).encode()
# transparency-dev/formats, note/note_cosigv1_test.go.
COSIGNER_KEY = "remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2"

HEAD = Checkpoint("forge.test/gate", 1234, leaf_hash(b"root"))


@pytest.fixture
def witness() -> Signer:
    return Signer("witness-1", Ed25519PrivateKey.from_private_bytes(bytes(range(32))))


def test_a_published_note_is_signed_byte_for_byte() -> None:
    seed = base64.b64decode(GO_SECRET)[1:]
    signer = Signer("PeterNeumann", Ed25519PrivateKey.from_private_bytes(seed))
    assert signer.verifier.encode() == GO_KEY
    assert signer.line(GO_TEXT) == GO_LINE


@pytest.mark.parametrize(
    ("key", "note"),
    [(GO_KEY, GO_TEXT + b"\n" + GO_LINE), (C2SP_KEY, C2SP_NOTE)],
    ids=["go", "c2sp"],
)
def test_published_notes_verify(key: str, note: bytes) -> None:
    text, [(name, signature)] = split_note(note)
    verifier = Verifier.parse(key)
    assert name == verifier.name
    assert verifier.verify(text, signature[4:]) == 0
    assert verifier.verify(text + b"x\n", signature[4:]) is None


@pytest.mark.parametrize("key", [GO_KEY, C2SP_KEY, COSIGNER_KEY])
def test_published_keys_are_written_as_they_are_read(key: str) -> None:
    assert Verifier.parse(key).encode() == key


@pytest.mark.parametrize("at", range(len(GO_KEY)))
def test_a_published_key_with_one_letter_changed_is_refused(at: int) -> None:
    changed = GO_KEY[:at] + chr(ord(GO_KEY[at]) + 1) + GO_KEY[at + 1 :]
    with pytest.raises(NoteError):
        Verifier.parse(changed)


def test_a_checkpoint_has_the_published_form(signer: Signer) -> None:
    root = base64.b64encode(HEAD.root).decode()
    assert checkpoint_text(HEAD) == f"forge.test/gate\n1234\n{root}\n".encode()
    note = sign(HEAD, signer)
    assert note.startswith(checkpoint_text(HEAD) + b"\n\xe2\x80\x94 forge.test/gate ")
    signed = open_note(note, [signer.verifier])
    assert signed.checkpoint == HEAD
    assert signed.names == {"forge.test/gate": 0}


def test_witnesses_add_their_lines(signer: Signer, witness: Signer) -> None:
    note = cosign(sign(HEAD, signer), witness, 1_790_000_000)
    signed = open_note(note, [signer.verifier, witness.cosigner])
    assert signed.names == {"forge.test/gate": 0, "witness-1": 1_790_000_000}
    assert open_note(note, [witness.cosigner]).checkpoint == HEAD


def test_a_cosignature_is_over_its_time(signer: Signer, witness: Signer) -> None:
    note = sign(HEAD, signer)
    early, late = cosign(note, witness, 5), cosign(note, witness, 6)
    encoded = late.split(b" ")[-1].strip()
    data = bytearray(base64.b64decode(encoded))
    assert int.from_bytes(data[4:12], "big") == 6
    data[11] = 5
    forged = late.replace(encoded, base64.b64encode(data))
    assert forged != early
    with pytest.raises(NoteError, match="witness-1 is not of this note"):
        open_note(forged, [witness.cosigner])


def test_a_signature_and_a_cosignature_are_not_each_other(witness: Signer) -> None:
    plain, seen = sign(HEAD, witness), cosign(sign(HEAD, witness), witness, 7)
    with pytest.raises(NoteError, match="no known key"):
        open_note(plain, [witness.cosigner])
    assert open_note(seen, [witness.verifier]).names == {"witness-1": 0}


def test_a_note_that_nobody_known_signed_says_who_did(
    signer: Signer, witness: Signer
) -> None:
    with pytest.raises(NoteError, match=r"no known key .* only forge\.test/gate"):
        open_note(sign(HEAD, signer), [witness.verifier])


@given(st.data())
def test_no_change_of_a_note_is_believed(data: st.DataObject) -> None:
    signer = Signer("log", Ed25519PrivateKey.from_private_bytes(bytes(32)))
    note = bytearray(sign(HEAD, signer))
    at = data.draw(st.integers(0, len(note) - 1))
    note[at] = data.draw(st.integers(0, 255))
    try:
        assert open_note(bytes(note), [signer.verifier]).checkpoint == HEAD
        assert bytes(note) == sign(HEAD, signer)
    except NoteError:
        assert bytes(note) != sign(HEAD, signer)


@given(st.one_of(st.binary(max_size=300), st.text(max_size=300).map(str.encode)))
def test_no_bytes_break_the_readers(data: bytes) -> None:
    for read in (parse_checkpoint, split_note):
        try:
            read(data)
        except NoteError:
            continue
    with pytest.raises(NoteError):
        open_note(data, [])


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"origin\n1\n",
        b"\n1\n" + base64.b64encode(HEAD.root) + b"\n",
        b"origin\n01\n" + base64.b64encode(HEAD.root) + b"\n",
        b"origin\n-1\n" + base64.b64encode(HEAD.root) + b"\n",
        b"origin\n1_0\n" + base64.b64encode(HEAD.root) + b"\n",
        b"origin\n1\n" + base64.b64encode(HEAD.root[:31]) + b"\n",
        b"origin\n1\n" + base64.b64encode(HEAD.root),
    ],
)
def test_what_is_no_checkpoint_is_refused(text: bytes) -> None:
    with pytest.raises(NoteError):
        parse_checkpoint(text)


def test_extension_lines_are_read_over() -> None:
    text = checkpoint_text(HEAD) + b"extension\n"
    assert parse_checkpoint(text) == HEAD


def test_a_key_is_made_once_and_read_again(tmp_path: Path) -> None:
    path = tmp_path / "log.pem"
    made = make_signer(path, "forge.test/gate")
    assert path.stat().st_mode & 0o777 == 0o600
    again = read_signer(path, "forge.test/gate")
    assert again.verifier.encode() == made.verifier.encode()
    [published] = read_verifiers(tmp_path / "log.pub")
    assert published.encode() == made.verifier.encode()
    with pytest.raises(FileExistsError):
        make_signer(path, "forge.test/gate")


def test_a_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "log.pem"
    make_signer(path, "log")
    path.chmod(0o640)
    with pytest.raises(EvidenceError, match="mode 0640"):
        read_signer(path, "log")


def test_what_is_no_key_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "log.pem"
    path.write_text("no key")
    path.chmod(0o600)
    with pytest.raises(EvidenceError, match="not a private key"):
        read_signer(path, "log")
    with pytest.raises(NoteError):
        read_verifiers(path)
