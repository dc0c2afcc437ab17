"""Stewards: who may answer an escalation, and how an answer proves whose it is.

A steward has an Ed25519 key of its own. The private half stays with the person, in a
file of mode 0600 that a passphrase encrypts; the gate's configuration lists the public
halves by name. An answer is signed over everything that it waives, so that it cannot
be moved to another escalation, another gate or a longer life.

A key may also be in hardware, as OpenSSH's sk-ssh-ed25519: then its device wants to be
touched for every answer, and there is no file to steal.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from clawlaw.core.canonical import Json, canonical_json
from clawlaw.core.errors import ClawLawError
from clawlaw.evidence.schema import Escalated
from clawlaw.gate.answers import Answer
from clawlaw.gate.hardware_keys import HardwareKey, HardwareKeyError
from clawlaw.private import create_private, read_private

MIN_PASSPHRASE: Final = 12  # characters
_NAME: Final = re.compile(r"[a-z][a-z0-9.-]{0,62}", re.ASCII)
_ED25519: Final = b"\x01"  # signature type of C2SP signed-note
_OTHER: Final = b"\xff"  # of a type that C2SP has no number for
_POINTS: Final = "ssh: "  # begins a key file that points to hardware
_PUBLIC_BYTES: Final = 32


class StewardError(ClawLawError):
    """A steward's key or signature is not accepted; the message says why."""


@dataclass(frozen=True, slots=True)
class Steward:
    """A person who may answer, by the public half of the key.

    Attributes:
        name: Unique among the stewards of a gate, and no agent's.
        public: Raw Ed25519 key, 32 bytes.
        hardware: What more is known of a key in hardware; `None`: it is in a file.
    """

    name: str
    public: bytes
    hardware: HardwareKey | None = None

    @property
    def key(self) -> str:
        """Id of the key: `alice+0a1b2c3d`."""
        own = _ED25519 + self.public
        if self.hardware is not None:
            own = _OTHER + self.hardware.blob
        tagged = self.name.encode() + b"\n" + own
        return f"{self.name}+{hashlib.sha256(tagged).hexdigest()[:8]}"

    @property
    def text(self) -> str:
        """One line for the gate's configuration.

        In the form of C2SP signed-note; of a key in hardware name and OpenSSH's line.
        """
        if self.hardware is not None:
            return f"{self.name} {self.hardware.text}"
        return f"{self.key}+{base64.b64encode(_ED25519 + self.public).decode()}"

    def verify(self, statement: bytes, signature: bytes) -> None:
        """Check a signature by this key.

        Raises:
            ValueError, InvalidSignature, HardwareKeyError: It is not of this statement.
        """
        if self.hardware is not None:
            self.hardware.verify(statement, signature)
        else:
            key = Ed25519PublicKey.from_public_bytes(self.public)
            key.verify(signature, statement)

    @classmethod
    def parse(cls, text: str) -> "Steward":
        """Read the line that `clawlaw steward keygen` printed.

        Raises:
            StewardError: Not such a line, or the key is not the one that its id names.
        """
        name, _, rest = text.strip().partition(" ")
        if rest:
            try:
                key = HardwareKey.parse(rest)
            except HardwareKeyError as error:
                raise StewardError(f"{name[:80]}: {error}") from error
            return cls(check_name(name), key.public, key)
        parts = text.strip().split("+", 2)
        try:
            name, _, coded = parts
            raw = base64.b64decode(coded, validate=True)
        except (ValueError, binascii.Error) as error:
            raise StewardError(
                f"{text[:80]!r}: not a steward's key; expected NAME+HASH+BASE64, the "
                "line that `clawlaw steward keygen` prints"
            ) from error
        check_name(name)
        if raw[:1] != _ED25519 or len(raw) != 1 + _PUBLIC_BYTES:
            raise StewardError(f"{name}: not an Ed25519 key")
        found = cls(name, raw[1:])
        if found.text != text.strip():
            raise StewardError(f"{name}: the key is not the one that its id names")
        return found


