"""The module forge.platform.kubeconfig on files."""

import stat
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml

module = import_module("ansible_collections.forge.platform.plugins.modules.kubeconfig")

FETCHED = """
apiVersion: v1
kind: Config
current-context: default
clusters: [{name: default, cluster: {server: "https://127.0.0.1:6443"}}]
contexts: [{name: default, context: {cluster: default, user: default}}]
users: [{name: default, user: {client-key-data: S3CRET}}]
"""
PARAMS = {"content": FETCHED, "context": "forge", "server": "https://192.0.2.11:6443"}


def keep(path: Path, *, check: bool = False, **changes: str) -> dict[str, Any]:
    return dict(module.keep(path, {**PARAMS, **changes}, check=check))


def test_new_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "new" / "config"

    result = keep(path)

    assert result["changed"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert not keep(path)["changed"]


def test_open_mode_alone_is_a_change(tmp_path: Path) -> None:
    path = tmp_path / "config"
    keep(path)
    path.chmod(0o644)

    assert keep(path)["changed"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_check_mode_writes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "new" / "config"

    assert keep(path, check=True)["changed"]
    assert not path.parent.exists()


def test_diff_shows_no_credential(tmp_path: Path) -> None:
    result = keep(tmp_path / "config")

    assert "S3CRET" not in str(result)
    assert PARAMS["server"] in str(result["diff"]["after"])


@pytest.mark.parametrize("content", ["{", "- a\n- b\n", "a: [b"])
def test_unreadable_file_is_refused_and_kept(tmp_path: Path, content: str) -> None:
    path = tmp_path / "config"
    path.write_text(content)

    with pytest.raises(module.KubeconfigError, match="move it away or repair it"):
        keep(path)
    assert path.read_text() == content


def test_failed_write_leaves_the_old_file_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "config"
    keep(path)
    before = path.read_text()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module.os, "fsync", full)

    with pytest.raises(OSError, match="No space left"):
        keep(path, server="https://192.0.2.12:6443")
    assert path.read_text() == before
    assert list(tmp_path.iterdir()) == [path]


def test_entries_of_others_survive_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "config"
    theirs = {"contexts": [{"name": "work", "context": {"cluster": "w", "user": "w"}}]}
    path.write_text(yaml.safe_dump(theirs))

    keep(path)

    names = [entry["name"] for entry in yaml.safe_load(path.read_text())["contexts"]]
    assert names == ["work", "forge"]
