"""Download pinned files, resume what was cut off, believe no byte unchecked."""

import hashlib
import http.client
import tarfile
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import cast

from forge.artifacts.cache import sha256_of
from forge.artifacts.errors import ChecksumError, DownloadError, UnreachableError
from forge.artifacts.progress import SILENT, Progress

TIMEOUT = 20.0  # seconds without a byte before a connection is given up
ATTEMPTS = 5  # connections per file; each goes on where the last one ended
_BLOCK = 1 << 18  # bytes per read
_LIST_LIMIT = 1 << 20  # bytes of a checksum file; real ones have a few kilobytes
# Answers that a filtering proxy or an overloaded server gives for any address, so
# they say nothing about the file.
_REFUSALS = {401, 403, 407, 429, 451, 500, 502, 503, 504}


class _CutError(Exception):
    """The connection ended early; what arrived is kept for the next attempt."""


class _CompleteError(Exception):
    """The server has nothing after the bytes that are here already."""


def download(
    url: str,
    destination: Path,
    *,
    sha256: str,
    progress: Progress = SILENT,
    timeout: float = TIMEOUT,
) -> None:
    """Fetch one file, going on with what ``destination`` already holds.

    Args:
        url: Where the file is published.
        destination: Collects the bytes; whole and checked on return. It survives
            an interruption, so that a later call resumes; it is removed when its
            digest is wrong.
        sha256: The pinned digest, hex.
        progress: Told the bytes received.
        timeout: Seconds without a byte before a connection is given up.

    Raises:
        UnreachableError: The network refuses the address.
        DownloadError: The server has no such file, or the connection was lost
            ``ATTEMPTS`` times.
        ChecksumError: The bytes are not the pinned ones; both digests are named.
    """
    destination.parent.mkdir(parents=True, exist_ok=True)
    resumed = destination.exists()
    _collect(url, destination, progress, timeout)
    found = sha256_of(destination)
    if found != sha256 and resumed:  # what an earlier run left may be the reason
        progress.note(f"{url}: the resumed download is damaged; fetching it again")
        destination.unlink()
        _collect(url, destination, progress, timeout)
        found = sha256_of(destination)
    if found != sha256:
        size = destination.stat().st_size
        destination.unlink()
        raise ChecksumError(
            f"{url}: wrong checksum ({size} bytes)\n"
            f"  pinned   sha256 {sha256}\n  received sha256 {found}",
            remedy="nothing was kept. If the version was raised, set its digests to "
            "`unresolved` and run `make pins`; else the file is not what was "
            "reviewed: do not use it",
        )


def fetch_text(url: str, *, timeout: float = TIMEOUT) -> str:
    """Fetch a vendor's checksum file.

    Raises:
        UnreachableError: The network refuses the address.
        DownloadError: There is no such file, or it is no text of that kind.
    """
    try:
        with _open(url, 0, timeout) as response:
            data = response.read(_LIST_LIMIT + 1)
        text = data.decode("ascii")
    except (OSError, http.client.HTTPException, UnicodeDecodeError) as error:
        raise DownloadError(f"{url}: {error}") from error
    if len(data) > _LIST_LIMIT:
        raise DownloadError(f"{url}: longer than {_LIST_LIMIT} bytes")
    return text


def is_reachable(url: str, *, timeout: float = TIMEOUT) -> bool:
    """Return whether the network leads to a file, without fetching it."""
    try:
        with _open(url, 0, timeout, method="HEAD"):
            return True
    except (UnreachableError, DownloadError, OSError, http.client.HTTPException):
        return False


def unpack(archive: Path, members: Mapping[str, str], folder: Path) -> None:
    """Take named regular files out of a tar archive, and nothing else.

    Args:
        archive: A tar file, compressed or not, whose digest was checked.
        members: File name to make in ``folder`` -> path inside the archive.
        folder: An existing folder.

    Raises:
        DownloadError: A member is missing or is no regular file.
    """
    try:
        with tarfile.open(archive) as tar:
            for name, member in members.items():
                info = tar.getmember(member)
                source = tar.extractfile(info) if info.isreg() else None
                if source is None:
                    raise DownloadError(f"{archive}: {member} is no regular file")
                with source, (folder / name).open("xb") as target:
                    while block := source.read(_BLOCK):
                        target.write(block)
    except (tarfile.TarError, KeyError) as error:
        raise DownloadError(f"{archive}: {error}") from error


