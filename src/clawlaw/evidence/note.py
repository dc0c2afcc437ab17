"""Signed notes, checkpoints of the log, and cosignatures of witnesses.

The formats are those of the C2SP specifications signed-note, tlog-checkpoint and
tlog-cosignature, so that other implementations read what this one signs. A note is
text, an empty line, and one line for each signature. Keys are Ed25519.
"""

import re
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Iterable
from hashlib import sha256
from typing import Final, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

from clawlaw.core.merkle import HASH_SIZE
from clawlaw.evidence.errors import NoteError

ED25519: Final = 0x01  # signature types of signed-note
COSIGNATURE: Final = 0x04
MAX_NOTE: Final = 1 << 20  # bytes
MAX_SIGNATURES: Final = 100
_ID_SIZE: Final = 4
_TIME_SIZE: Final = 8
_SIGNATURE_SIZE: Final = 64
_KEY_SIZE: Final = 32
_DASH: Final = "\u2014 "
_LINE: Final = re.compile("\u2014 ([^ ]+) ([A-Za-z0-9+/=]+)")


class Checkpoint(NamedTuple):
    """The head of a log at one size.

    Attributes:
        origin: Names the log, the same in every checkpoint of it.
        size: Entries.
        root: Of the tree over them, ``HASH_SIZE`` bytes.
    """

    origin: str
    size: int
    root: bytes


class Verifier:
    """A name and a public key that may sign notes.

    Attributes:
        name: As in the signature lines; no space and no "+".
        type: ``ED25519`` or ``COSIGNATURE``.
        id: First four bytes of the digest that names the key.
    """

    def __init__(
        self, name: str, key: Ed25519PublicKey, *, cosigns: bool = False
    ) -> None:
        """Keep a name and its key.

        Raises:
            NoteError: The name cannot stand in a signature line.
        """
        if not name or "+" in name or any(c.isspace() for c in name):
            raise NoteError(f"{name!r} is no key name: it needs text without space, +")
        self.name = name
        self.type = COSIGNATURE if cosigns else ED25519
        self._key = key
        self._bytes = bytes([self.type]) + key.public_bytes_raw()
        self.id = sha256(name.encode() + b"\n" + self._bytes).digest()[:_ID_SIZE]

    def encode(self) -> str:
        """The key in the form that is published: name, id and key."""
        return f"{self.name}+{self.id.hex()}+{b64encode(self._bytes).decode()}"

    @classmethod
    def parse(cls, text: str) -> "Verifier":
        """Read a published key.

        Raises:
            NoteError: Not of the form, another algorithm, or an id of another key.
        """
        name, _, rest = text.strip().partition("+")
        key_id, _, encoded = rest.partition("+")
        data = _base64(encoded, "a verifier key")
        known = data[:1] in (bytes([ED25519]), bytes([COSIGNATURE]))
        if len(data) != 1 + _KEY_SIZE or not known:
            raise NoteError("a verifier key is name+id+key of Ed25519")
        public = Ed25519PublicKey.from_public_bytes(data[1:])
        found = cls(name, public, cosigns=data[0] == COSIGNATURE)
        if found.id.hex() != key_id:
            raise NoteError(
                f"verifier key {name}: id {key_id}, expected {found.id.hex()}"
            )
        return found

    def verify(self, text: bytes, signature: bytes) -> int | None:
        """Time in a signature over a note's text, 0 without one; `None`: not signed.

        Args:
            text: Of the note, with its last newline.
            signature: As in the signature line, after the key's id.
        """
        time = 0
        message = text
        if self.type == COSIGNATURE:
            time = int.from_bytes(signature[:_TIME_SIZE], "big")
            signature = signature[_TIME_SIZE:]
            message = _cosigned(text, time)
        if len(signature) != _SIGNATURE_SIZE:
            return None
        try:
            self._key.verify(signature, message)
        except InvalidSignature:
            return None
        return time


class Signer:
    """A name and a private key that sign notes.

    Attributes:
        verifier: For what it signs.
        cosigner: For what it cosigns.
    """

    def __init__(self, name: str, key: Ed25519PrivateKey) -> None:
        """Keep a name and its key.

        Raises:
            NoteError: The name cannot stand in a signature line.
        """
        self._key = key
        self.verifier = Verifier(name, key.public_key())
        self.cosigner = Verifier(name, key.public_key(), cosigns=True)

    @property
    def name(self) -> str:
        """As in the signature lines."""
        return self.verifier.name

    def line(self, text: bytes) -> bytes:
        """The signature line over a note's text."""
        return _line(self.verifier, self._key.sign(text))

    def cosignature(self, text: bytes, time: int) -> bytes:
        """The line that says: seen at this time, seconds since the epoch."""
        signature = self._key.sign(_cosigned(text, time))
        return _line(self.cosigner, time.to_bytes(_TIME_SIZE, "big") + signature)


class Signed(NamedTuple):
    """A note that known keys signed.

    Attributes:
        checkpoint: What it says.
        text: Bytes that were signed.
        names: Who signed, with the time of a cosignature in seconds since the epoch,
            0 for a plain signature.
    """

    checkpoint: Checkpoint
    text: bytes
    names: dict[str, int]


