"""A run's own way in: a key made for it, and the certificate that the gate signed.

Both lie in a private folder of the run below the controller's state. It is removed with
the end of the run; what a killed run left behind opens nothing once its certificate has
ended, and the next run removes it.
"""

import contextlib
import os
import shlex
import shutil
import time
from collections.abc import Iterable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from clawlaw.gate.authority import public_line
from clawlaw.private import PrivateFileError, create_private
from forge.errors import ForgeError

FOLDER: Final = "access"
KEY: Final = "run"
CERTIFICATE: Final = "run-cert.pub"
# Of a host that believes certificates, by its base.
AUTHORITIES: Final = ("node_base_ssh_authority", "macos_base_ssh_authority")
ARGUMENTS: Final = "ansible_ssh_common_args"
CONTROL: Final = "ansible_control_path"
DIGITS: Final = 10  # of a socket's name, which has to be short
LONGEST: Final = 8 * 3600  # seconds that a certificate counts at most


class AccessError(ForgeError):
    """The run's own key cannot be kept."""


def believing(
    hostvars: Mapping[str, Mapping[str, Any]], hosts: Iterable[str]
) -> list[str]:
    """Return the hosts that the inventory has believe certificates, sorted."""
    return sorted(
        host for host in hosts if any(hostvars[host].get(name) for name in AUTHORITIES)
    )


def begin(state: Path, run: str) -> tuple[Path, str]:
    """Make the key of a run.

    Args:
        state: Folder of the controller's records.
        run: Name of the run's record.

    Returns:
        Its private folder, and the public half of the key.

    Raises:
        AccessError: It cannot be written.
    """
    above = state / FOLDER
    folder = above / run
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    try:
        above.mkdir(mode=0o700, parents=True, exist_ok=True)
        _sweep(above)
        folder.mkdir(mode=0o700)
        create_private(folder / KEY, pem)
    except (OSError, PrivateFileError) as error:
        raise AccessError(f"{folder}: {error}") from error
    return folder, public_line(key.public_key())


def keep(folder: Path, certificate: str) -> None:
    """Put a certificate beside its key.

    Raises:
        AccessError: It cannot be written.
    """
    try:
        create_private(folder / CERTIFICATE, f"{certificate}\n".encode())
    except PrivateFileError as error:
        raise AccessError(str(error)) from error


def options(folder: Path, given: str = "") -> str:
    """Return the arguments of ssh for a host that the certificate opens.

    What the inventory gives stays: its key is offered after the certificate.

    Args:
        folder: Of the run.
        given: Arguments that the host has without it.
    """
    names = (("CertificateFile", CERTIFICATE), ("IdentityFile", KEY))
    words = [
        f'{name}="{str(folder / file).replace("%", "%%")}"' for name, file in names
    ]
    own = " ".join(f"-o {shlex.quote(word)}" for word in words)
    return f"{given} {own}".strip()


def control_path(folder: Path, host: str) -> str:
    """Return where ssh keeps the connection of a run to a host.

    Ansible names it by host and account alone, so a run would go on in a connection
    that an earlier one opened within a minute before, by another key.

    Args:
        folder: Of the run.
        host: Of the inventory.
    """
    name = sha256(f"{folder.name}/{host}".encode()).hexdigest()[:DIGITS]
    return f"%(directory)s/{name}"


def end(folder: Path) -> None:
    """Remove a run's key and certificate."""
    shutil.rmtree(folder, ignore_errors=True)


def _sweep(above: Path) -> None:
    """Remove what killed runs left, once nothing of it can count any more."""
    now = time.time()
    for entry in os.scandir(above):
        with contextlib.suppress(OSError):
            if now - entry.stat(follow_symlinks=False).st_mtime > LONGEST:
                end(Path(entry.path))
