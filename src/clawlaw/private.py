"""Files that only their owner may read: keys and what points at them."""

import os
import stat
from pathlib import Path

from clawlaw.core.errors import ClawLawError

MODE = 0o600
MAX_BYTES = 1 << 20


class PrivateFileError(ClawLawError):
    """A private file cannot be trusted or written; the message says what to do."""


def read_private(path: Path, most: int = MAX_BYTES) -> bytes:
    """Read a file that nobody else could read or change.

    What is opened is what is checked: a link is not followed.

    Args:
        path: Of the file.
        most: Bytes that it may have.

    Raises:
        PrivateFileError: Not there, no regular file, of someone else, open to group or
            others, or larger than that.
    """
    try:
        opened = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        raise PrivateFileError(f"{path}: {error.strerror}") from error
    try:
        _check(path, os.fstat(opened))
        with os.fdopen(os.dup(opened), "rb") as file:
            data = file.read(most + 1)
    finally:
        os.close(opened)
    if len(data) > most:
        raise PrivateFileError(f"{path}: larger than {most} bytes")
    return data


def _check(path: Path, found: os.stat_result) -> None:
    mode = stat.S_IMODE(found.st_mode)
    if not stat.S_ISREG(found.st_mode):
        raise PrivateFileError(f"{path}: not a regular file")
    if found.st_uid != os.geteuid():
        raise PrivateFileError(
            f"{path}: belongs to uid {found.st_uid}, not to uid {os.geteuid()}"
        )
    if mode & 0o077:
        raise PrivateFileError(
            f"{path}: mode {mode:04o} lets others in; chmod 0600 {path}"
        )


def create_private(path: Path, data: bytes) -> None:
    """Create a file with mode 0600; on the disk when this returns.

    Raises:
        PrivateFileError: It exists already or cannot be written.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    try:
        opened = os.open(path, flags, MODE)
    except FileExistsError as error:
        raise PrivateFileError(f"{path}: exists and is not replaced") from error
    except OSError as error:
        raise PrivateFileError(f"{path}: {error.strerror}") from error
    try:
        with os.fdopen(opened, "wb") as file:
            os.fchmod(file.fileno(), MODE)  # whatever the umask
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        _sync_folder(path.parent)
    except OSError as error:
        path.unlink(missing_ok=True)
        raise PrivateFileError(f"{path}: {error.strerror}") from error


def replace_private(path: Path, data: bytes) -> None:
    """Put new content in the place of a file, all of it or nothing.

    Raises:
        PrivateFileError: It cannot be written; what was there still is.
    """
    fresh = path.with_name(f".{path.name}.new")
    fresh.unlink(missing_ok=True)  # of a process that was killed
    create_private(fresh, data)
    try:
        fresh.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        fresh.unlink(missing_ok=True)
        raise PrivateFileError(f"{path}: {error.strerror}") from error


def _sync_folder(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
