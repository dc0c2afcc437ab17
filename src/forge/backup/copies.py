"""The folder of copies: content by its digest, and a journal of what it is.

    blobs/ab/abcdef…     one content, named by its SHA-256
    partial/…            what an interrupted transfer received
    copies.jsonl         one line a copy, in the order in which they were made

A copy counts once its line is in the journal, and the line is written once the content
is on the disk under its digest. What was copied is never replaced: another content of
the same name is another line. The folder is for its owner alone (0700, files 0600); its
content is not encrypted again (docs/backup.md says why).
"""

import contextlib
import errno
import fcntl
import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Self

import msgspec

from forge.backup.errors import FolderError
from forge.backup.model import Copy, Item

JOURNAL = "copies.jsonl"
SMALLEST = 32 << 20  # bytes that stay free on the disk
UNFINISHED = 7 * 86_400  # seconds after which what was received is given up


class Copies:
    """The folder, held by one process."""

    def __init__(self, folder: Path, lock: int, copies: list[Copy]) -> None:
        """Take what ``open`` found."""
        self.folder = folder
        self._lock = lock
        self._copies = copies
        self._known = {(c.source, c.name, c.tag): c for c in copies}

    @classmethod
    @contextlib.contextmanager
    def open(cls, folder: Path) -> Iterator[Self]:
        """Open the folder, making it if it is not there; one process at a time.

        Raises:
            FolderError: It cannot be made, others may read it, another process has it,
                or its journal is damaged.
        """
        try:
            for each in (folder, folder / "blobs", folder / "partial"):
                each.mkdir(mode=0o700, parents=each is folder, exist_ok=True)
            _refuse_open(folder)
            lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise _failed(folder, error) from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield cls(folder, lock, _mended(folder / JOURNAL))
        except BlockingIOError as error:
            raise FolderError(
                f"{folder}: another process pulls into it",
                remedy="wait until it ends",
            ) from error
        finally:
            os.close(lock)

    def all(self) -> list[Copy]:
        """Return every copy, the oldest first."""
        return list(self._copies)

    def names(self, source: str) -> set[str]:
        """Return the names that were copied of a source."""
        return {copy.name for copy in self._copies if copy.source == source}

    def has(self, source: str, item: Item) -> bool:
        """Return whether this content of an item is here, of its whole size."""
        copy = self._known.get((source, item.name, item.tag))
        if copy is None:
            return False
        path = self.path(copy.sha256)
        return path.is_file() and path.stat().st_size == copy.size

    def path(self, sha256: str) -> Path:
        """Return where a content lies."""
        return self.folder / "blobs" / sha256[:2] / sha256

    def partial(self, source: str, item: Item) -> Path:
        """Return where what was received of an item lies."""
        text = f"{source}\0{item.name}\0{item.tag}"
        return self.folder / "partial" / hashlib.sha256(text.encode()).hexdigest()

    def receive(self, path: Path, chunks: Iterable[bytes]) -> None:
        """Append what comes to a partial file; on the disk when this returns.

        Raises:
            FolderError: It cannot be written; what arrived stays for the next pull.
        """
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW
        try:
            with os.fdopen(os.open(path, flags, 0o600), "ab") as file:
                for chunk in chunks:
                    file.write(chunk)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise _failed(path, error) from error

    def keep(self, path: Path, copy: Copy) -> None:
        """Make a whole partial file a copy.

        Raises:
            FolderError: It cannot be written: then it is no copy, and pulled again.
        """
        target = self.path(copy.sha256)
        try:
            target.parent.mkdir(mode=0o700, exist_ok=True)
            path.replace(target)
            for folder in (target.parent, target.parent.parent):
                _sync(folder)
            _append(self.folder / JOURNAL, msgspec.json.encode(copy) + b"\n")
        except OSError as error:
            raise _failed(target, error) from error
        self._copies.append(copy)
        self._known[copy.source, copy.name, copy.tag] = copy

    def tidy(self, now: float) -> None:
        """Remove what was received of items that nobody asked for since.

        Args:
            now: Seconds since the epoch.
        """
        for path in (self.folder / "partial").iterdir():
            with contextlib.suppress(OSError):  # room is made another time
                if now - path.stat().st_mtime > UNFINISHED:
                    path.unlink()

    def free(self) -> int:
        """Return the bytes that copies may still take on this disk."""
        found = os.statvfs(self.folder)
        return max(0, found.f_bavail * found.f_frsize - SMALLEST)

    def damaged(self) -> Iterator[tuple[Copy, str]]:
        """Read every content; yield what is not as the journal says, and why."""
        checked: dict[str, str] = {}
        for copy in self._copies:
            if copy.sha256 not in checked:
                checked[copy.sha256] = _problem(self.path(copy.sha256), copy.sha256)
            if checked[copy.sha256]:
                yield copy, checked[copy.sha256]


def digest(path: Path) -> str:
    """Return the SHA-256 of a file, hex.

    Raises:
        FolderError: It cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise _failed(path, error) from error


def _problem(path: Path, sha256: str) -> str:
    if not path.is_file():
        return "is missing"
    return "" if digest(path) == sha256 else "was changed or is damaged"


def _refuse_open(folder: Path) -> None:
    found = folder.stat()
    if found.st_uid != os.geteuid() or found.st_mode & 0o077:
        raise FolderError(
            f"{folder}: others may read it, and it holds the cluster's secrets",
            remedy=f"chown it to yourself and chmod 0700 {folder}",
        )


def _mended(journal: Path) -> list[Copy]:
    """Read the journal; a last line that was cut is removed: its copy never counted."""
    try:
        raw = journal.read_bytes()
    except FileNotFoundError:
        return []
    whole = raw[: raw.rfind(b"\n") + 1]
    if len(whole) < len(raw):
        os.truncate(journal, len(whole))
    try:
        return [
            msgspec.json.decode(line, type=Copy, strict=True)
            for line in whole.splitlines()
        ]
    except msgspec.DecodeError as error:
        raise FolderError(
            f"{journal}: {error}",
            remedy="it was changed by hand or the disk is broken: restore it from a "
            "copy of the folder, or pull into an empty one",
        ) from error


def _append(path: Path, line: bytes) -> None:
    """Append one line; on the disk when this returns, or as if it never was."""
    opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        before = os.fstat(opened).st_size
        try:
            _write(opened, line)
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(opened, before)
            raise
    finally:
        os.close(opened)
    _sync(path.parent)


def _write(opened: int, line: bytes) -> None:
    if os.write(opened, line) != len(line):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    os.fsync(opened)


def _sync(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _failed(path: Path, error: OSError) -> FolderError:
    remedy = "see to the disk and the rights of the folder, then run the same again"
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        remedy = "make room or name a folder on a larger disk; nothing is copied twice"
    return FolderError(f"{path}: {error.strerror or error}", remedy=remedy)