def check_name(name: str) -> str:
    """A steward's name as it is.

    Raises:
        StewardError: It is no name.
    """
    if not _NAME.fullmatch(name):
        raise StewardError(
            f"{name[:80]!r}: a steward's name is 1 to 63 of a-z, 0-9, `.` and `-`, a "
            "letter first"
        )
    return name


class Stewards:
    """Those whose answers a gate takes."""

    def __init__(self, lines: Iterable[str], principals: Iterable[str] = ()) -> None:
        """Read public keys.

        Args:
            lines: `NAME+HASH+BASE64`.
            principals: Names of agents; no steward has such a name.

        Raises:
            StewardError: A line is not a key, or two stewards share a name or a key.
        """
        self._by_key: dict[str, Steward] = {}
        names, publics, agents = set[str](), set[bytes](), frozenset(principals)
        for line in lines:
            steward = Steward.parse(line)
            if steward.name in agents:
                raise StewardError(f"{steward.name}: an agent cannot be a steward")
            if steward.name in names or steward.public in publics:
                raise StewardError(
                    f"{steward.name}: the name or the key is listed twice; every "
                    "steward has one of each"
                )
            names.add(steward.name)
            publics.add(steward.public)
            self._by_key[steward.key] = steward

    def __len__(self) -> int:
        """How many there are."""
        return len(self._by_key)

    def verify(self, key: str, statement: bytes, signature: str) -> Steward:
        """Whose signature this is.

        Args:
            key: Id of the key.
            statement: The signed bytes.
            signature: Base64 of 64 bytes; of a key in hardware, of 69.

        Raises:
            StewardError: No steward has the key, or the signature is not of this
                statement by it.
        """
        steward = self._by_key.get(key)
        if steward is None:
            raise StewardError(
                f"{key[:80]!r}: no steward of this gate has that key; add the line of "
                "`clawlaw steward keygen` to the gate's configuration"
            )
        try:
            steward.verify(statement, base64.b64decode(signature, validate=True))
        except HardwareKeyError as error:
            raise StewardError(f"{key}: {error}; list the escalation again") from error
        except (ValueError, InvalidSignature) as error:
            raise StewardError(
                f"{key}: the signature is not of what was asked here; list the "
                "escalation again and answer what it shows now"
            ) from error
        return steward


def answer_statement(gate: str, asked: Escalated, answer: Answer) -> bytes:
    """What a steward signs: the question as it was shown, and the answer.

    Args:
        gate: Origin of the gate's log; an answer counts at one gate only.
        asked: The escalation.
        answer: Its signature is not looked at.
    """
    return statement(
        gate,
        "answer",
        {
            "escalation": asked.id,
            "decision": asked.decision,
            "action": asked.action,
            "policy": asked.policy,
            "gates": list(asked.gates),
            "principal": asked.principal,
            "session": asked.session,
            "deadline": asked.deadline,
            "needed": asked.needed,
            "answer": answer.answer,
            "reason": answer.reason.strip(),
            "expires": answer.expires,
            "key": answer.key,
        },
    )


def statement(gate: str, about: str, said: dict[str, Json]) -> bytes:
    """Bytes of a signed statement: a line that names its kind, then canonical JSON.

    Args:
        gate: Origin of the gate's log.
        about: Kind; a signature of one kind is none of another.
        said: Everything that the signature binds.
    """
    named = canonical_json({"gate": gate, **said})
    return f"clawlaw steward {about} v1\n".encode() + named


@dataclass(frozen=True, slots=True)
class StewardKey:
    """The private half, in memory; of a key in hardware, the file that points to it."""

    steward: Steward
    private: Ed25519PrivateKey | Path

    def sign(self, statement: bytes) -> str:
        """Base64 of the signature.

        Raises:
            HardwareKeyError: The device did not sign.
        """
        if not isinstance(self.private, Path):
            return base64.b64encode(self.private.sign(statement)).decode()
        from clawlaw.gate.hardware_sign import sign  # noqa: PLC0415  # seldom wanted

        if self.steward.hardware is None:
            raise AssertionError("a file of OpenSSH without its public half")
        raw = sign(self.private, self.steward.hardware, statement)
        return base64.b64encode(raw).decode()


