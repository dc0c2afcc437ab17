"""Whether a snapshot of etcd is whole, by the digest that it ends with."""

import hashlib
from pathlib import Path

# etcd appends the SHA-256 of the database, whose pages are multiples of 512 bytes.
# Source: https://etcd.io/docs/v3.6/op-guide/recovery#snapshotting-the-keyspace
PAGE = 512
DIGEST = hashlib.sha256().digest_size
CHUNK = 1 << 20


def problem(path: Path) -> str:
    """Return why a file is no whole snapshot, empty if it is one."""
    left = path.stat().st_size - DIGEST
    if left <= 0 or left % PAGE:
        return f"is no snapshot of etcd, or was cut: {left + DIGEST} bytes"
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while left:
            chunk = file.read(min(CHUNK, left))
            digest.update(chunk)
            left -= len(chunk)
        whole = digest.digest() == file.read()
    return "" if whole else "its database has not the digest that the file ends with"
