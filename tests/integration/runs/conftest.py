"""Playbooks run for real, against the machine that runs the tests."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
HEAD = """\
- name: Change files
  hosts: localhost
  connection: local
  gather_facts: false
  vars:
    ansible_python_interpreter: "{{ ansible_playbook_python }}"
  tasks:
"""

type Play = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def play(tmp_path: Path) -> Play:
    """Run tasks, given as YAML with the indentation of a play's tasks."""

    def run(
        tasks: str, *words: str, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        playbook = tmp_path / "play.yml"
        playbook.write_text(HEAD + tasks)
        return subprocess.run(
            ["ansible-playbook", "--inventory", "localhost,", *words, str(playbook)],
            cwd=ROOT, capture_output=True, text=True, check=False, timeout=240,
            env={**os.environ, "FORGE_STATE": str(tmp_path / "state"), **environment},
        )  # fmt: skip

    return run
