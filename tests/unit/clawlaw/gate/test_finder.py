"""A program that was looked up is looked up again as soon as anything has changed."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from clawlaw.gate import programs
from clawlaw.gate.disk import DiskDirectory
from clawlaw.gate.mounts import MountTable
from clawlaw.gate.programs import Agent, ProgramFinder, find_program

NOBODY = Agent(64_102)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(programs, "SETTLED", 0)  # what is made here is a moment old
    for name in ("first", "second", "other"):
        (tmp_path / name).mkdir()
    program(tmp_path / "second" / "tool")
    return tmp_path


def program(path: Path) -> None:
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)


def before_it(place: Path) -> None:
    program(place / "first" / "tool")


def gone(place: Path) -> None:
    (place / "second" / "tool").unlink()


def not_run(place: Path) -> None:
    (place / "second" / "tool").chmod(0o644)


def writable(place: Path) -> None:
    (place / "second" / "tool").chmod(0o777)


def in_writable(place: Path) -> None:
    (place / "second").chmod(0o777)


def replaced(place: Path) -> None:
    program(place / "other" / "tool")
    (place / "other" / "tool").replace(place / "second" / "tool")


def linked(place: Path) -> None:
    program(place / "other" / "tool")
    (place / "second" / "tool").unlink()
    (place / "second" / "tool").symlink_to(place / "other" / "tool")


def moved(place: Path) -> None:
    (place / "second").rename(place / "away")
    (place / "second").mkdir()
    program(place / "second" / "tool")


def linked_before_it(place: Path) -> None:
    (place / "first").rmdir()
    program(place / "other" / "tool")
    (place / "first").symlink_to(place / "other")


CHANGES = (
    before_it,
    gone,
    not_run,
    writable,
    in_writable,
    replaced,
    linked,
    moved,
    linked_before_it,
)


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_seen_at_once(place: Path, change: Callable[[Path], None]) -> None:
    search = (str(place / "first"), str(place / "second"))
    root = DiskDirectory.root(MountTable())
    finder = ProgramFinder(search, NOBODY)
    before = finder.find(root, "tool")
    assert before.resolved == str(place / "second" / "tool")
    assert finder._kept  # it would be answered without a look
    assert finder.find(root, "tool") == before
    change(place)
    assert finder.find(root, "tool") == find_program(root, "tool", search, NOBODY)
    root.close()


def test_what_changed_a_moment_ago_is_not_kept(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(programs, "SETTLED", 2_000_000_000)
    root = DiskDirectory.root(MountTable())
    finder = ProgramFinder((str(place / "second"),), NOBODY)
    assert finder.find(root, "tool").resolved
    assert not finder._kept
    ahead = time.time() + 3600  # a time that is still to come is not kept either
    os.utime(place / "second" / "tool", (ahead, ahead))
    monkeypatch.setattr(programs, "SETTLED", 0)
    assert finder.find(root, "tool").resolved
    assert not finder._kept
    root.close()


def test_programs_of_this_machine_are_the_same_with_and_without() -> None:
    root = DiskDirectory.root(MountTable())
    finder = ProgramFinder(programs.SEARCH_PATH, NOBODY)
    for name in ("sh", "ls", "awk", "python3", "env", "no-such-program", "/bin/sh"):
        wanted = find_program(root, name, programs.SEARCH_PATH, NOBODY)
        assert [finder.find(root, name) for _ in range(3)] == [wanted] * 3
    root.close()
