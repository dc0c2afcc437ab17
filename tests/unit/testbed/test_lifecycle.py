"""What ``down`` leaves behind; podman is a double that has no containers."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from forge.change.store import Store
from forge.testbed import lifecycle
from forge.testbed.podman import Podman


def test_down_forgets_what_was_applied_to_hosts_that_are_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FORGE_TESTBED", raising=False)
    monkeypatch.setattr(Podman, "containers", lambda *_: [])
    testbed = lifecycle.Testbed(
        tmp_path, tmp_path / "cache", Console(file=io.StringIO())
    )
    (testbed.folder / "state.json").write_text(
        '{"id":"abcdef","block":"10.128.0.0/20"}'
    )
    monkeypatch.setattr(testbed.factory, "destroy", lambda _: [])
    state = testbed.folder / "state"
    store = Store(state / "testbed")
    store.key()
    (store.folder / "applied.json").write_text("of a gate that was")
    (state / "runs").mkdir()
    (state / "runs" / "r.jsonl").write_text("kept")
    testbed.down()
    assert store.read() is None
    assert not (store.folder / "key").exists()
    assert (state / "runs" / "r.jsonl").read_text() == "kept"
