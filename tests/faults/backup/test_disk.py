"""Copies on disks that are full or broken: an error that says so, and nothing lost."""

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.unit.backup.conftest import MemorySource

from forge.artifacts.progress import SILENT
from forge.backup import copies
from forge.backup.copies import Copies
from forge.backup.errors import FolderError
from forge.backup.pull import pull

type Disk = tuple[Path, Callable[[str], None]]


@pytest.fixture(autouse=True)
def no_reserve(monkeypatch: pytest.MonkeyPatch) -> None:
    """These disks are smaller than what is kept free on a real one."""
    monkeypatch.setattr(copies, "SMALLEST", 0)


@pytest.fixture
def source() -> MemorySource:
    return MemorySource(one=b"1" * 3000, two=b"2" * 3000, three=b"3" * 3000)


def whole(folder: Path, source: MemorySource) -> None:
    """A further pull ends well, and every copy is what the source has."""
    (result,) = pull([source], folder, SILENT).results
    assert result.problem == ""
    with Copies.open(folder) as kept:
        found = {c.name: kept.path(c.sha256).read_bytes() for c in kept.all()}
        assert found == source.content
        assert list(kept.damaged()) == []


@pytest.mark.parametrize("call", ["write", "fsync"])
@pytest.mark.parametrize("number", range(1, 7))
@pytest.mark.parametrize("error", ["ENOSPC", "EIO"])
def test_an_error_of_the_disk_is_told_and_a_healed_disk_goes_on(
    failing_disk: Disk, source: MemorySource, call: str, number: int, error: str
) -> None:
    disk, command = failing_disk
    folder = disk / "copies"
    with Copies.open(folder):
        pass
    command(f"fail {call} {error} {number}")
    remedy = "larger disk" if error == "ENOSPC" else "see to the disk"
    with pytest.raises(FolderError, match=remedy):
        pull([source], folder, SILENT)
    command("heal")
    whole(folder, source)


def test_a_disk_that_is_too_small_is_told_before_anything_is_copied(
    small_disk: Path,
) -> None:
    source = MemorySource(large=bytes(2 << 20))
    with pytest.raises(FolderError, match=r"[01] MiB left"):
        pull([source], small_disk / "copies", SILENT)
    assert source.reads == []


def test_a_disk_that_fills_up_meanwhile_is_told(
    small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Copies, "free", lambda _: 1 << 40)
    source = MemorySource(small=b"s" * 1000, large=bytes(2 << 20))
    folder = small_disk / "copies"
    with pytest.raises(FolderError, match=r"No space left.*\n.*larger disk"):
        pull([source], folder, SILENT)
    with Copies.open(folder) as kept:
        assert [copy.name for copy in kept.all()] == ["small"]
    # What arrived is there for the next one.
    (part,) = (folder / "partial").iterdir()
    assert part.stat().st_size > 100_000
