"""The role managed_service in check mode on a host without the service.

For macOS the system's commands are doubles; nothing is changed on this machine.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[3]
DOUBLES = ROOT / "tests/unit/collection/macos/doubles"

SERVICE = {
    "managed_service_name": "role-check",
    "managed_service_command": ["/opt/role-check/bin/serve", "--port", "1"],
    "managed_service_environment": {"PORT": 1},
    "managed_service_folders": ["/var/lib/role-check"],
    "managed_service_health": {"port": 1, "seconds": 1},
}


def check(tmp_path: Path, system: str, **variables: object) -> tuple[int, str]:
    """Run the role in check mode on localhost; return status and output."""
    tasks = [
        {
            "name": "Apply",
            "ansible.builtin.include_role": {"name": "managed_service"},
            "vars": {**SERVICE, **variables},
        }
    ]
    topology: dict[str, Any] = {"hosts": {"localhost": {"os": system}}}
    book = tmp_path / "play.yml"
    play = {
        "hosts": "localhost",
        "gather_facts": False,
        "vars": {
            "forge_topology": topology,
            "ansible_python_interpreter": sys.executable,
        },
        "tasks": tasks,
    }
    book.write_text(yaml.safe_dump([play]))
    state = tmp_path / "double.json"
    settings = {"disabled_words": ["disabled", "enabled"], "label_shows_late": 0}
    state.write_text(
        json.dumps(
            {"services": {}, "disabled": {}, "calls": [], "settings": settings,
             "records": {}, "protected": False}
        )
    )  # fmt: skip
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
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("system", "wanted"),
    [
        (
            "debian",
            ['+ExecStart="/opt/role-check/bin/serve" "--port" "1"',
             "+User=role-check", '+ReadWritePaths="/var/lib/role-check"'],
        ),
        (
            "macos",
            ["+\t<string>_role-check</string>", "+\t<string>dev.forge.role-check</",
             "launchd: bootstrap it", "+/Users/_role-check UserShell: /usr/bin/false",
             "+/var/log/forge/role-check.log\t_role-check:_role-check\t640"],
        ),
    ],
)  # fmt: skip
def test_check_mode_shows_what_would_be_made(
    tmp_path: Path, system: str, wanted: list[str]
) -> None:
    status, output = check(tmp_path, system)
    assert status == 0, output
    for text in wanted:
        assert text in output, output
    assert not Path("/var/lib/role-check").exists()


def test_nothing_is_left_to_remove_where_nothing_was_made(tmp_path: Path) -> None:
    status, output = check(tmp_path, "macos", managed_service_state="absent")
    assert status == 0, output
    assert "changed=0" in output


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        ({"managed_service_folders": ["/var/lib"]}, "/var/lib belongs to the system"),
        ({"managed_service_command": ["serve"]}, "'serve' is not an absolute path"),
    ],
)
def test_bad_input_is_refused(
    tmp_path: Path, wrong: dict[str, Any], problem: str
) -> None:
    status, output = check(tmp_path, "debian", **wrong)
    assert status != 0
    assert problem in output.replace("\\'", "'").replace("''", "'")
    assert "Make" not in output
