"""The artifact cache: files by pin, written in one step, checked on every use.

    ROOT/artifacts/NAME/VERSION-ARCH-PIN/     the files and artifact.json
    ROOT/artifacts/NAME/.lock-...             held while one entry is made
    ROOT/artifacts/NAME/.making-...           an entry in the making
    ROOT/downloads/SHA256.part                a download that can be resumed

An entry appears by one rename of a folder whose files are synced, so a process
killed at any moment leaves either no entry or a whole one. What it left behind is
removed by the next run that makes the same entry.
"""

import errno
import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from forge import paths
from forge.artifacts.errors import CacheError, DamagedError
from forge.artifacts.progress import Progress

MANIFEST = "artifact.json"
PIN_LENGTH = 12  # hex digits of the pin digest in a folder's name

type Source = Literal["release", "go", "local", "wheel"]
type Make = Callable[[Path], tuple[Source, str]]


@dataclass(frozen=True)
class Key:
    """What one entry is made from.

    Attributes:
        name: The artifact's name in versions.yml.
        version: Its version.
        arch: ``amd64`` or ``arm64``.
        digest: ``sha256:`` and hex, over everything that decides the files.
    """

    name: str
    version: str
    arch: str
    digest: str

    def __str__(self) -> str:
        """Return the folder's name."""
        pin = self.digest.removeprefix("sha256:")[:PIN_LENGTH]
        return f"{self.version}-{self.arch}-{pin}"


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """artifact.json: what an entry holds and where it came from."""

    name: str
    version: str
    arch: str
    digest: str
    source: Source
    files: dict[str, str]  # name below the folder -> sha256, hex
    built_with: str


@dataclass(frozen=True)
class Entry:
    """A whole entry whose files have just been checked."""

    path: Path
    manifest: Manifest

    @property
    def files(self) -> dict[str, Path]:
        """Map each file's name to its path."""
        return {name: self.path / name for name in self.manifest.files}


