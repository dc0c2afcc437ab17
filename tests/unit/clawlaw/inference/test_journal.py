"""What a process that was killed owes, as the next one reads it."""

import asyncio
from pathlib import Path

import pytest

from clawlaw.inference.journal import Journal
from clawlaw.private import PrivateFileError

OWED = {"id": "d7", "status": "failed", "permit": "cGVybWl0"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "journal"


def begun(folder: Path) -> Journal:
    made = Journal(str(folder))
    asyncio.run(made.begin("token-of-agent", OWED))
    return made


def test_what_began_is_owed_to_its_agent_once(folder: Path) -> None:
    begun(folder)
    later = Journal(str(folder))
    assert len(later) == 1
    assert later.lost("token-of-another") == []
    assert later.lost("token-of-agent") == [{"id": "d7", "status": "failed"}]
    assert later.lost("token-of-agent") == []
    assert len(Journal(str(folder))) == 1  # nothing was recorded yet
    later.end("d7")
    assert len(Journal(str(folder))) == 0


def test_no_secret_is_kept_and_nobody_else_reads_it(folder: Path) -> None:
    begun(folder)
    [path] = folder.iterdir()
    assert (folder.stat().st_mode & 0o777, path.stat().st_mode & 0o777) == (
        0o700,
        0o600,
    )
    for secret in ("token-of-agent", OWED["permit"]):
        assert secret not in path.read_text()


def test_a_name_of_the_gate_is_no_path(folder: Path) -> None:
    made = Journal(str(folder))
    asyncio.run(made.begin("t", OWED | {"id": "../../out"}))
    assert len(list(folder.iterdir())) == 1
    assert [o["id"] for o in Journal(str(folder)).lost("t")] == ["../../out"]


def test_a_file_that_was_cut_short_or_is_another_s_is_not_believed(
    folder: Path,
) -> None:
    begun(folder)
    [path] = folder.iterdir()
    whole = path.read_bytes()
    (folder / "empty").touch(0o600)  # killed before a byte was written
    for name, data, mode in (
        ("half", whole[:20], 0o600),
        ("copy", whole, 0o600),  # of another name than its outcome
        ("list", b"[]", 0o600),
        ("none", b"{}", 0o600),
        ("open", whole, 0o644),
    ):
        (folder / name).write_bytes(data)
        (folder / name).chmod(mode)
    found = Journal(str(folder))
    assert len(found) == 1
    assert [text.partition(":")[0] for text in found.unread] == [
        "copy", "half", "list", "none", "open",
    ]  # fmt: skip
    assert not (folder / "empty").exists()


def test_a_folder_that_cannot_be_used_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(PrivateFileError, match="folder of the proxy's own"):
        Journal(str(tmp_path / "file"))
    none = Journal("")
    asyncio.run(none.begin("t", OWED))
    none.end("d7")
    assert none.lost("t") == []
