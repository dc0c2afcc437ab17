# Copyright (c) The Forge contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The part of an OCI registry's protocol that models need, through ``requests``.

Blobs of tens of gigabytes are the rule, and lines break: a download goes on where its
file ends, an upload where the registry says that it ended, in this run or in the next.

Source: OCI Distribution Specification 1.1.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
from ansible_collections.forge.platform.plugins.module_utils.model_files import (
    ModelError,
    Progress,
    Told,
    digest_of,
    hash_file,
)
from ansible_collections.forge.platform.plugins.module_utils.modelpack import (
    MANIFEST_MAX,
    MEDIA_TYPES,
)
from ansible_collections.forge.platform.plugins.module_utils.oci_http import (
    ACCEPTED,
    CREATED,
    LOST,
    MISSING,
    NO_CONTENT,
    OK,
    PARTIAL,
    RANGE_REFUSED,
    Connection,
)
from ansible_collections.forge.platform.plugins.module_utils.oci_reference import (
    Reference,
)

CHUNK = 64 * 2**20  # bytes of one upload request; proxies cut longer ones
BLOCK = 2**20  # bytes read from a socket or a file at once


class Registry:
    """One repository of one registry."""

    def __init__(self, reference: Reference, **options: Any) -> None:  # noqa: ANN401 - as of Connection
        """Connect nothing yet.

        Args:
            reference: Host and repository.
            **options: As of ``Connection``.
        """
        self._repository = f"{reference.host}/{reference.repository}"
        self._line = Connection(reference, **options)

    def manifest(self, wanted: str) -> bytes:
        """Return the bytes of a manifest.

        Args:
            wanted: A tag or a digest; the bytes of a digest are checked.

        Raises:
            ModelError: There is none, or its bytes have another digest.
        """

        def read() -> bytes:
            accept = {"Accept": ", ".join(MEDIA_TYPES)}
            path = f"manifests/{wanted}"
            with self._line.ask("GET", path, headers=accept, stream=True) as answer:
                self._line.expect(answer, f"the manifest {wanted}", OK)
                data = bytearray()
                for block in answer.iter_content(BLOCK):
                    data += block
                    if len(data) > MANIFEST_MAX:
                        raise ModelError(f"{self._name(wanted)}: over {MANIFEST_MAX} B")
                return bytes(data)

        data = self._line.insist(read)
        if ":" in wanted and digest_of(data) != wanted:
            raise ModelError(
                f"{self._name(wanted)}: the registry sent {digest_of(data)}; it, or "
                "what is in between, changes artifacts"
            )
        return data

    def tagged(self, tag: str) -> str | None:
        """Return the digest that a tag has now, None if there is no such tag."""
        accept = {"Accept": ", ".join(MEDIA_TYPES)}
        path = f"manifests/{tag}"
        answer = self._line.insist(lambda: self._line.ask("HEAD", path, headers=accept))
        if answer.status_code == MISSING:
            return None
        self._line.expect(answer, f"the tag {tag}", OK)
        return digest_of(self.manifest(tag))

    def put_manifest(self, tag: str, data: bytes, media_type: str) -> None:
        """Give a manifest a tag; everything that it names has to be there."""
        headers = {"Content-Type": media_type}
        path = f"manifests/{tag}"
        answer = self._line.insist(
            lambda: self._line.ask("PUT", path, headers=headers, data=data)
        )
        self._line.expect(answer, f"pushing the tag {tag}", CREATED)
        if (stored := self.tagged(tag)) != digest_of(data):
            raise ModelError(
                f"{self._name(tag)}: the registry stored {stored}, "
                f"not {digest_of(data)}"
            )

    def has_blob(self, digest: str) -> bool:
        """Return whether the repository has a blob."""
        answer = self._line.insist(lambda: self._line.ask("HEAD", f"blobs/{digest}"))
        if answer.status_code == MISSING:
            return False
        self._line.expect(answer, f"the blob {digest}", OK)
        return True

    def download(
        self, digest: str, size: int, target: Path, progress: Progress
    ) -> None:
        """Bring a blob into a file, going on where an earlier attempt ended.

        Args:
            digest: What its bytes must have; else the file is removed.
            size: Bytes.
            target: The file; what is there already is taken as its beginning.
            progress: Told of every block.

        Raises:
            ModelError: The line is lost again and again, or the bytes are others.
        """
        if length(target) > size:
            target.unlink()
        tell = progress.begin(f"{self._repository} {digest}", size, length(target))
        self._line.insist(
            lambda: self._fetch(digest, size, target, tell), lambda: length(target)
        )
        actual = hash_file(target)
        if actual != digest:
            received = length(target)
            target.unlink()
            raise ModelError(
                f"{self._name(digest)}: received {received} bytes with {actual}, not "
                f"{size}; nothing was replaced; run again, and distrust the registry "
                "if it stays"
            )

    def _fetch(self, digest: str, size: int, target: Path, tell: Told) -> None:
        have = length(target)
        if have == size:
            target.touch()
            return
        headers = {"Accept-Encoding": "identity"}
        if have:
            headers["Range"] = f"bytes={have}-"
        path = f"blobs/{digest}"
        with self._line.ask("GET", path, headers=headers, stream=True) as answer:
            if answer.status_code == RANGE_REFUSED:
                target.unlink()
                raise requests.ConnectionError("the registry refused to go on")
            self._line.expect(answer, f"the blob {digest}", OK, PARTIAL)
            # A registry without ranges sends the whole again.
            goes_on = answer.status_code == PARTIAL
            have = have if goes_on else 0
            with target.open("ab" if goes_on else "wb") as stream:
                for block in answer.iter_content(BLOCK):
                    have += len(block)
                    if have > size:
                        raise ModelError(
                            f"{self._name(digest)}: more than {size} bytes"
                        )
                    stream.write(block)
                    tell(have)
        if have < size:
            raise requests.ConnectionError(f"ended after {have} of {size} bytes")

    def upload(
        self,
        source: Path | bytes,
        digest: str,
        size: int,
        note: Path,
        progress: Progress,
    ) -> bool:
        """Bring a blob into the repository, going on where an earlier attempt ended.

        Args:
            source: The file, or the bytes themselves.
            digest: Theirs.
            size: Bytes.
            note: A file that keeps the upload's address for the next run.
            progress: Told of every chunk.

        Returns:
            Whether it was brought; False if it was there.
        """
        if self.has_blob(digest):
            return False
        upload = _Upload(self._line, source, size, note)
        upload.open()
        tell = progress.begin(f"{self._repository} {digest}", size, upload.done)
        self._line.insist(lambda: upload.send(tell), lambda: upload.done)
        upload.close(digest)
        return True

    def _name(self, wanted: str) -> str:
        return f"{self._repository}{'@' if ':' in wanted else ':'}{wanted}"


