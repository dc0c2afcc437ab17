"""A trial of the sandbox that another process keeps the word of.

The gate's own unit is too narrow to make namespaces, and that is good. So whoever
starts it has the executor try a sandbox first, as an agent's account, and keep in a
file what came of it; the gate believes a file that only root or itself could write.
"""

import os
import stat
from pathlib import Path

import msgspec

from clawlaw.executor.host import Availability, SandboxError, available

_MAX_BYTES = 1 << 16


def begin(path: Path) -> int:
    """Open a new file for the word, with the rights of now; the descriptor.

    Raises:
        SandboxError: It cannot be made.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        path.unlink(missing_ok=True)
        opened = os.open(path, flags, 0o644)
        os.fchmod(opened, 0o644)  # whatever the umask
    except OSError as error:
        raise SandboxError(
            f"{path}: {error.strerror}", "name a file in a folder of the gate's"
        ) from error
    return opened


def keep(opened: int) -> Availability:
    """Try a sandbox as the account of now, and keep what came of it.

    Args:
        opened: From `begin`; closed afterwards.
    """
    found = available()
    with os.fdopen(opened, "wb") as file:
        file.write(msgspec.json.encode(found) + b"\n")
    return found


def kept(path: Path) -> Availability:
    """What a trial found; nothing confines where the word cannot be believed."""
    remedy = f"clawlaw run --check --account NAME --keep {path}, as root"
    try:
        opened = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        return Availability(problem=f"{path}: {error.strerror}", remedy=remedy)
    with os.fdopen(opened, "rb") as file:
        found = os.fstat(file.fileno())
        data = file.read(_MAX_BYTES)
    if not stat.S_ISREG(found.st_mode) or found.st_mode & 0o022:
        problem = f"{path}: others may write it"
        return Availability(problem=problem, remedy=remedy)
    if found.st_uid not in {0, os.geteuid()}:
        problem = f"{path}: written by uid {found.st_uid}"
        return Availability(problem=problem, remedy=remedy)
    try:
        return msgspec.json.decode(data, type=Availability)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return Availability(problem=f"{path}: {error}", remedy=remedy)
