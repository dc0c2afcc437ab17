"""Private files, by the name under which the gate's parts know them."""

from clawlaw.private import (
    MAX_BYTES,
    PrivateFileError,
    create_private,
    read_private,
    replace_private,
)

__all__ = [
    "MAX_BYTES",
    "PrivateFileError",
    "create_private",
    "read_private",
    "replace_private",
]
