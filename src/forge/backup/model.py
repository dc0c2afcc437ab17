"""What a source offers, what was copied of it, and what a pull reports: pure data."""

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import msgspec


class Item(msgspec.Struct, frozen=True):
    """One file or object at its source.

    Attributes:
        name: Path or key.
        size: Bytes.
        modified: RFC 3339, by the source's clock.
        tag: Changes with the content: ``sha256:HEX`` or ``etag:TEXT``.
    """

    name: str
    size: int
    modified: str
    tag: str


class Copy(Item, frozen=True):
    """An item that was copied.

    Attributes:
        source: ``server/HOST`` or ``bucket/NAME``.
        sha256: Of the copy; also its name in the folder.
        pulled: When, RFC 3339, by the controller's clock.
    """

    source: str
    sha256: str
    pulled: str


class Source(Protocol):
    """Where copies come from.

    Attributes:
        name: ``server/HOST`` or ``bucket/NAME``.
    """

    name: str

    def items(self) -> list[Item]:
        """Return everything that is there.

        Raises:
            SourceError: It cannot be listed.
        """

    def read(self, item: Item, offset: int) -> Iterator[bytes]:
        """Return the content of an item from a byte on.

        Raises:
            SourceError: It cannot be read, or is no longer what was listed.
        """

    def problem(self, item: Item, sha256: str, path: Path) -> str:
        """Return why a file is not that item, empty if it is.

        Args:
            item: As it was listed.
            sha256: Of the file, hex.
            path: The file.
        """


class Result(msgspec.Struct):
    """What became of one source.

    Attributes:
        items: There at the source.
        pulled: Copied now, or with a dry run: what would be.
        bytes: Of those, as they were transferred or would be.
        kept: Copied before and gone at the source since.
        problem: Why it was not all; empty if it was.
    """

    source: str
    items: int = 0
    pulled: int = 0
    bytes: int = 0
    kept: int = 0
    problem: str = ""


class Report(msgspec.Struct, frozen=True):
    """What one pull did.

    Attributes:
        seconds: How long it took.
    """

    folder: str
    dry_run: bool
    seconds: float
    results: tuple[Result, ...]
