"""The log as the store holds it: by locked versions, whatever was put on top of them.

Of every name the oldest version counts that is locked in compliance mode: the uploader
put it when nothing had the name, and since then nobody could take it away. A deletion's
marker hides a name and a newer version shadows it; both are reported, and read past.
"""

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final, Protocol

from clawlaw.evidence.anchor import CHECKPOINTS, SEGMENTS
from clawlaw.evidence.errors import NoteError
from clawlaw.evidence.note import Signed, Verifier, open_note
from clawlaw.evidence.objects import Version
from clawlaw.evidence.reader import last_segment
from clawlaw.evidence.segment import SUFFIX, segment_path

_TRIED: Final = 64  # names of heads that are no heads of this log, before it is enough


class Reads(Protocol):
    """What is asked of a store."""

    def versions(self, under: str) -> list[Version]:
        """Versions by name, the oldest first."""

    def locked(self, version: Version) -> datetime | None:
        """Until when a version stays."""

    def read(self, version: Version, path: Path) -> None:
        """Write its bytes to a file."""


@dataclass(slots=True)
class Remote:
    """What a store holds of a log.

    Attributes:
        paths: Segments, in order, as files.
        newest: Newest head of this log; `None`: none.
        covering: Newest head that the segments reach; `None`: none.
        problems: What is missing or not locked.
        attempts: Markers of deletions and newer versions, which change nothing.
        until: When the first lock of a segment ends.
    """

    paths: list[Path] = field(default_factory=list)
    newest: Signed | None = None
    covering: Signed | None = None
    problems: list[str] = field(default_factory=list)
    attempts: list[str] = field(default_factory=list)
    until: datetime | None = None

    @property
    def heads(self) -> list[Signed]:
        """Heads to compare with the segments: one that they reach."""
        return [] if self.covering is None else [self.covering]


def fetch(store: Reads, keys: list[Verifier], folder: Path, origin: str) -> Remote:
    """Bring the log that a store holds into a folder.

    Args:
        store: Of the log.
        keys: Public key of the log, and of witnesses where their names are wanted.
        folder: Empty; segments are written to it.
        origin: Of the log, whose key must have signed every head.

    Raises:
        StoreError: The store cannot be read.
        LogDamaged: The last segment is not what was written.
    """
    found = Remote()
    segments = _oldest_locked(store, SEGMENTS, found)
    for number, name in enumerate(sorted(segments)):
        path = segment_path(folder, number)
        if name != SEGMENTS + path.name:
            found.problems.append(f"{SEGMENTS}{path.name}: is not in the store")
            break
        version, until = segments[name]
        store.read(version, path)
        found.paths.append(path)
        found.until = min(until, found.until or until)
    _heads(store, keys, folder, origin, found)
    if found.newest is None:
        found.problems.append(f"{CHECKPOINTS}: no head of this log is locked there")
    return found


def _oldest_locked(
    store: Reads, under: str, found: Remote
) -> dict[str, tuple[Version, datetime]]:
    """The version of every name that counts, and until when it stays."""
    kept: dict[str, tuple[Version, datetime]] = {}
    named: set[str] = set()
    for version in store.versions(under):
        if not version.name.endswith(SUFFIX):
            found.attempts.append(f"{version.name}: is no segment")
            continue
        named.add(version.name)
        if version.marker:
            found.attempts.append(f"{version.name}: deleted {version.modified}")
        elif version.name in kept:
            found.attempts.append(
                f"{version.name}: version {version.id} put over it {version.modified}"
            )
        elif (until := store.locked(version)) is not None:
            kept[version.name] = version, until
    for name in sorted(named - set(kept)):
        found.problems.append(f"{name}: no version of it is locked")
    return kept


def _heads(
    store: Reads, keys: list[Verifier], folder: Path, origin: str, found: Remote
) -> None:
    """The newest head, and the newest that the segments reach."""
    stop = last_segment(folder)
    reach = 0 if stop is None else stop.chain.size
    names: dict[str, list[Version]] = {}
    for version in store.versions(CHECKPOINTS):
        names.setdefault(version.name, []).append(version)
    tried = 0
    for name in sorted(names, reverse=True):
        if found.newest is not None and name > f"{CHECKPOINTS}{reach:020d}":
            continue
        head = _head(store, names[name], folder / "head", found, (origin, keys))
        if head is not None:
            found.newest = found.newest or head
            if head.checkpoint.size <= reach:
                found.covering = head
                return
            continue
        tried += 1
        if tried > _TRIED:
            found.problems.append(f"{CHECKPOINTS}: more than {_TRIED} are no heads")
            return


def _head(
    store: Reads,
    versions: list[Version],
    path: Path,
    to: Remote,
    log: tuple[str, list[Verifier]],
) -> Signed | None:
    """The oldest version of a head that is locked and signed by the log."""
    kept: Signed | None = None
    for version in versions:
        said = f"{version.name}: version {version.id}"
        if version.marker:
            to.attempts.append(f"{version.name}: deleted {version.modified}")
        elif kept is not None:
            to.attempts.append(f"{said} put over it {version.modified}")
        elif store.locked(version) is None:
            to.attempts.append(f"{said} is not locked")
        else:
            store.read(version, path)
            try:
                kept = _opened(path.read_bytes(), version.name, *log)
            except NoteError as error:
                to.attempts.append(f"{said}: {error}")
            path.unlink()
    return kept


def _opened(note: bytes, name: str, origin: str, keys: list[Verifier]) -> Signed:
    found = open_note(note, keys)
    head = found.checkpoint
    if origin not in found.names or head.origin != origin:
        raise NoteError(f"{origin} did not sign it")
    if name != f"{CHECKPOINTS}{head.size:020d}":
        raise NoteError(f"is of {head.size} entries")
    return found
