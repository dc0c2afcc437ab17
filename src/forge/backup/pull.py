"""Brings what a folder of copies does not have yet."""

import contextlib
import hashlib
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from forge.artifacts.progress import Progress
from forge.backup import copies
from forge.backup.copies import Copies
from forge.backup.errors import BackupError, FolderError, SourceError
from forge.backup.model import Copy, Item, Report, Result, Source

TRIES = 3  # of one item whose transfer breaks or whose copy is not what was listed


def pull(
    sources: Sequence[Source],
    folder: Path,
    progress: Progress,
    *,
    dry_run: bool = False,
) -> Report:
    """Copy what is not copied yet; a source that fails leaves the others alone.

    Args:
        sources: In the order in which they are read.
        folder: Of the copies.
        progress: Told of every item.
        dry_run: Only look.

    Raises:
        FolderError: The folder cannot be used, or its disk is too small or full.
    """
    begin = time.monotonic()
    results = []
    with Copies.open(folder) as kept:
        if not dry_run:
            kept.tidy(time.time())
        for source in sources:
            result = Result(source.name)
            results.append(result)
            try:
                _pull(source, kept, progress, result, dry_run=dry_run)
            except SourceError as error:
                result.problem = str(error)
                progress.note(f"{source.name}: {error}")
    seconds = round(time.monotonic() - begin, 1)
    return Report(str(folder), dry_run, seconds, tuple(results))


def _pull(
    source: Source, kept: Copies, progress: Progress, result: Result, *, dry_run: bool
) -> None:
    items = source.items()
    wanted = [item for item in items if not kept.has(source.name, item)]
    result.items = len(items)
    result.kept = len(kept.names(source.name) - {item.name for item in items})
    total = sum(_missing(kept, source, item) for item in wanted)
    if total > kept.free():
        raise FolderError(
            f"{source.name}: {total >> 20} MiB are to be copied, {kept.folder} has "
            f"{kept.free() >> 20} MiB left",
            remedy="make room or name a folder on a larger disk",
        )
    done = 0
    for item in wanted:
        size = _missing(kept, source, item)
        if not dry_run:
            progress.update(source.name, done, total, "bytes")
            _copy(source, item, kept)
        done += size
        result.pulled += 1
        result.bytes = done
    progress.update(source.name, done, total, "bytes")


def _missing(kept: Copies, source: Source, item: Item) -> int:
    path = kept.partial(source.name, item)
    return max(0, item.size - (path.stat().st_size if path.exists() else 0))


def _copy(source: Source, item: Item, kept: Copies) -> None:
    """Copy one item, from where an earlier transfer ended."""
    path = kept.partial(source.name, item)
    for left in range(TRIES - 1, -1, -1):
        try:
            sha256 = _transfer(source, item, kept, path)
            break
        except SourceError:
            if not left:
                raise
    now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    kept.keep(
        path,
        Copy(
            name=item.name, size=item.size, modified=item.modified, tag=item.tag,
            source=source.name, sha256=sha256, pulled=now,
        ),
    )  # fmt: skip


def _transfer(source: Source, item: Item, kept: Copies, path: Path) -> str:
    """Receive what is missing of an item; return the digest of a whole one."""
    offset = path.stat().st_size if path.exists() else 0
    if offset > item.size:  # cannot be of it
        path.unlink()
        offset = 0
    if offset < item.size or not path.exists():
        kept.receive(path, _bounded(source, item, offset))
    sha256 = copies.digest(path)
    problem = source.problem(item, sha256, path)
    if problem:
        with contextlib.suppress(OSError):
            path.unlink()  # begun anew, since nobody knows which part is wrong
        raise SourceError(f"{source.name}: {item.name}: {problem}")
    return sha256


def _bounded(source: Source, item: Item, offset: int) -> Iterator[bytes]:
    """Yield the rest of an item, neither less nor more than was listed."""
    left = item.size - offset
    for chunk in source.read(item, offset) if left else ():
        if len(chunk) > left:
            raise SourceError(f"{source.name}: {item.name}: is longer than was listed")
        left -= len(chunk)
        yield chunk
    if left:
        raise SourceError(
            f"{source.name}: {item.name}: ended {left} bytes early",
            remedy="run the same again: it goes on where this ended",
        )


def verify(folder: Path) -> list[str]:
    """Read every copy; return what is damaged, one line each.

    Raises:
        BackupError: The folder cannot be used, or holds no copy.
    """
    with Copies.open(folder) as kept:
        if not kept.all():
            raise BackupError(f"{folder}: no copy is in it", remedy="forge backup pull")
        return [f"{c.source}: {c.name}: {why}" for c, why in kept.damaged()]


def md5_of_parts(path: Path, sizes: Sequence[int]) -> str:
    """Return the ETag that S3 gives an object of these parts.

    Args:
        path: The whole object.
        sizes: Bytes of each part; one that covers the file, and no multipart upload,
            is the plain MD5.
    """
    digests = []
    with path.open("rb") as file:
        for size in sizes:
            one = hashlib.md5(usedforsecurity=False)
            left = size
            while left:
                chunk = file.read(min(left, 1 << 20))
                if not chunk:
                    break
                one.update(chunk)
                left -= len(chunk)
            digests.append(one.digest())
    whole = hashlib.md5(b"".join(digests), usedforsecurity=False)
    return f"{whole.hexdigest()}-{len(sizes)}"
