"""Whose answer it is: keys, their files, and what a signature binds."""

import base64
import os
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from clawlaw.evidence.schema import Escalated
from clawlaw.gate import stewards
from clawlaw.gate.answers import Answer
from clawlaw.gate.stewards import Steward, StewardError, StewardKey, Stewards
from clawlaw.private import PrivateFileError

PASSPHRASE = "correct horse battery"  # noqa: S105  # of a test
ASKED = Escalated("e1", "d1", "sha256:a", "sha256:p", ("a.ask",), 100, 1, "coder", "s")
ANSWER = Answer("approve", "it is mine", "alice+00000000", 90)


def key(name: str = "alice", seed: int = 1) -> StewardKey:
    private = Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)
    return StewardKey(Steward(name, private.public_key().public_bytes_raw()), private)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "alice.pem"


def test_key_line_reads_back_and_names_its_key() -> None:
    steward = key().steward
    assert Steward.parse(steward.text + "\n") == steward
    assert steward.text.startswith(steward.key + "+")
    assert steward.key.startswith("alice+")


def test_key_id_is_that_of_the_published_note_example() -> None:
    # Key of the example in https://pkg.go.dev/golang.org/x/mod/sumdb/note
    line = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
    _, number, coded = line.split("+", 2)
    raw = base64.b64decode(coded)[1:]
    assert Steward("PeterNeumann", raw).key == f"PeterNeumann+{number}"


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("", "not a steward's key"),
        ("alice", "not a steward's key"),
        ("alice+00000000+!!", "not a steward's key"),
        ("alice+00000000+AQ==", "not an Ed25519 key"),
        (key().steward.text.replace("alice", "Alice"), "a steward's name is"),
        (key().steward.text.replace("alice", "bob"), "not the one that its id names"),
    ],
)
def test_line_that_is_no_key_is_refused(line: str, problem: str) -> None:
    with pytest.raises(StewardError, match=problem):
        Steward.parse(line)


def test_names_and_keys_are_unique_and_no_agent_is_a_steward() -> None:
    one, same_name, same_key = key(), key(seed=2), key("bob")
    for other in (same_name, same_key):
        with pytest.raises(StewardError, match="listed twice"):
            Stewards([one.steward.text, other.steward.text])
    with pytest.raises(StewardError, match="an agent cannot be a steward"):
        Stewards([one.steward.text], principals=["coder", "alice"])
    assert len(Stewards([one.steward.text, key("bob", 2).steward.text])) == 2


def test_signature_of_a_steward_counts() -> None:
    alice = key()
    said = stewards.answer_statement("gate.test", ASKED, ANSWER)
    known = Stewards([alice.steward.text])
    assert known.verify(alice.steward.key, said, alice.sign(said)) == alice.steward


@pytest.mark.parametrize("field", ASKED.__struct_fields__)
def test_signature_binds_every_field_of_the_question(field: str) -> None:
    changed: object = getattr(ASKED, field)
    changed = (
        changed + 1
        if isinstance(changed, int)
        else (*changed, "b.ask")
        if isinstance(changed, tuple)
        else f"{changed}x"
    )
    other = msgspec.structs.replace(ASKED, **{field: changed})
    _refused("gate.test", other, ANSWER)


@pytest.mark.parametrize(
    "change",
    [{"answer": "deny"}, {"reason": "other"}, {"expires": 91}, {"key": "bob+00000000"}],
)
def test_signature_binds_every_field_of_the_answer(change: dict[str, object]) -> None:
    _refused("gate.test", ASKED, msgspec.structs.replace(ANSWER, **change))


def test_signature_binds_the_gate() -> None:
    _refused("other.test", ASKED, ANSWER)


def _refused(gate: str, asked: Escalated, answer: Answer) -> None:
    alice = key()
    signed = alice.sign(stewards.answer_statement("gate.test", ASKED, ANSWER))
    said = stewards.answer_statement(gate, asked, answer)
    with pytest.raises(StewardError, match="not of what was asked here"):
        Stewards([alice.steward.text]).verify(alice.steward.key, said, signed)


