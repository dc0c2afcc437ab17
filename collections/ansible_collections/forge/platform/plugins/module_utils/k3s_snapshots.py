# Copyright (c) The Forge contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Snapshots of K3s's etcd: what its command prints, and whether a file is whole."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

# etcd appends the SHA-256 of the database, whose pages are multiples of 512 bytes.
# Source: https://etcd.io/docs/v3.6/op-guide/recovery#snapshotting-the-keyspace
PAGE = 512
DIGEST = hashlib.sha256().digest_size
CHUNK = 1 << 20
COLUMNS = ["Name", "Location", "Size", "Created"]


@dataclass(frozen=True)
class Snapshot:
    """One row of ``k3s etcd-snapshot ls``; the size is in bytes."""

    name: str
    location: str
    size: int
    created: str

    @property
    def path(self) -> str:
        """The file on this server, empty if it is elsewhere."""
        scheme, _, rest = self.location.partition("://")
        return rest if scheme == "file" else ""


def read_list(text: str) -> list[Snapshot]:
    """Read what ``k3s etcd-snapshot ls`` prints.

    Raises:
        ValueError: It is not the documented table.

    Source: https://docs.k3s.io/cli/etcd-snapshot
    """
    rows = [line.split() for line in text.splitlines() if line.strip()]
    if not rows or rows[0] != COLUMNS:
        raise ValueError(f"no table of {', '.join(COLUMNS)}: {text[:200]!r}")
    found = []
    for row in rows[1:]:
        if len(row) != len(COLUMNS) or not row[2].isdigit():
            raise ValueError(f"no row of a snapshot: {' '.join(row)!r}")
        found.append(Snapshot(row[0], row[1], int(row[2]), row[3]))
    return found


def added(before: Iterable[Snapshot], after: Iterable[Snapshot]) -> list[Snapshot]:
    """Return the files of this server that were not there before."""
    known = {each.location for each in before}
    return [each for each in after if each.path and each.location not in known]


def problem(path: Path) -> str:
    """Return why a file is no whole snapshot, empty if it is one."""
    try:
        size = path.stat().st_size
        if size % PAGE != DIGEST or size <= DIGEST:
            return f"{path} is no snapshot of etcd, or was cut: {size} bytes"
        digest = hashlib.sha256()
        with path.open("rb") as file:
            for offset in range(0, size - DIGEST, CHUNK):
                digest.update(file.read(min(CHUNK, size - DIGEST - offset)))
            expected = file.read()
    except OSError as error:
        return f"{path}: {error.strerror}"
    if digest.digest() != expected:
        return f"{path} was changed: its database has not the digest that it ends with"
    return ""


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file, hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
