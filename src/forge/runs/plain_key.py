"""What hosts noted of uses of the plain key, for the record of a run.

A host with ``break_glass`` writes one line of its log before it tells sshd the key:
time, account, fingerprint. Whoever is root there can change the file afterwards, so
each run that comes by records how many uses it holds and which were the last: in the
gate's log, a number that falls shows.
"""

import base64
import binascii
import re
from hashlib import sha256
from typing import Any, Final

LAST: Final = 20  # lines that are recorded
_LINE = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ [A-Za-z0-9._-]{1,64} SHA256:[A-Za-z0-9+/=]{1,64}"
)


def notes(content: object) -> dict[str, Any]:
    """Read the notes of a host.

    Args:
        content: The file in base64, as ``ansible.builtin.slurp`` returns it.

    Returns:
        ``digest`` of the file, ``uses`` (lines), ``last`` (the last lines) and
        ``unreadable`` (lines that are no note); empty if there is nothing.
    """
    if not isinstance(content, str):
        return {}
    try:
        data = base64.b64decode(content, validate=True)
    except (binascii.Error, ValueError):
        data = b""
    lines = data.decode("utf-8", "replace").splitlines()
    found = [line for line in lines if _LINE.fullmatch(line)]
    if not lines:
        return {}
    return {
        "digest": f"sha256:{sha256(data).hexdigest()}",
        "uses": len(found),
        "last": found[-LAST:],
        "unreadable": len(lines) - len(found),
    }