def _collect(url: str, destination: Path, progress: Progress, timeout: float) -> None:
    for attempt in range(1, ATTEMPTS + 1):
        try:
            _transfer(url, destination, progress, timeout)
        except _CutError as cut:
            kept = destination.stat().st_size if destination.exists() else 0
            if attempt == ATTEMPTS:
                raise DownloadError(
                    f"{url}: connection lost {ATTEMPTS} times ({cut}); "
                    f"{kept} bytes are kept",
                    remedy="run the same command again; it goes on from there",
                ) from cut
            progress.note(f"{url}: connection lost ({cut}); going on at byte {kept}")
        else:
            return


def _transfer(url: str, destination: Path, progress: Progress, timeout: float) -> None:
    """Append what is missing; raise ``_CutError`` if the end was not reached."""
    start = destination.stat().st_size if destination.exists() else 0
    try:
        response = _open(url, start, timeout)
    except (OSError, http.client.HTTPException) as error:
        raise _CutError(str(error) or type(error).__name__) from error
    except _CompleteError:
        return
    with response:
        if response.status != http.HTTPStatus.PARTIAL_CONTENT:
            start = 0  # the server sends the whole file
        length = response.headers.get("Content-Length")
        total = start + int(length) if length else None
        label = f"downloading {url.rpartition('/')[2]}"
        done = start
        with destination.open("ab" if start else "wb") as out:
            for block in _blocks(response):
                out.write(block)
                done += len(block)
                progress.update(label, done, total, "bytes")
    if total is not None and done < total:
        raise _CutError(f"{done} of {total} bytes")


def _blocks(response: http.client.HTTPResponse) -> Iterator[bytes]:
    """Read; only here is an error of the system one of the connection."""
    while True:
        try:
            block = response.read(_BLOCK)
        except (OSError, http.client.HTTPException) as error:
            raise _CutError(str(error) or type(error).__name__) from error
        if not block:
            return
        yield block


def _open(
    url: str, start: int, timeout: float, method: str = "GET"
) -> http.client.HTTPResponse:
    headers = {"User-Agent": "forge", "Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
    request = urllib.request.Request(url, headers=headers, method=method)  # noqa: S310 - rules.py allows https and loopback only
    try:
        response = urllib.request.urlopen(request, timeout=timeout)  # noqa: S310 - same
    except urllib.error.HTTPError as error:
        with error:
            raise _answer(url, error.code, start, error.reason) from error
    except urllib.error.URLError as error:
        raise UnreachableError(f"{url}: {error.reason}") from error
    return cast("http.client.HTTPResponse", response)


def _answer(
    url: str, status: int, start: int, reason: str
) -> Exception | type[Exception]:
    if status == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and start:
        return _CompleteError
    if status in _REFUSALS:
        return UnreachableError(f"{url}: HTTP {status} {reason}")
    return DownloadError(
        f"{url}: HTTP {status} {reason}",
        remedy="the release has no such file; correct the version or the url in "
        "versions.yml",
    )


def published_digest(text: str, file: str) -> str | None:
    """Find a file's SHA-256 in a vendor's checksum file.

    Args:
        text: Lines of ``DIGEST  NAME`` as sha256sum prints them, or one digest
            alone.
        file: The file's name, without folders.

    Returns:
        The digest in hex, or ``None`` if the text does not name the file.
    """
    lines = [line.split() for line in text.splitlines() if line.strip()]
    if len(lines) == 1 and len(lines[0]) == 1:
        lines = [[lines[0][0], file]]
    for words in lines:
        if len(words) == 2 and words[1].lstrip("*").rpartition("/")[2] == file:  # noqa: PLR2004 - digest and name
            return words[0].lower() if _is_sha256(words[0]) else None
    return None


def _is_sha256(text: str) -> bool:
    try:
        return len(bytes.fromhex(text)) == hashlib.sha256().digest_size
    except ValueError:
        return False
