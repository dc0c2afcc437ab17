"""What is copied, what is not copied again, and what a broken transfer leaves."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.unit.backup.conftest import CHUNK, MemorySource

from forge.artifacts.progress import SILENT
from forge.backup.copies import Copies
from forge.backup.errors import FolderError
from forge.backup.model import Result
from forge.backup.pull import md5_of_parts, pull, verify


def one(source: MemorySource, folder: Path, *, dry_run: bool = False) -> Result:
    """Pull one source; return what became of it."""
    (result,) = pull([source], folder, SILENT, dry_run=dry_run).results
    return result


def contents(folder: Path) -> dict[str, bytes]:
    """The newest copy of every name."""
    with Copies.open(folder) as kept:
        return {c.name: kept.path(c.sha256).read_bytes() for c in kept.all()}


def test_everything_is_copied_once(source: MemorySource, folder: Path) -> None:
    assert one(source, folder).pulled == 3
    assert contents(folder) == source.content
    source.reads.clear()
    result = one(source, folder)
    assert (result.items, result.pulled, result.problem) == (3, 0, "")
    assert source.reads == []


def test_nobody_else_can_read_the_copies(source: MemorySource, folder: Path) -> None:
    mask = os.umask(0)
    try:
        one(source, folder)
    finally:
        os.umask(mask)
    assert {p.stat().st_mode & 0o077 for p in [folder, *folder.rglob("*")]} == {0}


def test_a_folder_that_others_can_read_is_refused(
    source: MemorySource, folder: Path
) -> None:
    folder.mkdir()
    folder.chmod(0o750)
    with pytest.raises(FolderError, match="others may read it"):
        one(source, folder)
    assert source.reads == []


def test_a_dry_run_copies_nothing(source: MemorySource, folder: Path) -> None:
    result = one(source, folder, dry_run=True)
    assert (result.pulled, result.bytes) == (3, 113)
    assert source.reads == []
    assert contents(folder) == {}


def test_another_content_is_another_copy_and_the_old_one_stays(
    source: MemorySource, folder: Path
) -> None:
    one(source, folder)
    source.content["one"] = b"second content"
    assert one(source, folder).pulled == 1
    with Copies.open(folder) as kept:
        found = [kept.path(c.sha256) for c in kept.all() if c.name == "one"]
        assert [p.read_bytes() for p in found] == [b"first content", b"second content"]


def test_what_is_gone_at_the_source_is_kept(source: MemorySource, folder: Path) -> None:
    one(source, folder)
    del source.content["two"]
    result = one(source, folder)
    assert (result.items, result.pulled, result.kept) == (2, 0, 1)
    assert contents(folder)["two"] == b"2" * 100


def test_a_broken_transfer_goes_on_where_it_ended(
    source: MemorySource, folder: Path
) -> None:
    source.breaks = [99, 3, 2]  # the second item breaks twice, then arrives
    assert one(source, folder).problem == ""
    offsets = [offset for name, offset in source.reads if name == "two"]
    assert offsets == [0, 3 * CHUNK, 5 * CHUNK]
    assert contents(folder) == source.content


def test_after_three_tries_the_next_pull_goes_on(
    source: MemorySource, folder: Path
) -> None:
    source.breaks = [99, 1, 1, 1]
    result = one(source, folder)
    assert "the connection broke" in result.problem
    assert result.pulled == 1
    assert one(source, folder).problem == ""
    assert source.reads[-1] == ("two", 3 * CHUNK)
    assert contents(folder) == source.content


def test_content_that_is_not_what_was_listed_is_no_copy(
    source: MemorySource, folder: Path
) -> None:
    source.lies = 3
    result = one(source, folder)
    assert "one: is not it" in result.problem
    assert contents(folder) == {}
    assert list((folder / "partial").iterdir()) == []
    assert one(source, folder).problem == ""


def test_what_was_received_long_ago_is_given_up(
    source: MemorySource, folder: Path
) -> None:
    one(source, folder)
    for name, age in (("old", 8), ("new", 6)):
        path = folder / "partial" / name
        path.write_bytes(b"x")
        then = path.stat().st_mtime - age * 86_400
        os.utime(path, (then, then))
    one(source, folder, dry_run=True)
    assert len(list((folder / "partial").iterdir())) == 2
    one(source, folder)
    assert [p.name for p in (folder / "partial").iterdir()] == ["new"]


def test_one_source_that_is_down_leaves_the_others_alone(
    source: MemorySource, folder: Path
) -> None:
    down = MemorySource()
    down.down = "object store https://store, bucket b: it does not answer"
    first, second = pull([down, source], folder, SILENT).results
    assert "does not answer" in first.problem
    assert (second.problem, second.pulled) == ("", 3)


def test_only_one_process_pulls(source: MemorySource, folder: Path) -> None:
    with (
        Copies.open(folder),
        pytest.raises(FolderError, match="another process pulls"),
    ):
        one(source, folder)


def test_a_missing_copy_is_pulled_again_and_a_damaged_one_is_told(
    source: MemorySource, folder: Path
) -> None:
    one(source, folder)
    assert verify(folder) == []
    with Copies.open(folder) as kept:
        copies = {c.name: kept.path(c.sha256) for c in kept.all()}
    copies["one"].write_bytes(b"other content")
    copies["two"].unlink()
    assert verify(folder) == [
        "bucket/memory: one: was changed or is damaged",
        "bucket/memory: two: is missing",
    ]
    assert one(source, folder).pulled == 1  # of its size, the other is not read
    assert verify(folder) == ["bucket/memory: one: was changed or is damaged"]


def test_a_line_that_was_cut_never_counted(source: MemorySource, folder: Path) -> None:
    one(source, folder)
    journal = folder / "copies.jsonl"
    whole = journal.read_bytes()
    for cut in range(len(whole) - 1, len(whole) - 40, -7):
        journal.write_bytes(whole[:cut])
        with Copies.open(folder) as kept:
            assert len(kept.all()) == 2
        assert one(source, folder).pulled == 1
        assert contents(folder) == source.content


def test_a_journal_that_was_changed_is_refused(
    source: MemorySource, folder: Path
) -> None:
    one(source, folder)
    journal = folder / "copies.jsonl"
    journal.write_bytes(b"x" + journal.read_bytes())
    with pytest.raises(FolderError, match="changed by hand"):
        one(source, folder)


KILLED = """
import os, sys
from pathlib import Path
from tests.unit.backup.conftest import MemorySource
from forge.artifacts.progress import SILENT
from forge.backup.pull import pull
calls = 0
real = os.fsync
def fsync(opened):
    global calls
    calls += 1
    if calls == int(sys.argv[2]):
        os._exit(9)
    real(opened)
