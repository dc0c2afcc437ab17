"""Runs on the server, by its own Python: lists files with their digests.

    python3 -I - PATH...

One JSON object a line. Links are not followed; what is being written is left out.
"""

import contextlib
import hashlib
import json
import os
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path


def files(path: Path) -> Iterator[Path]:
    """Yield the regular files at and below a path."""
    if path.is_symlink():
        return
    if path.is_dir():
        for each in sorted(path.iterdir()):
            yield from files(each)
    elif path.is_file():
        yield path


def described(path: Path) -> dict[str, object]:
    """Return what the controller is told of a file."""
    with path.open("rb") as file:
        found = os.fstat(file.fileno())
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    modified = datetime.fromtimestamp(int(found.st_mtime), UTC)
    return {
        "name": str(path),
        "size": found.st_size,
        "modified": modified.isoformat().replace("+00:00", "Z"),
        "tag": f"sha256:{sha256}",
    }


def main() -> None:
    """List."""
    for root in sys.argv[1:]:
        for path in files(Path(root)):
            if path.suffix == ".part":
                continue
            with contextlib.suppress(FileNotFoundError):  # pruned since
                sys.stdout.write(json.dumps(described(path)) + "\n")


if __name__ == "__main__":
    main()