class _Upload:
    """One upload, whose address the registry changes with every answer."""

    def __init__(
        self, line: Connection, source: Path | bytes, size: int, note: Path
    ) -> None:
        self._line, self._source, self._size = line, source, size
        self._note, self._place, self.done = note, "", 0

    def open(self) -> None:
        """Take up the upload that an earlier run began, or begin one."""
        if self._note.exists():
            place = self._note.read_text(encoding="utf-8")
            if self._line.is_ours(place) and self._ask_how_far(place):
                return
        answer = self._line.insist(lambda: self._line.ask("POST", "blobs/uploads/"))
        self._line.expect(answer, "beginning an upload", ACCEPTED)
        self._move(answer)
        self.done = 0

    def send(self, tell: Told) -> None:
        """Send what is missing, in chunks."""
        while self.done < self._size:
            end = min(self.done + CHUNK, self._size)
            headers = {
                "Content-Type": "application/octet-stream",
                "Content-Range": f"{self.done}-{end - 1}",
            }
            data = _part(self._source, self.done, end)
            try:
                answer = self._line.ask(
                    "PATCH", self._place, headers=headers, data=data
                )
            except LOST:
                self._ask_how_far(self._place)
                raise
            if answer.status_code == RANGE_REFUSED:
                self._ask_how_far(self._place)
                raise requests.ConnectionError("the registry has another length")
            self._line.expect(answer, "an upload", ACCEPTED)
            self._move(answer)
            self.done = end
            tell(end)

    def close(self, digest: str) -> None:
        """Have the registry check the digest and keep the blob."""
        joint = "&" if urlsplit(self._place).query else "?"
        address = f"{self._place}{joint}digest={digest}"
        answer = self._line.insist(lambda: self._line.ask("PUT", address))
        self._note.unlink(missing_ok=True)
        self._line.expect(answer, f"ending the upload of {digest}", CREATED)

    def _ask_how_far(self, place: str) -> bool:
        """Learn how many bytes the registry has; False if it forgot the upload."""
        answer = self._line.insist(lambda: self._line.ask("GET", place))
        if answer.status_code != NO_CONTENT:
            return False
        self._move(answer)
        last = answer.headers.get("Range", "0-0").rpartition("-")[2]
        # "0-0" is what registries say of an empty upload, too.
        self.done = int(last) + 1 if last.isdigit() and int(last) else 0
        return True

    def _move(self, answer: requests.Response) -> None:
        place = urljoin(answer.url, answer.headers.get("Location", answer.url))
        if not self._line.is_ours(place):
            raise ModelError(f"{self._line.base}: sends uploads to {place}")
        self._place = place
        self._note.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._note.touch(mode=0o600)
        self._note.write_text(place, encoding="utf-8")


def length(path: Path) -> int:
    """Return the bytes of a file, 0 if there is none."""
    return path.stat().st_size if path.exists() else 0


class _Part:
    """A part of a file as a body of known length, which can be sent again."""

    def __init__(self, path: Path, start: int, end: int) -> None:
        self._path, self._start, self._end = path, start, end

    def __len__(self) -> int:
        return self._end - self._start

    def __iter__(self) -> Iterator[bytes]:
        left = len(self)
        with self._path.open("rb") as stream:
            stream.seek(self._start)
            while left:
                block = stream.read(min(BLOCK, left))
                if not block:
                    raise ModelError(f"{self._path}: became shorter while it was sent")
                left -= len(block)
                yield block


def _part(source: Path | bytes, start: int, end: int) -> _Part | bytes:
    whole = isinstance(source, bytes)
    return source[start:end] if whole else _Part(source, start, end)
