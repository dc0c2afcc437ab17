"""Modules for macOS, driven by Ansible against doubles of the system's commands."""

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.unit.collection.macos.machine import Mac

CHECKOUT = Path(__file__).parents[4]
COLLECTIONS = str(CHECKOUT / "collections")
DOUBLES = Path(__file__).parent / "doubles"
PLUGINS = "ansible_collections.forge.platform.plugins"

if COLLECTIONS not in sys.path:
    sys.path.insert(0, COLLECTIONS)

type Answer = dict[str, Any]
type Task = tuple[str, Answer]
type Play = Callable[..., list[Answer]]


@pytest.fixture
def ansible_play(tmp_path: Path) -> Play:
    """Run tasks in one play on localhost, the doubles first on PATH.

    A task is a module's short name with its options. Failures do not end the play;
    each task's answer is returned.
    """

    def run(*tasks: Task, check: bool = False, **env: str) -> list[Answer]:
        rows = [
            {"name": f"Task {n}", f"forge.platform.{module}": options,
             "ignore_errors": True}
            for n, (module, options) in enumerate(tasks)
        ]  # fmt: skip
        book = tmp_path / "play.yml"
        plays = [{"hosts": "localhost", "gather_facts": False, "tasks": rows}]
        book.write_text(yaml.safe_dump(plays))
        environment = os.environ | {
            "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg"),
            "ANSIBLE_LOCAL_TEMP": str(tmp_path / "ansible"),
            "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json",
            **doubles(tmp_path),
            **env,
        }
        ansible = Path(sys.executable).with_name("ansible-playbook")
        flags = ["--check", "--diff"] if check else ["--diff"]
        done = subprocess.run(
            [ansible, "--inventory", "other,", book, *flags],
            env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.stdout.startswith("{"), done.stdout + done.stderr
        answers = json.loads(done.stdout)["plays"][0]["tasks"]
        return [answer["hosts"]["localhost"] for answer in answers]

    return run


@pytest.fixture
def play(request: pytest.FixtureRequest) -> Play:
    """Run tasks by the modules themselves, or through Ansible if that is asked for.

    A playbook costs seconds, and the cases are many: `make test-macos` runs them
    through Ansible, a plain run of pytest the modules alone.
    """
    through = os.environ.get("FORGE_THROUGH_ANSIBLE")
    found: Play = request.getfixturevalue("ansible_play" if through else "module_play")
    return found


@pytest.fixture
def module_play(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Play:
    """Run the same tasks by the modules themselves, without a playbook around them."""
    testing = importlib.import_module("ansible.module_utils.testing")
    for name, value in doubles(tmp_path).items():
        monkeypatch.setenv(name, value)

    def run(*tasks: Task, check: bool = False, **env: str) -> list[Answer]:
        answers = []
        for name, options in tasks:
            module = importlib.import_module(f"{PLUGINS}.modules.{name}")
            given = {
                **{k: v for k, v in options.items() if v is not None},
                "_ansible_check_mode": check,
                "_ansible_diff": True,
            }
            with monkeypatch.context() as patch, testing.patch_module_args(given):
                for key, value in env.items():
                    patch.setenv(key, value)
                with pytest.raises(SystemExit):
                    module.main()
            answers.append(json.loads(capsys.readouterr().out))
        return answers

    return run


def doubles(folder: Path) -> dict[str, str]:
    return {
        "PATH": f"{DOUBLES}:{os.environ['PATH']}",
        "DOUBLE_STATE": str(folder / "double.json"),
    }


@pytest.fixture
def mac(tmp_path: Path, play: Any, monkeypatch: pytest.MonkeyPatch) -> Mac:
    for name in ("launchd_host", "health"):
        utils = importlib.import_module(f"{PLUGINS}.module_utils.{name}")
        monkeypatch.setattr(utils, "PAUSE", 0.01)
    return Mac(tmp_path, play)


@pytest.fixture
def mac_through_ansible(tmp_path: Path, ansible_play: Any) -> Mac:
    return Mac(tmp_path, ansible_play)
