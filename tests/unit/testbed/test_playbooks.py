import io
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from forge.testbed.playbooks import MARK, RunFailedError, end_marked, run

PLAYBOOK = """
- name: Write a file
  hosts: localhost
  connection: local
  gather_facts: false
  tasks:
    - name: Write it
      ansible.builtin.copy:
        content: "{{ text }}"
        dest: "{{ playbook_dir }}/written"
        mode: "0600"
    - name: Fail if asked to
      ansible.builtin.fail: {msg: No space left on device}
      when: text == "fail"
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / "play.yml").write_text(PLAYBOOK)
    (tmp_path / "hosts").write_text(
        f"localhost ansible_python_interpreter={sys.executable}\n"
    )
    (tmp_path / "ansible.cfg").write_text("[defaults]\n")
    return tmp_path


def play(checkout: Path, text: str, *arguments: str) -> tuple[dict[str, int], str]:
    shown = io.StringIO()
    progress = run(
        "play.yml",
        checkout=checkout,
        private=checkout / "run",
        inventory=[checkout / "hosts"],
        variables={"text": text},
        arguments=arguments,
        console=Console(file=shown),
    )
    return progress.changed(), shown.getvalue()


def test_a_run_takes_nothing_over_from_the_run_before(checkout: Path) -> None:
    changed, _ = play(checkout, "first", "--check")
    assert changed == {"localhost": 1}
    assert not (checkout / "written").exists()
    changed, shown = play(checkout, "second")
    assert changed == {"localhost": 1}
    assert (checkout / "written").read_text() == "second"
    assert "Write a file" in shown


def test_a_failed_run_names_host_cause_and_remedy(checkout: Path) -> None:
    with pytest.raises(RunFailedError, match=r"(?s)localhost: Fail if.*No space.*free"):
        play(checkout, "fail")


def test_what_an_interrupted_run_left_is_ended_and_nothing_else() -> None:
    mine, other = (
        subprocess.Popen(
            ["sleep", "60"],
            env={**os.environ, MARK: value},
            start_new_session=True,
        )
        for value in ("mine", "mine-not")
    )
    try:
        end_marked(f"{MARK}=mine")
        assert mine.wait(10) == -signal.SIGKILL
        assert other.poll() is None
    finally:
        for process in (mine, other):
            process.kill()
            process.wait()
