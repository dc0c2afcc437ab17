"""Roles in check mode on this machine, the commands of macOS replaced by doubles."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[3]
DOUBLES = ROOT / "tests/unit/collection/macos/doubles"

# A Mac that the Forge never saw, as the doubles hold it.
NEW_MAC: dict[str, Any] = {
    "services": {},
    "disabled": {},
    "calls": [],
    "settings": {"disabled_words": ["disabled", "enabled"], "label_shows_late": 0},
    "records": {},
    "protected": False,
    "anchors": {},
    "enabled": False,
    "power": {"AC Power": {"sleep": 10, "autorestart": 0}},
    "firewall": {"globalstate": False, "stealthmode": False, "blockall": False},
    "words": "new",
    "apps": {},
    "sysctl": {"iogpu.wired_limit_mb": "0"},
}

type Check = Callable[..., tuple[int, str]]


@pytest.fixture
def check_role(tmp_path: Path) -> Check:
    """Run a role in check mode on localhost; return status and output."""

    def check(
        role: str, topology: dict[str, Any], variables: dict[str, Any]
    ) -> tuple[int, str]:
        task = {
            "name": "Apply",
            "ansible.builtin.include_role": {"name": role},
            "vars": variables,
        }
        play = {
            "hosts": "localhost",
            "gather_facts": False,
            "vars": {
                "forge_topology": topology,
                "ansible_python_interpreter": sys.executable,
            },
            "tasks": [task],
        }
        book, state = tmp_path / "play.yml", tmp_path / "double.json"
        book.write_text(yaml.safe_dump([play]))
        state.write_text(json.dumps(NEW_MAC))
        done = subprocess.run(
            [Path(sys.executable).with_name("ansible-playbook"), "--check", "--diff",
             "--inventory", "localhost,", "--connection", "local", book],
            env=os.environ | {
                "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
                "ANSIBLE_LOCAL_TEMP": str(tmp_path / "ansible"),
                "DOUBLE_STATE": str(state),
                "PATH": f"{DOUBLES}:{os.environ['PATH']}",
            },
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        told = {"bootstrap", "-create", "-E", "pmset", "socketfilterfw", "sysctl"}
        calls = json.loads(state.read_text())["calls"]
        assert not [call for call in calls if told & set(call)], "check mode changed it"
        return done.returncode, done.stdout + done.stderr

    return check
