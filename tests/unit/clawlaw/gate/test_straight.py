"""The look in one call: what it says is what the walk says, and it passes no link."""

import errno
import os
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clawlaw.core.facts import PathFact
from clawlaw.gate import straight
from clawlaw.gate.disk import DiskDirectory
from clawlaw.gate.mounts import UNKNOWN, MountTable, read_ids
from clawlaw.gate.resolve import resolve
from clawlaw.gate.straight import Straight

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="calls of Linux")

NAMES = ("a", "b", "link", "up", "gone", "file", "pipe", "hard", "é", ".hidden")


def looked(path: str) -> PathFact | None:
    return Straight(MountTable()).fact(path)


def walked(path: str) -> PathFact:
    root = DiskDirectory.root(MountTable())
    try:
        return resolve(root, path, "local")
    finally:
        root.close()


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("tree")
    for folder in (place, place / "a", place / "a" / "b", place / "é"):
        folder.mkdir(exist_ok=True)
        (folder / "file").write_text("x")
        os.link(folder / "file", folder / "hard")
        (folder / ".hidden").write_text("x")
        os.mkfifo(folder / "pipe")
        (folder / "link").symlink_to("a")
        (folder / "up").symlink_to("..")
    return place


def test_it_looks_at_what_has_no_links(tree: Path) -> None:
    file = (tree / "a" / "file").stat()
    found = looked(f"{tree}/a/file")
    assert found == PathFact(f"{tree}/a/file", "file", file.st_dev, file.st_ino, 2)
    for name, kind in (("a", "directory"), ("pipe", "other"), ("gone", "absent")):
        fact = looked(f"{tree}/{name}")
        assert fact is not None
        assert fact.kind == kind


@settings(max_examples=300, deadline=None)
@given(parts=st.lists(st.sampled_from((*NAMES, "..", ".", "")), max_size=6))
def test_it_says_what_the_walk_says(tree: Path, parts: list[str]) -> None:
    path = "/".join((str(tree), *parts))
    fact = looked(path)
    assert fact is None or fact == walked(path)


@pytest.mark.parametrize(
    "path",
    ["{0}/link", "{0}/link/file", "{0}/a/up/file", "{0}/link/gone", "/proc/self/cwd"],
)
def test_a_link_is_left_to_the_walk(tree: Path, path: str) -> None:
    assert looked(path.format(tree)) is None


@pytest.mark.parametrize(
    "path",
    [
        *("", "/", "a", "{0}/", "{0}//a", "{0}/./a", "{0}/../x", "{0}/a/..", "{0}/."),
        *("{0}/file/below", "{0}/a\0b", "{0}/\ud800", "{0}/" + "x" * 256),
        "{0}/gone" + "/x" * 600,
    ],
)
def test_what_is_no_plain_path_is_left_to_the_walk(tree: Path, path: str) -> None:
    assert looked(path.format(tree)) is None


def test_another_mount_than_expected_is_left_to_the_walk(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = MountTable().mount_of(str(tree))
    for wrong in (right + 1, UNKNOWN):
        monkeypatch.setattr(MountTable, "mount_of", lambda *_, n=wrong: n)
        assert looked(f"{tree}/a/file") is None
        assert looked(f"{tree}/gone") is None


def test_what_is_behind_a_remote_mount_is_never_touched(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        MountTable, "is_local", lambda _, p: False if p.endswith("/a") else None
    )
    called: list[str] = []
    monkeypatch.setattr(Straight, "_look", lambda _, path, *_more: called.append(path))
    assert looked(f"{tree}/a/file") is None
    assert looked(f"{tree}/a") is None
    assert called == []


def test_a_mount_on_the_way_is_the_one_expected() -> None:
    found = {path: MountTable().mount_of(path) for path in ("/proc/version", "/proc")}
    assert found["/proc"] == found["/proc/version"] != MountTable().mount_of("/etc")
    fact = looked("/proc/version")
    assert fact is not None
    assert fact == walked("/proc/version")


def test_a_name_that_comes_meanwhile_is_not_said_to_be_absent(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(straight, "_is_there", lambda *_: True)
    assert looked(f"{tree}/gone") is None


def test_what_must_not_be_looked_at_is_left_to_the_walk(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Straight, "_look", lambda *_: errno.EACCES)
    assert looked(f"{tree}/a/file") is None


def test_without_the_calls_everything_is_left_to_the_walk(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "getfilesystemencoding", lambda: "latin-1")
    assert looked(f"{tree}/a/file") is None


def test_threads_do_not_see_each_others_answers(tree: Path) -> None:
    both = Straight(MountTable())
    paths = [f"{tree}/a/file", f"{tree}/a/b", f"{tree}/gone"]
    expected = {path: walked(path) for path in paths}
    wrong: list[PathFact | None] = []

    def look(path: str) -> None:
        for _ in range(300):
            fact = both.fact(path)
            if fact != expected[path]:
                wrong.append(fact)

    threads = [threading.Thread(target=look, args=(path,)) for path in paths]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_no_descriptor_is_left_open(tree: Path) -> None:
    own = Straight(MountTable())
    before = len(os.listdir("/dev/fd"))  # noqa: PTH208  # counts, as the look does
    for name in NAMES:
        own.fact(f"{tree}/{name}")
    assert len(os.listdir("/dev/fd")) == before  # noqa: PTH208  # as above


def test_ids_of_the_table_are_of_the_last_mount_on_a_path() -> None:
    raw = (
        b"22 1 254:0 / / rw shared:1 - ext4 /dev/vda rw\n"
        b"30 22 0:30 / /mnt/a\\040b rw - nfs4 host:/x rw\n"
        b"32 22 0:32 / /srv rw - nfs host:/y rw\n"
        b"33 22 0:33 / /srv rw - tmpfs tmpfs rw\n"
    )
    assert read_ids(raw) == {"/": 22, "/mnt/a b": 30, "/srv": 33}
