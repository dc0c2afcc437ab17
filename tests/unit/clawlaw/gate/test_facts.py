"""The same tree, real and declared, gives the same facts; the odd corners of both."""

import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest

from clawlaw.core.facts import FactRequest, PathFact
from clawlaw.gate.facts import (
    DeclarationError,
    DeclaredNode,
    DeclaredTree,
    FactSource,
    Gatherer,
)
from clawlaw.gate.mounts import MountTable, read_mountinfo
from clawlaw.gate.straight import Straight

type Make = Callable[[dict[str, str]], FactSource]


def on_disk(base: Path, files: dict[str, str]) -> FactSource:
    for path, kind in files.items():
        place = Path(path)
        assert place.is_relative_to(base)
        place.parent.mkdir(parents=True, exist_ok=True)
        if kind == "directory":
            place.mkdir()
        elif kind.startswith("-> "):
            place.symlink_to(kind[3:])
        else:
            place.write_text("x")
    return Gatherer(clock=lambda: 7)


@pytest.fixture(params=["disk", "declared"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    if request.param == "disk":
        return lambda files: on_disk(tmp_path, files)
    return lambda files: DeclaredTree({str(tmp_path): "directory", **files}, now=7)


def look(source: FactSource, path: str) -> PathFact:
    return source.gather(FactRequest(paths=(path,))).paths[path]


def test_file_directory_and_absent(make: Make, tmp_path: Path) -> None:
    tree = make({f"{tmp_path}/a/file": "file"})
    assert look(tree, f"{tmp_path}/a/file").kind == "file"
    assert look(tree, f"{tmp_path}/a").kind == "directory"
    absent = look(tree, f"{tmp_path}/a/b/c")
    assert absent.kind == "absent"
    assert absent.resolved == f"{tmp_path}/a/b/c"
    assert absent.inode == look(tree, f"{tmp_path}/a").inode


@pytest.mark.parametrize(
    ("written", "resolved"),
    [
        ("{0}//a/./file", "{0}/a/file"),
        ("{0}/a/../a/file", "{0}/a/file"),
        ("{0}/a/b/../../other", "{0}/other"),
        ("/../../{0}/a/", "{0}/a"),
        ("/", "/"),
    ],
)
def test_dots_and_slashes(
    make: Make, tmp_path: Path, written: str, resolved: str
) -> None:
    tree = make({f"{tmp_path}/a/file": "file"})
    fact = look(tree, written.format(tmp_path))
    assert fact.resolved == resolved.format(tmp_path)
    assert not fact.linked


def test_links_are_followed_and_said(make: Make, tmp_path: Path) -> None:
    tree = make(
        {
            f"{tmp_path}/real/file": "file",
            f"{tmp_path}/abs": f"-> {tmp_path}/real",
            f"{tmp_path}/rel": "-> real/../abs",
            f"{tmp_path}/real/up": "-> ../real/file",
        }
    )
    for path in ("abs/file", "rel/file", "rel/up", "abs/../real/file"):
        fact = look(tree, f"{tmp_path}/{path}")
        assert (fact.resolved, fact.kind, fact.linked) == (
            f"{tmp_path}/real/file",
            "file",
            True,
        )


def test_up_from_a_link_is_up_from_where_it_leads(make: Make, tmp_path: Path) -> None:
    tree = make(
        {f"{tmp_path}/x/deep/d": "directory", f"{tmp_path}/l": f"-> {tmp_path}/x/deep"}
    )
    assert look(tree, f"{tmp_path}/l/../y").resolved == f"{tmp_path}/x/y"


def test_dangling_link_is_absent_where_it_leads(make: Make, tmp_path: Path) -> None:
    tree = make({f"{tmp_path}/l": "-> nowhere/file"})
    fact = look(tree, f"{tmp_path}/l")
    assert (fact.kind, fact.resolved, fact.linked) == (
        "absent",
        f"{tmp_path}/nowhere/file",
        True,
    )


def test_loop_is_unknown(make: Make, tmp_path: Path) -> None:
    tree = make({f"{tmp_path}/a": "-> b", f"{tmp_path}/b": "-> a"})
    assert look(tree, f"{tmp_path}/a") == PathFact("", "unknown", origin=origin(tree))


def origin(tree: FactSource) -> Literal["declared", "local"]:
    return "declared" if isinstance(tree, DeclaredTree) else "local"


@pytest.mark.parametrize(("links", "kind"), [(40, "file"), (41, "unknown")])
def test_cap_of_links(make: Make, tmp_path: Path, links: int, kind: str) -> None:
    files = {f"{tmp_path}/l{i}": f"-> l{i + 1}" for i in range(links)}
    tree = make({**files, f"{tmp_path}/l{links}": "file"})
    assert look(tree, f"{tmp_path}/l0").kind == kind


def test_links_that_double_the_way_end(make: Make, tmp_path: Path) -> None:
    files = {f"{tmp_path}/d0": "directory"}
    for i in range(1, 12):
        files[f"{tmp_path}/d{i}"] = "-> " + "/".join([f"d{i - 1}/.."] * 8) + "/d0"
    assert look(make(files), f"{tmp_path}/d11").kind == "unknown"


@pytest.mark.parametrize(
    "path",
    ["relative", "", "/a\0b", "/" + "n" * 256, "/" + "a/" * 2500, "/\udcff"],
)
def test_what_is_no_path_is_unknown(make: Make, path: str) -> None:
    assert look(make({}), path).kind == "unknown"


def test_behind_a_file_is_unknown(make: Make, tmp_path: Path) -> None:
    tree = make({f"{tmp_path}/file": "file"})
    for tail in ("/x", "/", "/..", "/..namedfork/rsrc"):
        assert look(tree, f"{tmp_path}/file{tail}").kind == "unknown"


def test_name_with_newline(make: Make, tmp_path: Path) -> None:
    tree = make({f"{tmp_path}/a\nb": "file"})
    assert look(tree, f"{tmp_path}/a\nb").kind == "file"


def test_globs_expand_as_the_shell_would(make: Make, tmp_path: Path) -> None:
    names = ("a.py", "b.py", ".hidden.py", "c.txt", "d/e.py", "d/f[1].py")
    tree = make({f"{tmp_path}/{name}": "file" for name in names})
    patterns = {
        "*.py": ["a.py", "b.py"],
        "?.*": ["a.py", "b.py", "c.txt"],
        "*/*.py": ["d/e.py", "d/f[1].py"],
        "[!a].py": ["b.py"],
        "[a-b].p?": ["a.py", "b.py"],
        "d/f\\[*": ["d/f[1].py"],
        "*/e.py": ["d/e.py"],
        "no*": ["no*"],
    }
    request = FactRequest(globs=tuple(f"{tmp_path}/{p}" for p in patterns))
    facts = tree.gather(request)
    for pattern, found in patterns.items():
        wanted = tuple(f"{tmp_path}/{name}" for name in found)
        assert facts.globs[f"{tmp_path}/{pattern}"] == wanted
        assert all(path in facts.paths for path in wanted)


def test_hidden_pattern_takes_the_directory_above(make: Make, tmp_path: Path) -> None:
    tree = make({f"{tmp_path}/.a": "file"})
    facts = tree.gather(FactRequest(globs=(f"{tmp_path}/.*",)))
    assert facts.paths[f"{tmp_path}/.."].resolved == str(tmp_path.parent)


def test_glob_through_a_link_leads_where_it_leads(make: Make, tmp_path: Path) -> None:
    tree = make({f"{tmp_path}/x/k": "file", f"{tmp_path}/l": "-> x"})
    facts = tree.gather(FactRequest(globs=(f"{tmp_path}/l/*",)))
    assert facts.paths[f"{tmp_path}/l/k"].resolved == f"{tmp_path}/x/k"


def test_too_many_matches_are_unknown(make: Make, tmp_path: Path) -> None:
    tree = make({f"{tmp_path}/f{i}": "file" for i in range(2001)})
    pattern = f"{tmp_path}/f*"
    assert pattern not in tree.gather(FactRequest(globs=(pattern,))).globs


@pytest.mark.parametrize("part", ["[[:alpha:]]*", "[a", "[\\]]", "*a" * 17])
def test_pattern_that_is_not_understood(make: Make, tmp_path: Path, part: str) -> None:
    pattern = f"{tmp_path}/{part}"
    tree = make({f"{tmp_path}/a": "file"})
    assert pattern not in tree.gather(FactRequest(globs=(pattern,))).globs


def test_hard_links_are_counted(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x")
    (tmp_path / "b").hardlink_to(tmp_path / "a")
    fact = look(Gatherer(clock=int), f"{tmp_path}/b")
    assert fact.links == 2
    assert fact.inode == (tmp_path / "a").stat().st_ino
    declared = DeclaredTree(
        {
            "/a": {"inode": 5},
            "/b": {"kind": "file", "inode": 5},
            "/c": {"inode": 6, "links": 3},
        }
    )
    assert [look(declared, p).links for p in ("/a", "/b", "/c")] == [2, 2, 3]


def test_what_is_no_file_is_other(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket"))
    gatherer = Gatherer(clock=int)
    assert look(gatherer, f"{tmp_path}/pipe").kind == "other"
    assert look(gatherer, f"{tmp_path}/socket").kind == "other"
    assert look(gatherer, "/dev/null").kind == "other"


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs procfs")
@pytest.mark.parametrize(
    "path", ["/proc/self/root/etc", "/proc/self/cwd", "/proc/self"]
)
def test_magic_links_are_unknown(path: str) -> None:
    assert look(Gatherer(clock=int), path).kind == "unknown"


@pytest.fixture
def walked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every path is walked name by name, so that a test can stand in the way."""
    monkeypatch.setattr(Straight, "fact", lambda *_: None)


@pytest.mark.usefixtures("walked")
def test_unreadable_directory_is_unknown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = on_disk(tmp_path, {f"{tmp_path}/closed/file": "file"})

    real = os.stat

    def stat(path: str, **more: object) -> os.stat_result:
        if path == "file":
            raise PermissionError(13, "closed")
        return real(path, **more)  # type: ignore[arg-type]  # passed on as it came

    monkeypatch.setattr(os, "stat", stat)
    assert look(tree, f"{tmp_path}/closed/file").kind == "unknown"
    closed = DeclaredTree({"/closed/file": "unreadable"})
    assert look(closed, "/closed/file").kind == "unknown"


def test_link_swapped_under_the_walk_is_unknown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "l").symlink_to("a")
    real = os.readlink

    def swap(name: str, **more: int) -> str:
        target = real(name, **more)
        (tmp_path / "l").unlink()
        (tmp_path / "other").symlink_to("b")
        (tmp_path / "l").symlink_to("b")
        return target

    monkeypatch.setattr(os, "readlink", swap)
    assert look(Gatherer(clock=int), f"{tmp_path}/l").kind == "unknown"


@pytest.mark.usefixtures("walked")
def test_directory_swapped_for_a_link_is_not_entered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "d").mkdir()
    real = os.open

    def swap(path: str, flags: int, **more: int) -> int:
        if path == "d":
            (tmp_path / "d").rmdir()
            (tmp_path / "d").symlink_to("/etc")
        return real(path, flags, **more)

    monkeypatch.setattr(os, "open", swap)
    assert look(Gatherer(clock=int), f"{tmp_path}/d/hosts").kind == "unknown"


def test_no_descriptor_is_left_open(tmp_path: Path) -> None:
    (tmp_path / "l").symlink_to("l")
    (tmp_path / "d").mkdir()
    gatherer = Gatherer(clock=int)
    request = FactRequest(
        (f"{tmp_path}/l", f"{tmp_path}/d/x", "/nowhere/x"), (f"{tmp_path}/*",), ("sh",)
    )
    gatherer.gather(request)
    before = len(os.listdir("/dev/fd"))  # noqa: PTH208  # counts, as the walk does
    for _ in range(20):
        gatherer.gather(request)
    assert len(os.listdir("/dev/fd")) == before  # noqa: PTH208  # as above


def test_remote_mount_is_never_touched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "nfs").mkdir()
    (tmp_path / "nfs" / "file").write_text("x")
    monkeypatch.setattr(
        MountTable, "is_local", lambda _, path: False if path.endswith("/nfs") else None
    )
    assert look(Gatherer(clock=int), f"{tmp_path}/nfs/file").kind == "unknown"


def test_mount_table_reads_types_and_odd_names() -> None:
    raw = (
        b"22 1 254:0 / / rw shared:1 - ext4 /dev/vda rw\n"
        b"30 22 0:30 / /mnt/a\\040b rw - nfs4 host:/x rw\n"
        b"31 22 0:31 / /mnt/s rw - fuse.sshfs h:/ rw\n"
        b"32 22 0:32 / /srv rw - nfs host:/y rw\n"
        b"33 22 0:33 / /srv rw - tmpfs tmpfs rw\n"
    )
    assert read_mountinfo(raw) == {
        "/": True,
        "/mnt/a b": False,
        "/mnt/s": False,
        "/srv": True,
    }


def test_many_walks_at_once(tmp_path: Path) -> None:
    tree = on_disk(tmp_path, {f"{tmp_path}/a/b/c": "file"})
    found: list[str] = []

    def walk() -> None:
        found.extend(look(tree, f"{tmp_path}/a/b/c").kind for _ in range(50))

    threads = [threading.Thread(target=walk) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == ["file"] * 200


@pytest.mark.parametrize(
    "files",
    [
        {"relative": "file"},
        {"/a/../b": "file"},
        {"/a": "socket"},
        {"/a": {"kind": "link"}},
        {"/a": {"kind": "directory", "link": "x"}},
        {"/a": {"size": 1}},
    ],
)
def test_declaration_is_closed(files: dict[str, str | dict[str, object]]) -> None:
    with pytest.raises(DeclarationError):
        DeclaredTree(files)


def test_declared_tree_is_walked_not_compared() -> None:
    tree = DeclaredTree({"/w/l": {"link": "../h"}, "/h/k": "file"})
    assert look(tree, "/w/l/k").resolved == "/h/k"
    tree.remove("/h")
    assert look(tree, "/w/l/k").kind == "absent"
    tree.add("/h/k", DeclaredNode("other"))
    assert look(tree, "/w/l/k").kind == "other"
