"""A source in memory, and a folder of copies."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from forge.backup.errors import SourceError
from forge.backup.model import Item

CHUNK = 7


class MemorySource:
    """A double of a source: what it holds, and how often it breaks.

    Attributes:
        breaks: After how many chunks each further transfer ends; empty: it does not.
        reads: The name and the offset of every transfer.
    """

    name = "bucket/memory"

    def __init__(self, **content: bytes) -> None:
        self.content = content
        self.breaks: list[int] = []
        self.lies = 0
        self.reads: list[tuple[str, int]] = []
        self.down = ""

    def items(self) -> list[Item]:
        if self.down:
            raise SourceError(self.down)
        return [
            Item(name, len(data), "2026-11-24T00:00:00Z", f"sha256:{_hex(data)}")
            for name, data in self.content.items()
        ]

    def read(self, item: Item, offset: int) -> Iterator[bytes]:
        self.reads.append((item.name, offset))
        data = self.content[item.name]
        if self.lies:
            self.lies -= 1
            data = bytes(len(data))
        left = self.breaks.pop(0) if self.breaks else None
        for start in range(offset, len(data), CHUNK):
            if left == 0:
                raise SourceError(f"{self.name}: the connection broke")
            left = None if left is None else left - 1
            yield data[start : start + CHUNK]

    def problem(self, item: Item, sha256: str, path: Path) -> str:  # noqa: ARG002 - of the protocol
        return "" if item.tag == f"sha256:{sha256}" else "is not it"


def _hex(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def source() -> MemorySource:
    """Two items, and one that is empty."""
    return MemorySource(one=b"first content", two=b"2" * 100, empty=b"")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where copies go; not there yet."""
    return tmp_path / "copies"
