"""Signatures of keys in hardware: sk-ssh-ed25519 of OpenSSH, made by FIDO2 devices.

The device signs more than it is given: which application it was asked for, whether a
person touched it, and a counter. All of it is checked here; nothing here speaks to a
device. A signature is 69 bytes: Ed25519's 64, the flags, the counter.

Source: OpenSSH, PROTOCOL.u2f ("SSH U2F signatures") and PROTOCOL.sshsig.
"""

import base64
import binascii
import hashlib
import struct
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from msgspec import Struct

from clawlaw.core.errors import ClawLawError

TYPE: Final = "sk-ssh-ed25519@openssh.com"
NAMESPACE: Final = "clawlaw-steward"  # of ssh-keygen -Y sign -n
HASH: Final = "sha512"
SIGNATURE_BYTES: Final = 64
RAW: Final = struct.Struct(">64sBI")  # signature, flags, counter
TOUCHED: Final = 0x01
EXTENDED: Final = 0x80  # more was signed than is known here
_PUBLIC_BYTES: Final = 32


class HardwareKeyError(ClawLawError):
    """Not such a key, or not its signature; the message says why."""


class HardwareKey(Struct, frozen=True):
    """The public half of a key that never leaves its device.

    Attributes:
        public: Raw Ed25519 key, 32 bytes.
        application: That the device made it for; OpenSSH's begin with "ssh:".
    """

    public: bytes
    application: str

    @property
    def blob(self) -> bytes:
        """As OpenSSH writes it, before base64."""
        parts = (TYPE.encode(), self.public, self.application.encode())
        return b"".join(map(packed, parts))

    @property
    def text(self) -> str:
        """Type and base64, as in a `.pub` file."""
        return f"{TYPE} {base64.b64encode(self.blob).decode()}"

    @classmethod
    def parse(cls, text: str) -> "HardwareKey":
        """Read a line of a `.pub` file; its comment does not count.

        Raises:
            HardwareKeyError: It is no such key.
        """
        kind, _, rest = text.strip().partition(" ")
        if kind != TYPE:
            raise HardwareKeyError(f"{kind[:40]!r}: expected a key of type {TYPE}")
        try:
            blob = base64.b64decode(rest.split(" ", 1)[0], validate=True)
            named, public, application = unpacked(blob, 3)
            found = cls(public, application.decode("ascii"))
        except (ValueError, binascii.Error) as error:
            raise HardwareKeyError(f"not a key of OpenSSH: {error}") from error
        if named != TYPE.encode() or len(public) != _PUBLIC_BYTES:
            raise HardwareKeyError("the key says that it is another than it is")
        if not application.startswith(b"ssh:"):
            raise HardwareKeyError(f"made for {found.application!r}, not for SSH")
        return found

    def verify(self, statement: bytes, raw: bytes) -> None:
        """Check that a person signed a statement by this key, and touched it.

        Args:
            statement: What was signed.
            raw: 69 bytes.

        Raises:
            HardwareKeyError: They did not.
        """
        if len(raw) != RAW.size:
            raise HardwareKeyError(f"{len(raw)} bytes, expected {RAW.size}")
        signature, flags, counter = RAW.unpack(raw)
        if not flags & TOUCHED:
            raise HardwareKeyError("nobody touched the device")
        if flags & EXTENDED:
            raise HardwareKeyError("the device signed extensions, which are not read")
        signed = device_bytes(self.application, flags, counter, wrapped(statement))
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, signed)
        except (ValueError, InvalidSignature) as error:
            raise HardwareKeyError("the signature is not of this statement") from error


def wrapped(statement: bytes) -> bytes:
    """What `ssh-keygen -Y sign` gives to the device for a statement."""
    digest = hashlib.new(HASH, statement).digest()
    parts = (NAMESPACE.encode(), b"", HASH.encode(), digest)
    return b"SSHSIG" + b"".join(map(packed, parts))


def device_bytes(application: str, flags: int, counter: int, message: bytes) -> bytes:
    """What the device signs of a message."""
    head = hashlib.sha256(application.encode()).digest()
    state = struct.pack(">BI", flags, counter)
    return head + state + hashlib.sha256(message).digest()


def packed(data: bytes) -> bytes:
    """A string of SSH: its length, then itself."""
    return struct.pack(">I", len(data)) + data


def unpacked(data: bytes, count: int, *, rest: bool = False) -> list[bytes]:
    """So many strings of SSH.

    Args:
        data: Begins with them.
        count: How many.
        rest: Bytes may follow; they are added as the last one.

    Raises:
        ValueError: It is cut, or goes on.
    """
    found = []
    for _ in range(count):
        if len(data) < 4:  # noqa: PLR2004  # of a length
            raise ValueError("it is cut")
        size = int.from_bytes(data[:4], "big")
        if len(data) < 4 + size:
            raise ValueError("it is cut")
        found.append(data[4 : 4 + size])
        data = data[4 + size :]
    if rest:
        return [*found, data]
    if data:
        raise ValueError("it goes on after its end")
    return found
