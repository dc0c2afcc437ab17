"""Playbooks on this machine against the double of Harbor."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.integration.harbor.harbor_double import Double, harbor_double
from tests.integration.harbor.harbor_objects import ADMIN

ROOT = Path(__file__).parents[3]


@dataclass
class Run:
    """One run of ansible-playbook."""

    ok: bool
    results: list[dict[str, Any]]
    text: str

    @property
    def changed(self) -> list[bool]:
        """Whether each task changed something, in their order."""
        return [bool(result.get("changed")) for result in self.results]

    @property
    def said(self) -> str:
        """The message of the last task."""
        return str(self.results[-1].get("msg", ""))


@dataclass
class Lab:
    """A double, and playbooks that ask it."""

    double: Double
    folder: Path

    def account(self, **other: Any) -> dict[str, Any]:
        password = self.double.objects.admin_password
        given = {"username": ADMIN, "password": password, "endpoint": self.double.url}
        return {**given, "timeout": 5, **other}

    def run(
        self,
        *tasks: dict[str, Any],
        flags: tuple[str, ...] = (),
        on_error: str = "stop",
    ) -> Run:
        """Run tasks of modules; each is a module's name and its options."""
        more = {"ignore_errors": True} if on_error == "go on" else {}
        named = [
            more | {f"forge.platform.{name}": {**self.account(), **options}}
            for task in tasks
            for name, options in task.items()
        ]
        return self.play({"tasks": named}, *flags)

    def play(self, content: dict[str, Any], *flags: str, plain: bool = False) -> Run:
        """Run one play with diffs, `plain` as people see it."""
        play = {
            "hosts": "localhost", "gather_facts": False,
            "vars": {"ansible_python_interpreter": sys.executable}, **content,
        }  # fmt: skip
        book = self.folder / "play.yml"
        book.write_text(json.dumps([play]))
        callback = {} if plain else {"ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json"}
        done = subprocess.run(
            [Path(sys.executable).with_name("ansible-playbook"), "--inventory",
             "localhost,", "--connection", "local", "--diff", *flags, book],
            env=os.environ | callback | {
                "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
                "ANSIBLE_LOCAL_TEMP": str(self.folder / "ansible"),
            },
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        text = done.stdout + done.stderr
        results = [] if plain else _results(done.stdout)
        return Run(done.returncode == 0, results, text)


def _results(text: str) -> list[dict[str, Any]]:
    found = json.loads(text[text.index("{") :])
    tasks = [task for play in found["plays"] for task in play["tasks"]]
    return [result for task in tasks for result in task["hosts"].values()]


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    """A double without projects."""
    with harbor_double() as double:
        yield Lab(double, tmp_path)
