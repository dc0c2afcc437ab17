# Copyright (c) The Forge contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter ``forge_file_digest``: the digest of a file on the controller."""

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleFilterError


def forge_file_digest(path: str) -> str:
    """Return the SHA-256 of a file on the controller, 64 hex digits.

    A ``stat`` delegated to the controller does the same for each host anew; an archive
    is the same for all of them.
    """
    file = Path("".join(path)).expanduser()
    try:
        status = file.stat()
        return _digest(file, status.st_mtime_ns, status.st_size)
    except OSError as error:
        raise AnsibleFilterError(
            f"{file} on the controller cannot be read: {error.strerror}"
        ) from error


@lru_cache(maxsize=32)
def _digest(file: Path, changed: int, size: int) -> str:
    del changed, size  # part of the key only: another content is read again
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, Any]:
        """Return the filter by name."""
        return {"forge_file_digest": forge_file_digest}
