"""The files of the runs on the controller, one a run, in the folder ``runs``."""

import os
import secrets
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import msgspec

from clawlaw.private import PrivateFileError, create_private, read_private
from forge.errors import ForgeError, InputError
from forge.runs import chain

FOLDER = "runs"
KEY = "redaction.key"
KEY_BYTES = 32
SUFFIX = ".jsonl"


class JournalError(ForgeError):
    """A run cannot be recorded; it must not go on."""


class Run(msgspec.Struct, frozen=True):
    """A run that was read.

    Attributes:
        name: Time of its start and eight hex digits.
        entries: Up to the first broken line.
        broken: What is wrong with the chain.
        digests: Of every line that holds.
    """

    name: str
    entries: list[dict[str, Any]]
    broken: list[chain.Broken]
    digests: frozenset[str]

    def first(self, kind: str) -> dict[str, Any]:
        """Return the first entry of a kind, or an empty one."""
        return next((row for row in self.entries if row["kind"] == kind), {})


class Journal:
    """The file of one run; a line that is written is on the disk."""

    def __init__(self, path: Path, descriptor: int) -> None:
        """Go on in an open, empty file."""
        self.path = path
        self.head = chain.START
        self._descriptor = descriptor

    @classmethod
    def begin(cls, state: Path, now: datetime) -> Self:
        """Make the file of a new run.

        Args:
            state: Folder of the controller's records; made with mode 0700.
            now: With a time zone.

        Raises:
            JournalError: It cannot be written.
        """
        folder = state / FOLDER
        name = f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"
        path = folder / f"{name}{SUFFIX}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            return cls(path, os.open(path, flags, 0o600))
        except OSError as error:
            raise _unwritable(path, error) from error

    def write(self, entry: dict[str, Any]) -> None:
        """Append one entry and wait until it is on the disk.

        Raises:
            JournalError: It cannot be written. The file then ends in a part of a line,
                and nothing may be written to it any more.
        """
        line, head = chain.link(self.head, entry)
        try:
            rest = memoryview(line + b"\n")
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
            os.fdatasync(self._descriptor)
        except OSError as error:
            raise _unwritable(self.path, error) from error
        self.head = head

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)


def _unwritable(path: Path, error: OSError) -> JournalError:
    return JournalError(
        f"the run cannot be recorded in {path}: {error.strerror}",
        remedy="make it writable for whoever runs the playbook, and free its disk",
    )


def read(path: Path) -> Run:
    """Read one run's file.

    Raises:
        InputError: It cannot be read.
    """
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from error
    whole, rest = lines[:-1], lines[-1]
    entries, _, broken = chain.read(whole)
    if rest and not broken:
        broken = [chain.Broken(len(whole) + 1, "ends in the middle: it was cut off")]
    digests = frozenset(chain.digest(line) for line in whole[: len(entries)])
    return Run(path.stem, entries, broken, digests)


def names(state: Path) -> list[str]:
    """Return the names of the runs, the oldest first."""
    return sorted(path.stem for path in (state / FOLDER).glob(f"*{SUFFIX}"))


def load(state: Path, name: str) -> Run:
    """Read the run that a name, or the beginning or end of only one, stands for.

    Raises:
        InputError: There is none, or more than one.
    """
    every = names(state)
    found = [item for item in every if item == name] or [
        item for item in every if item.startswith(name) or item.endswith(name)
    ]
    if len(found) != 1:
        raise InputError(
            f"{state / FOLDER}: {len(found) or 'no'} runs named {name!r}",
            remedy="forge history lists them",
        )
    return read(state / FOLDER / f"{found[0]}{SUFFIX}")


def last(state: Path) -> tuple[dict[str, str] | None, int]:
    """Return the newest run that can be read, for the next one.

    Returns:
        Its name and head, None if there is none; and the time of its last entry,
        milliseconds since the epoch.
    """
    for name in reversed(names(state)):
        path = state / FOLDER / f"{name}{SUFFIX}"
        lines = path.read_bytes().split(b"\n")[:-1]
        entries, head, _ = chain.read(lines)
        if entries:
            return {"run": name, "head": head}, entries[-1]["at"]
    return None, 0


def key(state: Path) -> bytes:
    """Return the key of the digests that stand for secrets, made at the first use.

    Raises:
        JournalError: It cannot be read or made.
    """
    path = state / KEY
    try:
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            create_private(path, secrets.token_bytes(KEY_BYTES))
        return read_private(path, KEY_BYTES)
    except (OSError, PrivateFileError) as error:
        raise JournalError(f"{path}: {error}") from error
