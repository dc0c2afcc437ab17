"""Originals of redacted secrets: encrypted, on the boundary alone, and destroyable.

A folder holds numbered pairs: `0001.key`, 32 random bytes with mode 0600, and
`0001.vault`, what is encrypted with it. The same key makes the digests, so whoever
destroys a key makes both unreadable: the originals, and any guess at a digest. Rotating
begins a new pair; the log is not touched by either.
"""

import hmac
import os
import secrets
import struct
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Final, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from clawlaw.evidence.errors import EvidenceError
from clawlaw.evidence.segment import flush, sync_folder, write_all

KEY_SIZE: Final = 32  # bytes
_NONCE_SIZE: Final = 12
_LENGTHS: Final = struct.Struct(">HI")  # of the token, of the encrypted text
_MAX: Final = 8 << 20  # bytes of one secret: a proposal holds no more


class VaultError(EvidenceError):
    """A vault that cannot be read or written; the message says which and why."""


class Vault:
    """The current pair, and the ones before; `Vault.open` makes one.

    Attributes:
        folder: Of the pairs.
        number: Of the current one.
        digest_key: For a `Redactor`, 32 bytes.
    """

    def __init__(self, folder: Path, number: int, key: bytes) -> None:
        """Keep a pair; `open` finds it."""
        self.folder = folder
        self.number = number
        self.digest_key = _derive(key, b"digest")
        self._cipher = AESGCM(_derive(key, b"encrypt"))
        self._known: set[str] = set()
        self._end = 0  # of the last whole record
        for token, _, end in self._records():
            self._known.add(token)
            self._end = end

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Open the newest pair whose key is there, or begin one.

        Raises:
            VaultError: The key may be read by others, or is cut short.
            OSError: The folder cannot be read or written.
        """
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        numbers = _numbers(folder)
        number = max(numbers, default=0)
        if not number or not _key_path(folder, number).exists():
            number += 1
            _make_key(folder, number)
        return cls(folder, number, _read_key(folder, number))

    def put(self, originals: Mapping[str, str]) -> None:
        """Keep originals by token; durable when this returns.

        Raises:
            OSError: They cannot be written.
        """
        new = {
            token: text for token, text in originals.items() if token not in self._known
        }
        if not new:
            return
        records = b"".join(self._sealed(token, text) for token, text in new.items())
        path = _vault_path(self.folder, self.number)
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            write_all(fd, records, self._end)
            flush(fd)
        finally:
            os.close(fd)
        self._end += len(records)
        self._known.update(new)

    def get(self, token: str) -> str:
        """The original of a token.

        Raises:
            VaultError: It is not here, or its key was destroyed.
        """
        for number in sorted(_numbers(self.folder), reverse=True):
            if not _key_path(self.folder, number).exists():
                continue
            pair = type(self)(self.folder, number, _read_key(self.folder, number))
            found = pair.find(token)
            if found is not None:
                return found
        raise VaultError(f"{token} is not here, or its key was destroyed")

    def find(self, token: str) -> str | None:
        """The original of a token of this pair, `None` where it holds none.

        Raises:
            VaultError: It was changed.
        """
        for name, sealed, _ in self._records():
            if name == token:
                return self._opened(token, sealed)
        return None

    def rotate(self) -> "Vault":
        """Begin a new pair: what is redacted from now on has other tokens."""
        _make_key(self.folder, self.number + 1)
        return Vault.open(self.folder)

    def destroy(self, number: int) -> None:
        """Destroy the key of a pair, for ever; its originals are lost with it.

        Raises:
            VaultError: It is the current pair, which `rotate` ends first.
        """
        if number == self.number:
            raise VaultError(f"pair {number} is in use; rotate first, then destroy it")
        path = _key_path(self.folder, number)
        fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        try:
            write_all(fd, bytes(KEY_SIZE), 0)
            flush(fd)
        finally:
            os.close(fd)
        path.unlink()
        sync_folder(self.folder)

    def _sealed(self, token: str, text: str) -> bytes:
        nonce = secrets.token_bytes(_NONCE_SIZE)
        name = token.encode()
        data = text.encode("utf-8", "surrogatepass")
        sealed = nonce + self._cipher.encrypt(nonce, data, name)
        return _LENGTHS.pack(len(name), len(sealed)) + name + sealed

    def _opened(self, token: str, sealed: bytes) -> str:
        nonce, data = sealed[:_NONCE_SIZE], sealed[_NONCE_SIZE:]
        try:
            text = self._cipher.decrypt(nonce, data, token.encode())
        except InvalidTag as error:
            raise VaultError(f"{token}: kept bytes are not what was written") from error
        return text.decode("utf-8", "surrogatepass")

    def _records(self) -> Iterator[tuple[str, bytes, int]]:
        """Tokens, what is kept, where it ends; a record that is cut short ends all."""
        path = _vault_path(self.folder, self.number)
        if not path.exists():
            return
        with path.open("rb") as file:
            while len(head := file.read(_LENGTHS.size)) == _LENGTHS.size:
                name_size, size = _LENGTHS.unpack(head)
                if size > _MAX:
                    raise VaultError(f"{path}: a record of {size} bytes; it is damaged")
                name, sealed = file.read(name_size), file.read(size)
                if len(sealed) < size:
                    return
                yield name.decode("ascii", "replace"), sealed, file.tell()


def _derive(key: bytes, purpose: bytes) -> bytes:
    return hmac.new(key, b"clawlaw vault 1 " + purpose, sha256).digest()


def _key_path(folder: Path, number: int) -> Path:
    return folder / f"{number:04d}.key"


def _vault_path(folder: Path, number: int) -> Path:
    return folder / f"{number:04d}.vault"


def _numbers(folder: Path) -> set[int]:
    names = [*folder.glob("*.key"), *folder.glob("*.vault")]
    return {int(path.stem) for path in names if path.stem.isdecimal()}


def _make_key(folder: Path, number: int) -> None:
    path = _key_path(folder, number)
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        write_all(fd, secrets.token_bytes(KEY_SIZE), 0)
        flush(fd)
    finally:
        os.close(fd)
    sync_folder(folder)


def _read_key(folder: Path, number: int) -> bytes:
    path = _key_path(folder, number)
    with path.open("rb") as file:
        mode = os.fstat(file.fileno()).st_mode & 0o777
        key = file.read()
    if mode & 0o077:
        raise VaultError(f"{path}: mode {mode:04o}; rotate to a key with mode 0600")
    if len(key) != KEY_SIZE:
        raise VaultError(f"{path}: {len(key)} bytes, expected {KEY_SIZE}")
    return key
