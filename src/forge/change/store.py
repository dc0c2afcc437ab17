"""Where the applied state is on the controller: a folder with a record and its key."""

import fcntl
import os
import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from clawlaw.private import (
    PrivateFileError,
    create_private,
    read_private,
    replace_private,
)
from forge.change.applied import FIRST, Applied, AppliedStateError, decode, encode
from forge.errors import InputError

KEY_FILE, RECORD_FILE = "key", "applied.json"
KEY_BYTES = 32
MOST_BYTES = 256 << 20  # of a record; a thousand hosts take two megabytes
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")


def state_folder(platform: str, environment: Mapping[str, str] = os.environ) -> Path:
    """Return the folder of one platform's state.

    Args:
        platform: ``forge_name`` of the inventory.
        environment: Where ``FORGE_STATE`` and ``XDG_STATE_HOME`` are read.

    Raises:
        InputError: The name could not be a folder's.

    Source: XDG Base Directory Specification, ``XDG_STATE_HOME``.
    """
    if _NAME.fullmatch(platform) is None:
        raise InputError(
            f"forge_name {platform!r} cannot name a folder",
            remedy="use lower-case letters, digits, dots and hyphens",
        )
    named = environment.get("FORGE_STATE")
    if named:
        return Path(named).expanduser().absolute() / platform
    home = environment.get("XDG_STATE_HOME") or str(Path.home() / ".local/state")
    return Path(home) / "forge" / platform


class Store:
    """The applied state in a folder that only its owner can read."""

    def __init__(self, folder: Path) -> None:
        """Name a folder; nothing is made in it before a key is needed."""
        self.folder = folder

    def key(self) -> bytes:
        """Return the key of this controller; it is made on first use, mode 0600.

        Raises:
            AppliedStateError: It is open to others, damaged, or not beside its record.
        """
        path = self.folder / KEY_FILE
        if not path.exists():
            if (self.folder / RECORD_FILE).exists():
                raise AppliedStateError(
                    f"{path} is missing beside the record that it belongs to",
                    remedy="restore it, or have a steward approve a plan without both",
                )
            self._make(path)
        try:
            key = read_private(path, KEY_BYTES)
        except PrivateFileError as error:
            raise AppliedStateError(str(error)) from error
        if len(key) != KEY_BYTES:
            raise AppliedStateError(f"{path}: {len(key)} bytes, not {KEY_BYTES}")
        return key

    def read(self) -> Applied | None:
        """Return the record, or None if there was never one.

        Raises:
            AppliedStateError: It cannot be read or is not trusted.
        """
        path = self.folder / RECORD_FILE
        if not path.exists():
            return None
        try:
            return decode(read_private(path, MOST_BYTES), self.key())
        except PrivateFileError as error:
            raise AppliedStateError(str(error)) from error

    def write(self, applied: Applied) -> None:
        """Replace the record; on the disk when this returns, whole or not at all.

        Raises:
            AppliedStateError: It does not follow the record that is there, or cannot
                be written.
        """
        key = self.key()
        try:
            with self._alone():
                self._follows(applied)
                replace_private(self.folder / RECORD_FILE, encode(applied, key))
        except (OSError, PrivateFileError) as error:
            raise AppliedStateError(f"{self.folder / RECORD_FILE}: {error}") from error

    def forget(self) -> None:
        """Remove record and key: the machines that they speak of are no more."""
        for name in (RECORD_FILE, KEY_FILE):
            (self.folder / name).unlink(missing_ok=True)

    def _follows(self, applied: Applied) -> None:
        present = self.read()
        if applied.previous != (present.digest() if present else FIRST):
            raise AppliedStateError(
                "another run has written the applied state since this one began",
                remedy="run the playbook again",
            )

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the folder's lock: of two writers, one sees the other's record."""
        opened = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(opened, fcntl.LOCK_EX)
            yield
        finally:
            os.close(opened)

    def _make(self, path: Path) -> None:
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            create_private(path, secrets.token_bytes(KEY_BYTES))
        except (OSError, PrivateFileError) as error:
            if not path.exists():  # else another process was first: its key is read
                raise AppliedStateError(f"{path}: {error}") from error
