"""The gate's SSH authority: its key, and certificates signed with it.

Certificates are OpenSSH's own (PROTOCOL.certkeys). Their one extension is a terminal,
which Ansible asks for with some tasks; no forwarding of ports, agents or X11, no rc
file.
"""

import base64
import hashlib
from pathlib import Path
from typing import Final, Self

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    SSHCertificateBuilder,
    SSHCertificateType,
    load_ssh_private_key,
    load_ssh_public_key,
)

from clawlaw.core.errors import ClawLawError, ProposalError
from clawlaw.gate.certificates import Statement
from clawlaw.private import create_private, read_private

COMMENT: Final = "clawlaw-runs"  # of the authority's public line


class AuthorityError(ClawLawError):
    """The authority's key cannot be used; the message names the file."""


class Authority:
    """Signs certificates of users.

    Attributes:
        line: Its public half, as `TrustedUserCAKeys` of sshd takes it.
        fingerprint: Of that, as OpenSSH prints it.
    """

    def __init__(self, key: Ed25519PrivateKey) -> None:
        """Sign with a key."""
        self._key = key
        self.line = f"{public_line(key.public_key())} {COMMENT}"
        self.fingerprint = fingerprint(key.public_key())

    @classmethod
    def make(cls, path: Path) -> Self:
        """Make a key; `NAME.pub` beside it gets its public line.

        Raises:
            PrivateFileError: There is one already, or it cannot be written.
        """
        key = Ed25519PrivateKey.generate()
        made = cls(key)
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
        create_private(path, pem)
        path.with_suffix(".pub").write_text(made.line + "\n", encoding="ascii")
        return made

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a key.

        Raises:
            PrivateFileError: Others could read or change it.
            AuthorityError: It is no Ed25519 key of OpenSSH without a passphrase.
        """
        try:
            key = load_ssh_private_key(read_private(path), password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise AuthorityError(
                f"{path}: not a private key of OpenSSH ({error});"
                " make one with: clawlaw ssh keygen FILE"
            ) from error
        if not isinstance(key, Ed25519PrivateKey):
            raise AuthorityError(f"{path}: {type(key).__name__}, expected Ed25519")
        return cls(key)

    def sign(self, said: Statement, key: Ed25519PublicKey) -> str:
        """Sign a certificate.

        Args:
            said: What it says.
            key: Public half of the run's key.

        Returns:
            One line, as OpenSSH keeps it in `NAME-cert.pub`.
        """
        builder = (
            SSHCertificateBuilder()
            .public_key(key)
            .type(SSHCertificateType.USER)
            .serial(said.serial)
            .key_id(said.key_id.encode())
            .valid_principals([host.encode() for host in said.hosts])
            .valid_after(said.begins)
            .valid_before(said.ends)
            .add_extension(b"permit-pty", b"")
        )
        if said.sources:
            networks = ",".join(said.sources).encode()
            builder = builder.add_critical_option(b"source-address", networks)
        return builder.sign(self._key).public_bytes().decode("ascii")


def user_key(line: str) -> Ed25519PublicKey:
    """Read the public half of a run's key.

    Raises:
        ProposalError: It is no line of an Ed25519 key.
    """
    try:
        key = load_ssh_public_key(line.encode())
    except (ValueError, UnsupportedAlgorithm) as error:
        raise ProposalError("key", "is no public key of OpenSSH") from error
    if not isinstance(key, Ed25519PublicKey):
        raise ProposalError("key", "is not Ed25519")
    return key


def public_line(key: Ed25519PublicKey) -> str:
    """Return a key as OpenSSH writes it, without a comment."""
    return key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode("ascii")


def fingerprint(key: Ed25519PublicKey) -> str:
    """Return the SHA-256 fingerprint of a key, as OpenSSH prints it."""
    blob = base64.b64decode(public_line(key).split()[1])
    found = base64.b64encode(hashlib.sha256(blob).digest())
    return f"SHA256:{found.rstrip(b'=').decode()}"
