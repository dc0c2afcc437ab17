"""What one walk finds before an action, and what two walks find after it."""

import hashlib
import os
from pathlib import Path

import pytest

from clawlaw.executor import tree
from clawlaw.executor.host import SandboxError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository with a secret that has two names."""
    where = tmp_path.resolve()
    (where / ".git/hooks").mkdir(parents=True)
    (where / "deep/.ssh").mkdir(parents=True)
    (where / "deep/.env").write_text("A=1")
    (where / "plain").write_text("x")
    os.link(where / "deep/.env", where / "innocent")
    (where / ".env.local").symlink_to("plain")
    return where


def test_secrets_are_found_under_all_their_names(root: Path) -> None:
    found = tree.scan((str(root),))
    assert {str(Path(p).relative_to(root)) for p in found.secrets} == {
        "deep/.env", "deep/.ssh", "innocent",
    }  # fmt: skip


def test_what_others_obey_is_kept_and_what_is_not_there_is_known(root: Path) -> None:
    found = tree.scan((str(root),))
    assert found.kept == [str(root / ".git/hooks")]
    assert str(root / ".git/config") in found.absent
    assert str(root / ".claude/hooks") not in found.absent  # nothing to be in


def test_a_tree_too_large_to_look_through_is_refused(root: Path) -> None:
    with pytest.raises(SandboxError, match="more than 3 files") as said:
        tree.scan((str(root),), limit=3)
    assert "smaller workspace" in said.value.remedy


def test_links_are_not_followed(root: Path) -> None:
    (root / "up").symlink_to("/etc")
    assert not any(p.startswith("/etc") for p in tree.scan((str(root),)).files)


def test_changes_name_files_and_digests(root: Path) -> None:
    before = tree.scan((str(root),))
    (root / "plain").write_text("y")
    (root / "deep/new").write_text("z")
    (root / "innocent").unlink()
    (root / "way").symlink_to("plain")
    os.mkfifo(root / "pipe")
    after = tree.scan((str(root),))
    found = dict(tree.changes(before, after))
    assert found.pop(str(root / "innocent")) == ""
    assert found.pop(str(root / "pipe")) == "unread"
    assert found.pop(str(root / "deep/.env"))  # its number of names changed
    assert found == {
        str(root / name): "sha256:" + hashlib.sha256(data).hexdigest()
        for name, data in (("plain", b"y"), ("deep/new", b"z"), ("way", b"plain"))
    }


def test_a_change_cannot_be_hidden_by_setting_the_time_back(root: Path) -> None:
    file = root / "plain"
    seen = file.stat()
    before = tree.scan((str(root),))
    file.write_text("y")
    os.utime(file, ns=(seen.st_atime_ns, seen.st_mtime_ns))
    assert str(file) in dict(tree.changes(before, tree.scan((str(root),))))


def test_an_outcome_is_bounded(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = tree.scan((str(root),))
    for number in range(5):
        (root / f"n{number}").write_text("x" * 10)
    monkeypatch.setattr(tree, "MAX_DIGESTS", 3)
    monkeypatch.setattr(tree, "MAX_DIGEST_BYTES", 25)
    found = [said for _, said in tree.changes(before, tree.scan((str(root),)))]
    assert len(found) == 3
    assert [said.startswith("sha256:") for said in found] == [True, True, False]
