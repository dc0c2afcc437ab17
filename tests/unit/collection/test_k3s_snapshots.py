"""What K3s prints of its snapshots, and how a broken file is told from a whole one."""

import hashlib
from importlib import import_module
from pathlib import Path

import pytest

UTILS = "ansible_collections.forge.platform.plugins.module_utils"
k3s_snapshots = import_module(f"{UTILS}.k3s_snapshots")

# As the documentation shows it. Source: https://docs.k3s.io/cli/etcd-snapshot
NAME = "on-demand-server-0-1753178523"
FOLDER = "/var/lib/rancher/k3s/server/db/snapshots"
TABLE = f"""\
Name     Location                    Size    Created
{NAME} s3://bucket/folder/{NAME} 5062688 2025-07-22T10:02:03Z
{NAME} file://{FOLDER}/{NAME}    5062688 2025-07-22T10:02:03Z
"""


def whole(path: Path, pages: int = 3) -> Path:
    data = b"\x07" * k3s_snapshots.PAGE * pages
    path.write_bytes(data + hashlib.sha256(data).digest())
    return path


def test_the_documented_table_is_read() -> None:
    remote, local = k3s_snapshots.read_list(TABLE)
    assert remote.path == ""
    assert local.path.endswith("/snapshots/on-demand-server-0-1753178523")
    assert (local.size, local.created) == (5062688, "2025-07-22T10:02:03Z")


@pytest.mark.parametrize(
    "text", ["", "no snapshots", f"{TABLE}one two\n", f"{TABLE}a file:///a big x\n"]
)
def test_another_answer_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"no table|no row"):
        k3s_snapshots.read_list(text)


def test_a_new_snapshot_is_the_new_file_of_this_server() -> None:
    remote, local = k3s_snapshots.read_list(TABLE)
    assert k3s_snapshots.added([], [remote, local]) == [local]
    assert k3s_snapshots.added([local], [remote, local]) == []


def test_a_whole_snapshot_has_no_problem(tmp_path: Path) -> None:
    file = whole(tmp_path / "one", pages=5000)  # longer than one read
    assert k3s_snapshots.problem(file) == ""


def test_broken_ones_are_told(tmp_path: Path) -> None:
    file = whole(tmp_path / "one")
    good = file.read_bytes()
    for bad, said in (
        (good[:-1], "was cut"),
        (b"", "no snapshot"),
        (good[-32:], "no snapshot"),
        (b"\x08" + good[1:], "was changed"),
        (good[:-1] + b"\x00", "was changed"),
    ):
        file.write_bytes(bad)
        assert said in k3s_snapshots.problem(file)
    file.unlink()
    assert "No such file" in k3s_snapshots.problem(file)


def test_the_digest_is_that_of_the_file(tmp_path: Path) -> None:
    file = whole(tmp_path / "one")
    expected = hashlib.sha256(file.read_bytes()).hexdigest()
    assert k3s_snapshots.digest_of(file) == expected