def generate(path: Path, name: str, passphrase: str) -> Steward:
    """Make a key: the private half at `path`, the public line at `path` + `.pub`.

    Raises:
        StewardError: The name is none, or the passphrase is too short.
        PrivateFileError: A file is there already or cannot be written.
    """
    check_name(name)
    if len(passphrase) < MIN_PASSPHRASE:
        raise StewardError(
            f"the passphrase has {len(passphrase)} characters, at least "
            f"{MIN_PASSPHRASE}; several words are easy to keep"
        )
    private = Ed25519PrivateKey.generate()
    steward = Steward(name, private.public_key().public_bytes_raw())
    sealed = private.private_bytes(
        Encoding.PEM,
        PrivateFormat.PKCS8,
        BestAvailableEncryption(_stretched(passphrase, steward)),
    )
    create_private(path, sealed)
    create_private(_public(path), f"{steward.text}\n".encode())
    return steward


def refer(path: Path, name: str, device: Path) -> Steward:
    """Make a key file that points to a key in hardware.

    Args:
        path: As for :func:`generate`.
        name: Of the steward.
        device: Private file of OpenSSH, made by `ssh-keygen -t ed25519-sk`; beside it
            stands its `.pub`.

    Raises:
        StewardError: It is no such key, or the name is none.
        PrivateFileError: A file is there already or cannot be written.
    """
    check_name(name)
    try:
        line = _public(device).read_text("utf-8", "replace")
        found = HardwareKey.parse(line)
    except (OSError, HardwareKeyError) as error:
        raise StewardError(f"{_public(device)}: {error}") from error
    steward = Steward(name, found.public, found)
    create_private(path, f"{_POINTS}{device.absolute()}\n".encode())
    create_private(_public(path), f"{steward.text}\n".encode())
    return steward


def hardware(path: Path) -> StewardKey | None:
    """The key in hardware that a key file points to; `None`: it is a key itself.

    Raises:
        PrivateFileError: The file cannot be read, or others may read it.
        StewardError: It points nowhere.
    """
    steward = read_public(path)
    if steward.hardware is None:
        return None
    said = read_private(path).decode("utf-8", "replace").strip()
    device = Path(said.removeprefix(_POINTS))
    if not said.startswith(_POINTS) or not device.is_absolute():
        raise StewardError(f"{path}: points to no key in hardware; make it again")
    return StewardKey(steward, device)


def read_public(path: Path) -> Steward:
    """The public half of the key at `path`; needs no passphrase.

    Raises:
        PrivateFileError: `path`.pub cannot be read, or others may change it.
        StewardError: It is no key.
    """
    return Steward.parse(read_private(_public(path)).decode("utf-8", "replace"))


def load(path: Path, passphrase: str) -> StewardKey:
    """Open a private key.

    Raises:
        PrivateFileError: The file cannot be read, or others may read it.
        StewardError: Wrong passphrase, no passphrase on the key, no Ed25519 key, or
            another key than its `.pub` says.
    """
    steward = read_public(path)
    sealed = read_private(path)
    try:
        private = load_pem_private_key(sealed, _stretched(passphrase, steward))
    except TypeError as error:
        raise StewardError(
            f"{path}: not encrypted; make another with `clawlaw steward keygen`"
        ) from error
    except ValueError as error:
        raise StewardError(f"{path}: wrong passphrase, or not a key") from error
    if not isinstance(private, Ed25519PrivateKey):
        raise StewardError(f"{path}: not an Ed25519 key")
    if private.public_key().public_bytes_raw() != steward.public:
        raise StewardError(f"{path}: not the key that {_public(path).name} names")
    return StewardKey(steward, private)


def _stretched(passphrase: str, steward: Steward) -> bytes:
    """What encrypts the key file: PEM alone guesses a passphrase 2048 hashes a try.

    Scrypt with 64 MiB, salted by the public key, makes a guess cost a quarter second.
    """
    return (
        hashlib.scrypt(
            passphrase.encode(),
            salt=steward.public,
            n=1 << 16,
            r=8,
            p=1,
            maxmem=1 << 27,
            dklen=32,
        )
        .hex()
        .encode()
    )


def _public(path: Path) -> Path:
    return path.with_name(f"{path.name}.pub")
