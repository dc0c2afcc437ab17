"""Have a key in hardware sign, by `ssh-keygen -Y sign` of OpenSSH.

ssh-keygen finds the device, asks for its PIN where it has one, and waits for the touch.
"""

import base64
import binascii
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final

from clawlaw.gate.hardware_keys import (
    NAMESPACE,
    RAW,
    SIGNATURE_BYTES,
    TYPE,
    HardwareKey,
    HardwareKeyError,
    unpacked,
)

_BEGIN: Final = "-----BEGIN SSH SIGNATURE-----"
_END: Final = "-----END SSH SIGNATURE-----"
_MAGIC: Final = b"SSHSIG\0\0\0\1"
_SECONDS: Final = 120  # for a person to find and touch the device


def sign(file: Path, key: HardwareKey, statement: bytes) -> bytes:
    """The 69 bytes that :meth:`HardwareKey.verify` takes.

    Args:
        file: OpenSSH's private file, which points to the device.
        key: Public half that must have signed.
        statement: To sign.

    Raises:
        HardwareKeyError: There is no ssh-keygen or no device, nobody touched it, or
            another key signed.
    """
    program = shutil.which("ssh-keygen")
    if program is None:
        raise HardwareKeyError("ssh-keygen is not installed; install OpenSSH 8.2 on")
    with tempfile.TemporaryDirectory() as folder:
        said = Path(folder) / "statement"
        said.write_bytes(statement)
        words = [program, "-Y", "sign", "-n", NAMESPACE]  # by its default, SHA-512
        # Its questions go to the terminal, as those of ssh do.
        done = subprocess.run(
            [*words, "-f", str(file), str(said)], check=False, timeout=_SECONDS
        )
        if done.returncode:
            raise HardwareKeyError(
                f"{file}: ssh-keygen did not sign; is the device there, and was it "
                "touched?"
            )
        armour = said.with_name("statement.sig").read_text("ascii", "replace")
    raw = opened(armour, key)
    key.verify(statement, raw)
    return raw


def opened(armour: str, key: HardwareKey) -> bytes:
    """Take signature, flags and counter out of a signature file of OpenSSH.

    Raises:
        HardwareKeyError: It is none, or another key's.
    """
    lines = armour.strip().splitlines()
    if len(lines) < 3 or lines[0] != _BEGIN or lines[-1] != _END:  # noqa: PLR2004
        raise HardwareKeyError("not a signature file of OpenSSH")
    try:
        blob = base64.b64decode("".join(lines[1:-1]), validate=True)
        public, _, _, _, signature = unpacked(blob[len(_MAGIC) :], 5)
        kind, data, state = unpacked(signature, 2, rest=True)
    except (ValueError, binascii.Error) as error:
        raise HardwareKeyError(f"not a signature of OpenSSH: {error}") from error
    if not blob.startswith(_MAGIC):
        raise HardwareKeyError("not a signature of OpenSSH in its first version")
    if public != key.blob or kind != TYPE.encode():
        raise HardwareKeyError("another key signed")
    if len(data) != SIGNATURE_BYTES or len(data + state) != RAW.size:
        raise HardwareKeyError("not a signature of a key in hardware")
    return data + state
