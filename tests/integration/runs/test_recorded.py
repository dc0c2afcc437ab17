"""Real runs of ansible-playbook leave a record, or touch nothing."""

from pathlib import Path
from typing import TYPE_CHECKING

from forge.runs import journal

if TYPE_CHECKING:
    from tests.integration.runs.conftest import Play


def write(path: Path, content: str = "key: value", extra: str = "") -> str:
    return f"""\
    - name: Write {path.name}
      ansible.builtin.copy:
        dest: {path}
        content: "{content}"
        mode: "0644"
{extra}
"""


def only(tmp_path: Path) -> journal.Run:
    (name,) = journal.names(tmp_path / "state")
    return journal.load(tmp_path / "state", name)


def test_changes_failures_and_the_end_are_recorded(
    tmp_path: Path, play: "Play"
) -> None:
    fails = "    - name: Fail\n      ansible.builtin.command: 'false'\n"
    tasks = write(tmp_path / "one", "password: hunter2hunter2") + fails
    done = play(tasks, "--extra-vars", "colour=hidden-value", "--tags", "all")
    assert done.returncode == 2, done.stdout
    run = only(tmp_path)
    assert run.broken == []
    kinds = [row["kind"] for row in run.entries]
    assert kinds == ["started", "changed", "failed", "ended"]
    changed = run.first("changed")
    assert changed["host"] == "localhost"
    assert changed["task"] == "Write one"
    assert any(line.startswith("+password: secret:") for line in changed["diff"])
    assert run.first("failed")["task"] == "Fail"
    assert run.first("ended")["result"] == "failed"
    text = (tmp_path / "state" / "runs" / f"{run.name}.jsonl").read_text()
    assert "hunter2" not in text
    assert "hidden-value" not in text


def test_results_with_no_log_are_not_recorded(tmp_path: Path, play: "Play") -> None:
    tasks = write(tmp_path / "one", "opaque-word", "      no_log: true")
    assert play(tasks).returncode == 0
    assert "opaque-word" not in str(only(tmp_path).entries)
    assert "secret" in only(tmp_path).first("changed")["withheld"]


def test_a_failure_that_is_ignored_is_not_recorded(
    tmp_path: Path, play: "Play"
) -> None:
    look = "    - ansible.builtin.command: 'false'\n      ignore_errors: true\n"
    assert play(look).returncode == 0
    assert [row["kind"] for row in only(tmp_path).entries] == ["started", "ended"]


def test_a_second_run_names_the_first(tmp_path: Path, play: "Play") -> None:
    for _ in range(2):
        assert play(write(tmp_path / "one")).returncode == 0
    first, second = (
        journal.load(tmp_path / "state", name)
        for name in journal.names(tmp_path / "state")
    )
    assert second.first("started")["after"]["run"] == first.name
    assert second.first("started")["after"]["head"] in first.digests
    assert second.first("changed") == {}


def test_a_run_that_cannot_be_recorded_touches_nothing(
    tmp_path: Path, play: "Play"
) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "runs").write_text("in the way")
    done = play(write(tmp_path / "one"))
    assert done.returncode == 1
    assert "cannot be recorded" in done.stderr
    assert not (tmp_path / "one").exists()