def checkpoint_text(checkpoint: Checkpoint) -> bytes:
    """What is signed for a checkpoint.

    Raises:
        NoteError: An origin with a line break, or a root of another size.
    """
    origin, size, root = checkpoint
    if not origin or not origin.isprintable() or len(root) != HASH_SIZE or size < 0:
        raise NoteError(f"no checkpoint: {origin!r}, size {size}, root {len(root)} B")
    return f"{origin}\n{size}\n{b64encode(root).decode()}\n".encode()


def parse_checkpoint(text: bytes) -> Checkpoint:
    """Read the text of a checkpoint; extension lines are allowed and not read.

    Raises:
        NoteError: Not a checkpoint.
    """
    lines = _decode(text).split("\n")
    if len(lines) < 4 or not lines[0] or lines[-1] or "" in lines[3:-1]:  # noqa: PLR2004  # origin, size, root, end
        raise NoteError("a checkpoint is an origin, a size and a root, a line each")
    origin, size, root = lines[:3]
    digits = size.isascii() and size.isdigit() and len(size) < 20  # noqa: PLR2004  # of 2^64
    if not digits or (size[0] == "0" and size != "0"):
        raise NoteError(f"checkpoint size {size[:24]!r} is no plain number")
    data = _base64(root, "the root")
    if len(data) != HASH_SIZE:
        raise NoteError(f"the root has {len(data)} bytes, expected {HASH_SIZE}")
    return Checkpoint(origin, int(size), data)


def sign(checkpoint: Checkpoint, signer: Signer) -> bytes:
    """A note: the checkpoint and the signature of its log."""
    text = checkpoint_text(checkpoint)
    return text + b"\n" + signer.line(text)


def cosign(note: bytes, signer: Signer, time: int) -> bytes:
    """The note with one more cosignature; whether it may be given is not asked here.

    Raises:
        NoteError: Not a note.
    """
    text, _ = split_note(note)
    return note + signer.cosignature(text, time)


def open_note(note: bytes, verifiers: Iterable[Verifier]) -> Signed:
    """Read a checkpoint and who of the known keys signed it.

    Raises:
        NoteError: Not a note, no known key signed, or a signature by the id of a
            known key is wrong.

    Source: C2SP signed-note.
    """
    text, lines = split_note(note)
    known = {(verifier.name, verifier.id): verifier for verifier in verifiers}
    names: dict[str, int] = {}
    for name, signature in lines:
        verifier = known.get((name, signature[:_ID_SIZE]))
        if verifier is None:
            continue
        time = verifier.verify(text, signature[_ID_SIZE:])
        if time is None:
            raise NoteError(f"the signature of {name} is not of this note")
        names[name] = time
    if not names:
        said = ", ".join(sorted({name for name, _ in lines})) or "nobody"
        raise NoteError(f"no known key signed this note, only {said}")
    return Signed(parse_checkpoint(text), text, names)


def split_note(note: bytes) -> tuple[bytes, list[tuple[str, bytes]]]:
    """The signed text and, of each signature, name and bytes with the key's id.

    Raises:
        NoteError: Not a note.
    """
    if len(note) > MAX_NOTE:
        raise NoteError(f"a note has at most {MAX_NOTE} bytes, got {len(note)}")
    whole = _decode(note)
    if any(c < " " and c != "\n" for c in whole):
        raise NoteError("a note holds no control characters")
    text, gap, signatures = whole.rpartition("\n\n")
    if not gap or not signatures.endswith("\n"):
        raise NoteError("a note is text, an empty line, and signature lines")
    lines = signatures[:-1].split("\n")
    if len(lines) > MAX_SIGNATURES:
        raise NoteError(f"a note has at most {MAX_SIGNATURES} signatures")
    return text.encode() + b"\n", [_signature(line) for line in lines]


def _signature(line: str) -> tuple[str, bytes]:
    match = _LINE.fullmatch(line)
    if match is None:
        raise NoteError("a signature line is a dash, a name and base64")
    data = _base64(match[2], f"the signature of {match[1]}")
    if len(data) <= _ID_SIZE:
        raise NoteError(f"the signature of {match[1]} has only {len(data)} bytes")
    return match[1], data


def _line(verifier: Verifier, signature: bytes) -> bytes:
    encoded = b64encode(verifier.id + signature).decode()
    return f"{_DASH}{verifier.name} {encoded}\n".encode()


def _cosigned(text: bytes, time: int) -> bytes:
    return f"cosignature/v1\ntime {time}\n".encode() + text


def _base64(text: str, what: str) -> bytes:
    try:
        data = b64decode(text, validate=True)
    except (Base64Error, ValueError) as error:
        raise NoteError(f"{what} is not base64") from error
    if b64encode(data).decode() != text:
        raise NoteError(f"{what} is not base64 as it is written")
    return data


def _decode(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise NoteError("a note is UTF-8") from error
