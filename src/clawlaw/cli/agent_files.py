"""Files of agents on a machine: tokens, and the managed settings of their client."""

import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from clawlaw.adapters.claude_settings import FILES, SettingsError, parse
from clawlaw.cli.output import UsageError
from clawlaw.private import replace_private

MODE = (
    0o644  # everybody reads the settings, since every client does; no secret is there
)


@dataclass(frozen=True, slots=True)
class Installed:
    """Managed settings as they stand on the disk.

    Attributes:
        settings: Empty where there is no file.
        text: The file's bytes.
        problems: What lets somebody else change them, one line each.
    """

    settings: dict[str, Any] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    text: bytes = b""


@contextmanager
def as_owner(path: Path) -> Iterator[None]:
    """Read as the owner of a private file, where an administrator does it.

    The gate reads only files of its own account, and so must what speaks for it.
    """
    owner = path.lstat().st_uid
    if os.geteuid() != 0 or owner == 0:
        yield
        return
    os.seteuid(owner)
    try:
        yield
    finally:
        os.seteuid(0)


def replace_config(path: Path, data: bytes) -> None:
    """Put another configuration in place, with the owner of the one before.

    Raises:
        PrivateFileError: It cannot be written; what was there still is.
    """
    before = path.lstat()
    replace_private(path, data)
    os.chown(path, before.st_uid, before.st_gid, follow_symlinks=False)


def credentials_path(folder: Path, name: str) -> Path:
    """The file of an agent's token.

    Raises:
        UsageError: The name is no name of a file.
    """
    if not name or name.startswith(".") or "/" in name or "\0" in name:
        raise UsageError(repr(name), "no name of an agent")
    return folder / f"{name}.token"


def default_settings() -> Path:
    """Where Claude Code reads managed settings on this system."""
    return Path(FILES["darwin" if sys.platform == "darwin" else "linux"])


def tcp_address(config: Path) -> str:
    """ADDRESS:PORT at which the gate takes hooks.

    Raises:
        UsageError: It has no listener on loopback that may propose.
    """
    from clawlaw.gate.config import read_config  # noqa: PLC0415  # slow to load

    with as_owner(config):
        listeners = read_config(config).listeners
    for part in listeners:
        if part.tcp and {"propose", "outcome"} <= set(part.rights):
            return part.tcp
    remedy = "add {tcp: 127.0.0.1:8181, rights: [propose, outcome]} to `listeners`"
    raise UsageError(str(config), "no listener on loopback takes hooks", remedy)


def read_settings(path: Path) -> Installed:
    """Managed settings and whether only an administrator can change them.

    Raises:
        SettingsError: The file is no JSON object.
        UsageError: It is no regular file.
    """
    problems = [*_folders(path)]
    try:
        opened = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return Installed({}, (*problems, f"{path}: not there"))
    except OSError as error:
        raise UsageError(str(path), str(error.strerror)) from error
    with os.fdopen(opened, "rb") as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode):
            raise UsageError(str(path), "not a regular file")
        data = file.read()
    problems += _writable(path, found)
    try:
        return Installed(parse(data), tuple(problems), data)
    except SettingsError as error:
        raise SettingsError(f"{path}: {error}") from error


def install_settings(path: Path, data: bytes, found: Installed) -> None:
    """Put managed settings in place, all of them or nothing; the old ones are kept.

    Args:
        path: The file.
        data: Its new content.
        found: As it was read; the copy beside it is made of the file itself.
    """
    path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.new")
    fresh.unlink(missing_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    opened = os.open(fresh, flags, MODE)
    with os.fdopen(opened, "wb") as file:
        os.fchmod(file.fileno(), MODE)
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    if found.text and found.text != data:
        path.with_name(f"{path.name}.before-clawlaw").write_bytes(found.text)
    fresh.replace(path)


def _folders(path: Path) -> list[str]:
    """Files beside the settings that would be merged in, and folders others write."""
    said: list[str] = []
    dropped = path.with_name(f"{path.stem}.d")
    if dropped.is_dir():
        said += [
            f"{f}: merged over {path.name}" for f in sorted(dropped.glob("*.json"))
        ]
    for folder in (path.parent, dropped):
        if folder.is_dir():
            said += _writable(folder, folder.stat())
    return said


def _writable(path: Path, found: os.stat_result) -> list[str]:
    said: list[str] = []
    if found.st_uid not in {0, os.geteuid()}:
        said.append(f"{path}: belongs to uid {found.st_uid}, who can change it")
    if found.st_mode & 0o022:
        said.append(f"{path}: mode {stat.S_IMODE(found.st_mode):04o} lets others write")
    return said
