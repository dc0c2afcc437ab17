"""Private keys of the log and of witnesses: made where they are used, read with care.

A key file is PKCS#8 in PEM with mode 0600, beside it `NAME.pub` with the published form
of the key. Whoever reads the file can sign: a file that others may read is refused.
"""

import os
import stat
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from clawlaw.evidence.errors import EvidenceError
from clawlaw.evidence.note import Signer, Verifier


def make_signer(path: Path, name: str) -> Signer:
    """Make a key, and write it and its published form.

    Args:
        path: Of the private key; a file that is there is never overwritten.
        name: In every signature line.

    Raises:
        NoteError: The name cannot stand in a signature line.
        FileExistsError: The key was made before.
    """
    key = Ed25519PrivateKey.generate()
    signer = Signer(name, key)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(fd, "wb") as file:
        file.write(pem)
        file.flush()
        os.fsync(fd)
    path.with_suffix(".pub").write_text(signer.verifier.encode() + "\n")
    return signer


def read_signer(path: Path, name: str) -> Signer:
    """Read a key.

    Raises:
        EvidenceError: Others may read it, or it is no Ed25519 key.
        OSError: It cannot be read.
    """
    with path.open("rb") as file:
        mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
        if mode & 0o077:
            raise EvidenceError(
                f"{path}: mode {mode:04o}, so others may sign with it; "
                "make a new key with mode 0600"
            )
        data = file.read()
    try:
        key = load_pem_private_key(data, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise EvidenceError(f"{path}: not a private key in PEM: {error}") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise EvidenceError(f"{path}: {type(key).__name__}, expected Ed25519")
    return Signer(name, key)


def read_verifiers(path: Path) -> list[Verifier]:
    """Read published keys, one a line; empty lines and lines with # are skipped.

    Raises:
        NoteError: A line is no published key.
        EvidenceError: There is none.
    """
    lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    found = [Verifier.parse(line) for line in lines if line and line[0] != "#"]
    if not found:
        raise EvidenceError(f"{path}: holds no verifier key")
    return found