os.fsync = fsync
source = MemorySource(one=b"first content", two=b"2" * 100, empty=b"")
pull([source], Path(sys.argv[1]), SILENT)
"""


def test_a_pull_that_is_killed_anywhere_is_gone_on_with(
    source: MemorySource, tmp_path: Path
) -> None:
    killed = 0
    for number in range(1, 40):
        folder = tmp_path / str(number)
        done = subprocess.run(
            [sys.executable, "-c", KILLED, str(folder), str(number)],
            env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode in (0, 9), done.stderr
        assert one(source, folder).problem == ""
        assert contents(folder) == source.content
        assert verify(folder) == []
        if not done.returncode:
            break
        killed += 1
    assert killed > 8, "it was not killed at every sync"


def test_parts_of_an_upload_give_the_etag(tmp_path: Path) -> None:
    file = tmp_path / "object"
    file.write_bytes(b"a" * 10 + b"b" * 10 + b"c" * 3)
    parts = [hashlib.md5(x).digest() for x in (b"a" * 10, b"b" * 10, b"c" * 3)]  # noqa: S324 - S3's own
    expected = hashlib.md5(b"".join(parts)).hexdigest() + "-3"  # noqa: S324 - S3's own
    assert md5_of_parts(file, [10, 10, 3]) == expected
    assert md5_of_parts(file, [10, 13]) != expected
