# Copyright (c) The Forge contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of models on a disk: digests, lists of files, space, progress."""

import hashlib
import json
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
STEP = 4 * 2**20  # bytes read at once
GIB = 2**30
# A disk that is full to the last byte harms everything else that is on it.
SPARE = 256 * 2**20  # bytes

type Told = Callable[[int], None]


class ModelError(Exception):
    """A model was not brought; the message says what, where, and what to do."""


@dataclass(frozen=True)
class File:
    """One file of a model: ``digest`` as ``sha256:...``, ``size`` in bytes."""

    digest: str
    size: int


@dataclass
class Progress:
    """Says how far a long transfer is: in a file for others, in a list for the end.

    Attributes:
        path: A file that holds one JSON object, replaced at most once a second.
        transfers: What was moved: name, bytes in all, where it went on from.
    """

    path: Path | None = None
    transfers: list[dict[str, object]] = field(default_factory=list)
    _last: float = 0.0

    @classmethod
    def of(cls, path: str | None) -> "Progress":
        """Return one that writes to a path, or to none."""
        return cls(Path(path) if path else None)

    def begin(self, what: str, size: int, start: int = 0) -> Told:
        """Return a function that is told the bytes that are done."""
        self.transfers.append({"what": what, "size": size, "resumed_from": start})

        def tell(done: int) -> None:
            now = time.monotonic()
            if self.path is not None and (done >= size or now - self._last >= 1):
                self._last = now
                write_whole(
                    self.path,
                    json.dumps({"what": what, "done": done, "size": size}).encode(),
                )

        tell(start)
        return tell


def require_digest(text: str) -> str:
    """Return a digest.

    Raises:
        ModelError: It is none, or not resolved yet.
    """
    if text == "unresolved":
        raise ModelError(
            "the digest is unresolved, and a model is never taken by its name alone; "
            "bring its files to the controller, run `forge models inspect FILE`, "
            "compare with the publisher, and write the digest into the inventory"
        )
    if DIGEST.fullmatch(text) is None:
        raise ModelError(f"{text!r} is not a digest; write sha256: and 64 digits")
    return text


def digest_of(data: bytes) -> str:
    """Return the digest of bytes."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def hash_file(path: Path) -> str:
    """Return the digest of a file's content."""
    with path.open("rb") as stream:
        return f"sha256:{hashlib.file_digest(stream, 'sha256').hexdigest()}"


def safe_path(text: str) -> str:
    """Return a path inside a folder.

    Raises:
        ModelError: It leads out of the folder or to a hidden place.
    """
    parts = PurePosixPath(text).parts
    ill = not parts or text.startswith("/") or "\\" in text or not text.isprintable()
    if ill or any(part == ".." or part.startswith(".") for part in parts):
        raise ModelError(f"{text!r} is not a path inside a model's folder")
    return str(PurePosixPath(text))


def folder_files(folder: Path) -> Iterator[str]:
    """Yield the paths of a folder's files inside it, without hidden ones."""
    for path in folder.rglob("*"):
        inside = path.relative_to(folder)
        hidden = any(part.startswith(".") for part in inside.parts)
        if path.is_file() and not hidden:
            yield inside.as_posix()


def listing(files: Mapping[str, str]) -> bytes:
    """Return the list of files that a folder's digest is made of.

    Args:
        files: Path to digest.
    """
    names = sorted(files, key=str.encode)
    lines = (f"{files[name].removeprefix('sha256:')}  {name}\n" for name in names)
    return "".join(lines).encode()


def parse_listing(data: bytes) -> dict[str, str]:
    """Return path to digest of a list of files.

    Raises:
        ModelError: It is not one.
    """
    files = {}
    for line in data.decode("utf-8", "replace").splitlines():
        digest, _, name = line.partition("  ")
        if DIGEST.fullmatch(f"sha256:{digest}") is None:
            raise ModelError(f"{line[:80]!r} is no line of a list of files")
        files[safe_path(name)] = f"sha256:{digest}"
    return files


def damage(folder: Path, files: Mapping[str, str]) -> dict[str, str]:
    """Return what is wrong with a folder: path to reason; every file is read whole."""
    found = {}
    for name, digest in files.items():
        path = folder / name
        if not path.is_file():
            found[name] = "missing"
        elif (actual := hash_file(path)) != digest:
            found[name] = f"has {actual}, not {digest}"
    for name in folder_files(folder):
        if name not in files:
            found[name] = "does not belong to the model"
    return found


def require_space(folder: Path, needed: int, what: str) -> None:
    """Refuse what does not fit, before anything is written.

    Args:
        folder: Where it will be written; need not exist yet.
        needed: Bytes.
        what: What errors call it.

    Raises:
        ModelError: With the numbers.
    """
    place = folder.absolute()
    while not place.exists():
        place = place.parent
    disk = os.statvfs(place)
    free = disk.f_bavail * disk.f_frsize
    if needed + SPARE > free:
        raise ModelError(
            f"{what} needs {needed} bytes ({in_gib(needed)}) in {folder} and "
            f"{in_gib(SPARE)} have to stay free, but only {free} bytes "
            f"({in_gib(free)}) are: {in_gib(needed + SPARE - free)} too few; nothing "
            "was fetched; free that much, or place the model on another host"
        )


def in_gib(count: int) -> str:
    """Return bytes as GiB."""
    return f"{count / GIB:.2f} GiB"


def write_whole(path: Path, data: bytes) -> None:
    """Replace a small file at once."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.new")
    beside.write_bytes(data)
    beside.replace(path)


def sync_folder(folder: Path) -> None:
    """Make names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