def test_signature_of_one_kind_of_statement_is_none_of_another() -> None:
    alice = key()
    signed = alice.sign(stewards.statement("gate.test", "answer", {"a": 1}))
    other = stewards.statement("gate.test", "budget", {"a": 1})
    with pytest.raises(StewardError, match="not of what"):
        Stewards([alice.steward.text]).verify(alice.steward.key, other, signed)


@pytest.mark.parametrize("signature", ["", "!!", "AAAA", "é"])
def test_what_is_no_signature_is_refused(signature: str) -> None:
    alice = key()
    with pytest.raises(StewardError, match="not of what was asked here"):
        Stewards([alice.steward.text]).verify(alice.steward.key, b"", signature)


def test_key_of_nobody_is_refused() -> None:
    alice = key()
    with pytest.raises(StewardError, match="no steward of this gate"):
        Stewards([]).verify(alice.steward.key, b"", alice.sign(b""))


def test_made_key_is_private_encrypted_and_opens_again(path: Path) -> None:
    old = os.umask(0)
    try:
        made = stewards.generate(path, "alice", PASSPHRASE)
    finally:
        os.umask(old)
    for file in (path, path.with_name("alice.pem.pub")):
        assert file.stat().st_mode & 0o777 == 0o600
    assert path.read_bytes().startswith(b"-----BEGIN ENCRYPTED PRIVATE KEY-----")
    opened = stewards.load(path, PASSPHRASE)
    assert opened.steward == made == stewards.read_public(path)
    known = Stewards([made.text])
    assert known.verify(made.key, b"x", opened.sign(b"x")) == made


def test_key_does_not_open_by_its_bare_passphrase(path: Path) -> None:
    # PKCS8 stretches with 2048 hashes only: the passphrase itself must not be the key.
    stewards.generate(path, "alice", PASSPHRASE)
    # A wrong key makes noise, which one time in 256 is padded well and no key either.
    with pytest.raises(ValueError, match=r"\w"):
        load_pem_private_key(path.read_bytes(), PASSPHRASE.encode())


def test_wrong_passphrase_is_refused(path: Path) -> None:
    stewards.generate(path, "alice", PASSPHRASE)
    with pytest.raises(StewardError, match="wrong passphrase"):
        stewards.load(path, PASSPHRASE + "x")


def test_short_passphrase_and_bad_name_make_no_file(path: Path) -> None:
    with pytest.raises(StewardError, match="at least 12"):
        stewards.generate(path, "alice", "short")
    with pytest.raises(StewardError, match="a steward's name is"):
        stewards.generate(path, "Alice Smith", PASSPHRASE)
    assert not list(path.parent.iterdir())


def test_key_is_never_replaced(path: Path) -> None:
    stewards.generate(path, "alice", PASSPHRASE)
    before = path.read_bytes()
    with pytest.raises(PrivateFileError, match="exists and is not replaced"):
        stewards.generate(path, "alice", PASSPHRASE)
    assert path.read_bytes() == before


def test_key_that_others_may_read_is_not_used(path: Path) -> None:
    stewards.generate(path, "alice", PASSPHRASE)
    path.chmod(0o640)
    with pytest.raises(PrivateFileError, match="mode 0640 lets others in"):
        stewards.load(path, PASSPHRASE)


def test_link_to_a_key_is_not_followed(path: Path) -> None:
    stewards.generate(path, "alice", PASSPHRASE)
    moved = path.with_name("moved.pem")
    path.rename(moved)
    path.symlink_to(moved)
    with pytest.raises(PrivateFileError, match="symbolic links"):
        stewards.load(path, PASSPHRASE)


def test_key_without_encryption_is_not_used(path: Path) -> None:
    stewards.generate(path, "alice", PASSPHRASE)
    plain = Ed25519PrivateKey.generate().private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    path.write_bytes(plain)
    with pytest.raises(StewardError, match="not encrypted"):
        stewards.load(path, PASSPHRASE)


def test_key_beside_another_public_line_is_not_used(path: Path) -> None:
    made = stewards.generate(path, "alice", PASSPHRASE)
    other = Ed25519PrivateKey.generate().private_bytes(
        Encoding.PEM,
        PrivateFormat.PKCS8,
        BestAvailableEncryption(stewards._stretched(PASSPHRASE, made)),
    )
    path.write_bytes(other)
    with pytest.raises(StewardError, match="not the key that"):
        stewards.load(path, PASSPHRASE)
