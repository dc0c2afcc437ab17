"""Runs on the disk, and the commands that print them."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from forge.cli import main
from forge.errors import InputError
from forge.runs import journal
from forge.runs.recorder import Recorder

ROOT = Path(__file__).parents[3]
TASK = {"task": "Write it", "action": "copy", "where": "roles/x/tasks/main.yml:3"}


def recorded(state: Path, at: float = 1_800_000_000.0, *, fails: bool = False) -> Path:
    recorder = Recorder(state, ROOT, clock=lambda: at)
    recorder.started("playbooks/site.yml", {"check": False, "tags": ["all"]})
    recorder.changed("worker-01", TASK, {"diff": {"after": "x\n"}})
    if fails:
        result = {"msg": "no password=hunter2hunter2"}
        recorder.failed("failed", "worker-01", TASK, result)
    recorder.ended({"worker-01": {"ok": 1, "changed": 1, "failures": int(fails)}})
    return recorder.journal.path


def history(state: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, dict]:  # type: ignore[type-arg] # any JSON
    status = main(["history", "--json", "--state", str(state)])
    return status, json.loads(capsys.readouterr().out)


def test_runs_are_listed_newest_first(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    recorded(tmp_path)
    recorded(tmp_path, 1_800_000_100.0, fails=True)
    status, found = history(tmp_path, capsys)
    assert status == 0
    assert [row["result"] for row in found["runs"]] == ["failed", "succeeded"]
    assert found["broken"] == []
    assert main(["history", "--state", str(tmp_path)]) == 0
    assert "playbooks/site.yml" in capsys.readouterr().out


def test_a_run_is_shown_by_the_end_of_its_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = recorded(tmp_path, fails=True)
    words = ["show", path.stem[-8:], "--state", str(tmp_path)]
    assert main(words) == 0
    shown = capsys.readouterr().out
    assert "+x" in shown
    assert "Write it" in shown
    assert main([*words, "--json"]) == 0
    entries = json.loads(capsys.readouterr().out)["entries"]
    kinds = [entry["kind"] for entry in entries]
    assert kinds == ["started", "changed", "failed", "ended"]
    assert "hunter2hunter2" not in path.read_text()


def test_a_run_that_was_changed_is_broken(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = recorded(tmp_path)
    path.write_bytes(path.read_bytes().replace(b"worker-01", b"worker-02", 1))
    status, found = history(tmp_path, capsys)
    assert status == 1
    assert "does not follow" in found["runs"][0]["broken"][0]


def test_a_run_that_was_cut_off_is_broken(tmp_path: Path) -> None:
    path = recorded(tmp_path)
    path.write_bytes(path.read_bytes()[:-3])
    assert "cut off" in journal.read(path).broken[0].why


def test_a_run_that_was_removed_is_missed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = recorded(tmp_path)
    recorded(tmp_path, 1_800_000_100.0)
    first.unlink()
    status, found = history(tmp_path, capsys)
    assert status == 1
    assert "is gone" in found["broken"][0]


def test_a_run_without_an_end_is_unfinished(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Recorder(tmp_path, ROOT).started("x.yml", {})
    assert history(tmp_path, capsys)[1]["runs"][0]["result"] == "unfinished"


def test_files_are_private(tmp_path: Path) -> None:
    path = recorded(tmp_path / "state")
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_a_disk_that_takes_nothing_is_named(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("in the way")
    with pytest.raises(journal.JournalError, match="cannot be recorded"):
        journal.Journal.begin(tmp_path, datetime.now(UTC))


def test_an_unknown_run_is_an_invalid_input(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no runs named"):
        journal.load(tmp_path, "abc")
