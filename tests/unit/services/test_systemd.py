"""A service as a unit of systemd: the golden file, quoting, and what is refused."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from forge.errors import InputError
from forge.services.model import SHARED_FOLDERS, folder_problems
from forge.services.render import systemd_unit

GOLDEN = Path(__file__).parents[2] / "fixtures/services"


def values(**changes: object) -> dict[str, Any]:
    return {
        "name": "ollama",
        "description": "Ollama, for the gate alone",
        "command": ["/opt/ollama/bin/ollama", "serve"],
        "environment": {"OLLAMA_HOST": "127.0.0.1:11434", "HOME": "/var/lib/ollama"},
        "user": "ollama",
        "group": "ollama",
        "working_dir": "/var/lib/ollama",
        "folders": ["/var/lib/ollama"],
        "limits": {"memory_mb": 6144, "nofile": 20000},
        **changes,
    }


def lines(**changes: object) -> list[str]:
    return systemd_unit(values(**changes)).splitlines()


def test_unit_is_the_golden_file() -> None:
    assert systemd_unit(values()) == (GOLDEN / "ollama.service").read_text()


@pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd is not installed"
)
@pytest.mark.parametrize(
    ("text", "complaint"), [("", False), ("MemoryMax=much\n", True)]
)
def test_systemd_reads_every_line(
    tmp_path: Path,
    text: str,
    complaint: bool,  # noqa: FBT001 - a column of the table
) -> None:
    unit = tmp_path / "ollama.service"
    made = systemd_unit(values(command=["/bin/true", "100%", 'a "b" $c']))
    unit.write_text(made.replace("[Install]", f"{text}[Install]"))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(unit)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    # Releases before 254 do not know the two that make the pause grow, and ignore them.
    said = [
        line
        for line in done.stderr.splitlines()
        if unit.name in line and "'Restart" not in line
    ]
    assert bool(said) is complaint, done.stderr


def test_words_reach_the_program_as_they_are() -> None:
    found = lines(command=["/bin/x", "a b", 'q"', "back\\", "$HOME", "100%", ""])
    assert 'ExecStart="/bin/x" "a b" "q\\"" "back\\\\" "$$HOME" "100%%" ""' in found
    # Environment= does not expand $: a doubled one would stay doubled.
    assert 'Environment="A=$x %%"' in lines(environment={"A": "$x %"})


def test_numbers_of_the_environment_are_text() -> None:
    assert 'Environment="PORT=8080"' in lines(environment={"PORT": 8080})
    with pytest.raises(InputError, match=r"got `bool`.*environment"):
        lines(environment={"ON": True})


def test_limits_are_left_out_where_there_are_none() -> None:
    found = lines(limits={})
    assert "LimitNOFILE=8192" in found
    assert not [line for line in found if line.startswith("Memory") and "Max" in line]


def test_writable_code_is_a_choice() -> None:
    assert "MemoryDenyWriteExecute=yes" in lines()
    assert "MemoryDenyWriteExecute=yes" not in lines(writable_code=True)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"name": "Ollama"}, "name:"),
        ({"name": "a" * 49}, "name:"),
        ({"name": "a/../b"}, "name:"),
        ({"user": "root;x"}, "user: 'root;x' is not the name of an account"),
        ({"group": ""}, "group:"),
        ({"description": "x\nUser=root"}, "description:.*control character"),
        ({"command": ["/bin/x", "\n"]}, "command:.*control character"),
        ({"environment": {"A": "x\x00"}}, "environment:.*control character"),
        ({"environment": {"A B": "x"}}, "environment: 'A B'"),
        ({"command": []}, "command: it is empty"),
        ({"command": ["ollama"]}, "command: 'ollama' is not an absolute path"),
        ({"working_dir": "/var/../etc"}, "working_dir:"),
        ({"folders": ["var/lib"]}, "folders:.*not a plain absolute path"),
        ({"folders": ["/var/lib"]}, "folders: /var/lib belongs to the system"),
        ({"folders": ["/etc/ollama"]}, "folders: /etc/ollama belongs"),
        ({"limits": {"nofile": 1}}, "service ollama:.*>= 64.*nofile"),
        ({"limits": {"memory": 1}}, "unknown field `memory`"),
        ({"stop_seconds": 0}, "stop_seconds"),
        ({"shell": "/bin/sh"}, "unknown field `shell`"),
    ],
)
def test_what_cannot_be_a_service_is_refused(
    change: dict[str, Any], problem: str
) -> None:
    with pytest.raises(InputError, match=problem):
        systemd_unit(values(**change))


def test_everything_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(InputError, match=r"(?s)name:.*user:.*command:.*remedy:"):
        systemd_unit(values(name="A", user="B", command=[]))


@pytest.mark.parametrize("folder", [*sorted(SHARED_FOLDERS), "/", "/usr/bin/x"])
def test_shared_folders_are_nobodys(folder: str) -> None:
    assert folder_problems([folder])


def test_own_folders_are_fine() -> None:
    own = ["/var/lib/ollama", "/srv/models", "/Library/Application Support/Forge/x"]
    assert folder_problems(own) == []
