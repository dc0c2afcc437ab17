"""A target that changed between the decision and its use is not used."""

import os
from pathlib import Path

import pytest

from clawlaw.executor.grant import Target
from clawlaw.executor.paths import ChangedError, HeldTargets
from clawlaw.gate.disk import DiskDirectory
from clawlaw.gate.mounts import MountTable
from clawlaw.gate.resolve import resolve


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a file, another file, and a folder below."""
    where = tmp_path.resolve()
    (where / "below").mkdir()
    (where / "file").write_text("judged")
    (where / "other").write_text("another")
    return where


def judged(path: Path | str) -> Target:
    """A target as the gate sees it now."""
    root = DiskDirectory.root(MountTable())
    try:
        fact = resolve(root, str(path), "local")
    finally:
        root.close()
    return Target(str(path), fact.resolved, fact.device, fact.inode, fact.kind)


def descriptors() -> int:
    """How many this process has open."""
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def hold(target: Target) -> None:
    with HeldTargets([target]) as held:
        held.get(target.path)


def test_what_is_as_it_was_is_held(folder: Path) -> None:
    with HeldTargets([judged(folder / "file")]) as held:
        found = held.get(str(folder / "file"))
        assert os.fstat(found.fd).st_ino == (folder / "file").stat().st_ino
        assert os.fstat(found.parent).st_ino == folder.stat().st_ino
        assert found.name == "file"


def test_every_descriptor_is_closed(folder: Path) -> None:
    before = descriptors()
    with HeldTargets([judged(folder / "file"), judged(folder / "new/deep")]):
        assert descriptors() > before
    assert descriptors() == before
    with pytest.raises(ChangedError):
        hold(Target(str(folder), str(folder), 0, 0, "directory"))
    assert descriptors() == before


def test_an_absent_target_knows_what_to_make(folder: Path) -> None:
    with HeldTargets([judged(folder / "new/deep/file")]) as held:
        found = held.get(str(folder / "new/deep/file"))
        assert (found.fd, found.name, found.missing) == (-1, "file", ("new", "deep"))


def test_a_file_that_was_replaced_is_refused(folder: Path) -> None:
    target = judged(folder / "file")
    (folder / "other").rename(folder / "file")
    with pytest.raises(ChangedError, match="another file"):
        hold(target)


def test_a_link_in_the_place_of_a_file_is_refused(folder: Path) -> None:
    target = judged(folder / "file")
    (folder / "file").unlink()
    (folder / "file").symlink_to("/etc/passwd")
    with pytest.raises(ChangedError, match="leads elsewhere"):
        hold(target)


def test_a_link_to_the_judged_file_itself_is_refused(folder: Path) -> None:
    target = judged(folder / "file")
    (folder / "file").rename(folder / "moved")
    (folder / "file").symlink_to("moved")
    with pytest.raises(ChangedError):
        hold(target)


def test_a_directory_on_the_way_that_became_a_link_is_refused(folder: Path) -> None:
    (folder / "below/x").write_text("x")
    target = judged(folder / "below/x")
    (folder / "below").rename(folder / "elsewhere")
    (folder / "below").symlink_to("elsewhere")
    with pytest.raises(ChangedError):
        hold(target)


def test_a_judged_link_must_lead_where_it_led(folder: Path) -> None:
    (folder / "way").symlink_to("file")
    target = judged(folder / "way")
    hold(target)
    (folder / "way").unlink()
    (folder / "way").symlink_to("other")
    with pytest.raises(ChangedError, match="leads elsewhere"):
        hold(target)


def test_what_appeared_is_refused(folder: Path) -> None:
    target = judged(folder / "new")
    (folder / "new").write_text("")
    with pytest.raises(ChangedError, match="was not there"):
        hold(target)


def test_what_is_gone_is_refused(folder: Path) -> None:
    target = judged(folder / "file")
    (folder / "file").unlink()
    with pytest.raises(ChangedError, match="is gone"):
        hold(target)


def test_another_directory_under_an_absent_target_is_refused(folder: Path) -> None:
    target = judged(folder / "below/new")
    (folder / "below").rmdir()
    (folder / "below").mkdir()
    (folder / "keeps-the-number-in-use").mkdir()
    seen = (folder / "below").stat()
    if (seen.st_dev, seen.st_ino) == (target.device, target.inode):
        pytest.skip("this file system gave the number out again")
    with pytest.raises(ChangedError, match="another one"):
        hold(target)


def test_what_could_not_be_looked_at_is_refused(folder: Path) -> None:
    with pytest.raises(ChangedError, match="could not be looked at"):
        hold(Target(str(folder), "", 0, 0, "unknown"))


def test_a_target_that_the_permit_does_not_name_is_refused(folder: Path) -> None:
    with (
        HeldTargets([judged(folder / "file")]) as held,
        pytest.raises(ChangedError, match="not among the targets"),
    ):
        held.get(str(folder / "other"))
