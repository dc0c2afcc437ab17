"""Which file a name runs, and whether the agent could have put it there."""

import os
from pathlib import Path

import pytest

from clawlaw.core.facts import FactRequest, ProgramFact
from clawlaw.gate.disk import DiskDirectory
from clawlaw.gate.facts import DeclaredTree
from clawlaw.gate.mounts import MountTable
from clawlaw.gate.programs import Agent, find_program

OTHER = Agent(uid=54_321)


@pytest.fixture
def places(tmp_path: Path) -> tuple[Path, Path]:
    first, second = tmp_path / "first", tmp_path / "second"
    for place in (first, second):
        place.mkdir(mode=0o755)
    return first, second


def program(place: Path, name: str = "tool", mode: int = 0o755) -> Path:
    file = place / name
    file.write_text("#!/bin/sh\n")
    file.chmod(mode)
    return file


def find(name: str, places: tuple[Path, ...], agent: Agent = OTHER) -> ProgramFact:
    root = DiskDirectory.root(MountTable())
    try:
        return find_program(root, name, [str(place) for place in places], agent)
    finally:
        root.close()


def test_first_of_the_search_path(places: tuple[Path, Path]) -> None:
    program(places[1])
    assert find("tool", places).resolved == str(places[1] / "tool")
    program(places[0])
    assert find("tool", places).resolved == str(places[0] / "tool")


def test_what_cannot_run_is_passed_over(places: tuple[Path, Path]) -> None:
    program(places[0], mode=0o644)
    (places[0] / "dir").mkdir()
    program(places[1])
    assert find("tool", places).resolved == str(places[1] / "tool")
    assert find("dir", places).resolved == ""
    assert find("gone", places) == ProgramFact(resolved="")


@pytest.mark.parametrize("name", ["", "./tool", "a/tool"])
def test_relative_names_are_none(places: tuple[Path, Path], name: str) -> None:
    program(places[0])
    assert find(name, places).resolved == ""


def test_link_is_the_file_that_it_leads_to(places: tuple[Path, Path]) -> None:
    program(places[1], "real")
    (places[0] / "tool").symlink_to(places[1] / "real")
    assert find("tool", places).resolved == str(places[1] / "real")


def test_loop_in_front_could_be_what_runs(places: tuple[Path, Path]) -> None:
    (places[0] / "tool").symlink_to("tool")
    program(places[1])
    assert find("tool", places) == ProgramFact(resolved="", writable=True)


def test_own_file_is_writable(places: tuple[Path, Path]) -> None:
    program(places[0], mode=0o555)
    owner = Agent(os.getuid())
    assert find("tool", places, owner).writable
    assert not find("tool", places).writable


@pytest.mark.parametrize(
    ("what", "mode", "gids", "writable"),
    [
        ("file", 0o757, frozenset(), True),
        ("file", 0o775, frozenset({os.getgid()}), True),
        ("file", 0o775, frozenset(), False),
        ("directory", 0o757, frozenset(), True),
        ("directory", 0o1777, frozenset(), False),
        ("directory", 0o775, frozenset({os.getgid()}), True),
    ],
)
def test_writable_by_mode(
    places: tuple[Path, Path],
    what: str,
    mode: int,
    gids: frozenset[int],
    *,
    writable: bool,
) -> None:
    file = program(places[0])
    (file if what == "file" else places[0]).chmod(mode)
    assert find("tool", places, Agent(OTHER.uid, gids)).writable is writable


def test_directory_behind_a_link_counts(places: tuple[Path, Path]) -> None:
    program(places[1], "real")
    places[1].chmod(0o777)
    (places[0] / "tool").symlink_to(places[1] / "real")
    assert find("tool", places).writable


def test_superuser_is_judged_as_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert Agent.current().uid != 0


def test_declared_programs() -> None:
    tree = DeclaredTree(
        {"/w/tool": "file", "/opt/x/tool": "file"},
        programs={"own": ProgramFact("/w/own", writable=True)},
        writable=("/w",),
    )
    names = ("ls", "own", "/w/tool", "/opt/x/tool", "/bin/cat", "/opt/gone")
    facts = tree.gather(FactRequest(programs=names)).programs
    assert facts == {
        "ls": ProgramFact("/usr/bin/ls"),
        "own": ProgramFact("/w/own", writable=True),
        "/w/tool": ProgramFact("/w/tool", writable=True),
        "/opt/x/tool": ProgramFact("/opt/x/tool"),
        "/bin/cat": ProgramFact("/bin/cat"),
        "/opt/gone": ProgramFact("", writable=True),
    }