class Cache:
    """The cache below one folder."""

    def __init__(self, root: Path) -> None:
        """Use ``root``, which is made when something is stored."""
        self.root = root

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> "Cache":
        """Use the cache of the user whose environment it is."""
        return cls(paths.cache(environment))

    def path(self, key: Key) -> Path:
        """Return the folder of an entry, whether it is there or not."""
        return self.root / "artifacts" / key.name / str(key)

    @contextmanager
    def downloading(self, sha256: str, progress: Progress) -> Iterator[Path]:
        """Give the file that collects a download, to one run at a time.

        What an interrupted run collected is still in it. The caller moves it away
        or removes it when it is whole.
        """
        folder = self.root / "downloads"
        with (
            _locked(folder / f".lock-{sha256}", "a download", progress),
            _reported(folder),
        ):
            yield folder / f"{sha256}.part"

    def find(self, key: Key) -> Entry | None:
        """Return an entry after checking every file's digest.

        Raises:
            DamagedError: It is there, and not what was stored.
            CacheError: It cannot be read.
        """
        path = self.path(key)
        if not path.is_dir():
            return None
        with _reported(path):
            manifest = _manifest(path, key)
            for name, expected in manifest.files.items():
                _check(path / name, expected)
        return Entry(path=path, manifest=manifest)

    def obtain(self, key: Key, make: Make, progress: Progress) -> tuple[Entry, bool]:
        """Return the entry of ``key``, making it if it is missing or damaged.

        Args:
            key: What is wanted.
            make: Puts the files into the empty folder that it is given, and returns
                where they came from and what made them. It is called at most once,
                and by one process of the machine at a time.
            progress: Told of a damaged entry and of waiting for another run.

        Returns:
            The entry, and whether this call made it.
        """
        entry = self._sound(key, progress)
        if entry is not None:
            return entry, False
        with self.locked(key, progress):
            entry = self._sound(key, progress)  # another run may just have made it
            if entry is not None:
                return entry, False
            with self.making(key) as folder:
                source, built_with = make(folder)
                return self.commit(key, folder, source, built_with), True

    def _sound(self, key: Key, progress: Progress) -> Entry | None:
        try:
            return self.find(key)
        except DamagedError as error:
            progress.note(f"{error.what}; making it again")
            return None

    @contextmanager
    def locked(self, key: Key, progress: Progress) -> Iterator[None]:
        """Hold an entry's lock; wait, and say so, while another run holds it."""
        with _locked(self.path(key).parent / f".lock-{key}", key.name, progress):
            yield

    @contextmanager
    def making(self, key: Key) -> Iterator[Path]:
        """Give an empty folder for a new entry; the caller holds its lock.

        Whatever an interrupted run left for the same entry is removed first; the
        folder itself is removed afterwards unless :meth:`commit` took it.
        """
        folder = self.path(key).parent
        with _reported(folder):
            for left in folder.glob(f".making-{key}-*"):
                shutil.rmtree(left)
            new = Path(tempfile.mkdtemp(prefix=f".making-{key}-", dir=folder))
        try:
            with _reported(folder):
                yield new
        finally:
            shutil.rmtree(new, ignore_errors=True)

    def commit(self, key: Key, made: Path, source: Source, built_with: str) -> Entry:
        """Store the folder ``made``, with all files in it, as the entry of ``key``.

        Raises:
            CacheError: It cannot be written; no entry is left.
        """
        path = self.path(key)
        with _reported(path):
            names = sorted(_files(made))
            manifest = Manifest(
                name=key.name,
                version=key.version,
                arch=key.arch,
                digest=key.digest,
                source=source,
                files={name: sha256_of(made / name) for name in names},
                built_with=built_with,
            )
            encoded = msgspec.json.format(msgspec.json.encode(manifest), indent=2)
            (made / MANIFEST).write_bytes(encoded)
            made.chmod(0o755)
            for name in [*names, MANIFEST]:
                _sync(made / name)
            _sync(made)
            if path.exists():  # damaged, or find() would have returned it
                shutil.rmtree(path)
            os.rename(made, path)  # noqa: PTH104 - the atomic call by its own name
            _sync(path.parent)
        return Entry(path=path, manifest=manifest)


@contextmanager
def _locked(path: Path, what: str, progress: Progress) -> Iterator[None]:
    with _reported(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = path.open("a")
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress.note(f"{what}: another run is making it; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield  # closing the file releases the lock, as does the end of the process


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file, hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _manifest(path: Path, key: Key) -> Manifest:
    try:
        data = (path / MANIFEST).read_bytes()
        manifest = msgspec.json.decode(data, type=Manifest)
    except FileNotFoundError as error:
        raise DamagedError(f"{path}: {MANIFEST} is missing") from error
    except msgspec.DecodeError as error:
        raise DamagedError(f"{path / MANIFEST}: {error}") from error
    if manifest.digest != key.digest or not manifest.files:
        raise DamagedError(f"{path / MANIFEST}: belongs to pin {manifest.digest}")
    return manifest


def _check(path: Path, expected: str) -> None:
    try:
        found = sha256_of(path)
    except FileNotFoundError as error:
        raise DamagedError(f"{path}: is missing") from error
    if found != expected:
        raise DamagedError(
            f"{path}: damaged: stored sha256 {expected}, found {found} "
            f"({path.stat().st_size} bytes)"
        )


def _files(folder: Path) -> Iterator[str]:
    for path in folder.rglob("*"):
        if path.is_file():
            yield str(path.relative_to(folder))


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _reported(path: Path) -> Iterator[None]:
    """Turn what the file system says into an error with a remedy."""
    try:
        yield
    except OSError as error:
        where = error.filename or path
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        raise CacheError(
            f"artifact cache: {where}: {error.strerror or error}",
            remedy="free some space (a whole set takes 2 GB)"
            if full
            else "set FORGE_CACHE to a folder that this user can write",
        ) from error
