"""forge.platform.macos_account against a double of dscl."""

import json
from pathlib import Path
from typing import Any

import pytest

APPLE = {
    "/Users/_www": {"UniqueID": "70", "PrimaryGroupID": "70"},
    "/Users/_taken": {"UniqueID": "400", "PrimaryGroupID": "20"},
    "/Groups/_www": {"PrimaryGroupID": "70"},
    "/Groups/_also": {"PrimaryGroupID": "401"},
}


class Directory:
    def __init__(self, folder: Path, play: Any) -> None:
        self.file = folder / "double.json"
        self.play = play
        self.write({"records": APPLE, "protected": False, "calls": []})

    def state(self) -> Any:
        return json.loads(self.file.read_text())

    def write(self, state: Any) -> None:
        self.file.write_text(json.dumps(state))

    def run(self, check: bool = False, **options: str) -> Any:  # noqa: FBT001, FBT002 - Ansible's flag
        task = "macos_account", {"name": "_ollama", **options}
        (answer,) = self.play(task, check=check)
        return answer


@pytest.fixture
def directory(tmp_path: Path, play: Any) -> Directory:
    return Directory(tmp_path, play)


def test_an_account_is_hidden_and_nobody_logs_in_to_it(directory: Directory) -> None:
    first, second = directory.run(), directory.run()
    assert (first["changed"], second["changed"]) == (True, False)
    # 400 is a user's already, 401 a group's.
    assert first["number"] == second["number"] == 402
    records = directory.state()["records"]
    assert records["/Users/_ollama"] == {
        "UniqueID": "402",
        "PrimaryGroupID": "402",
        "UserShell": "/usr/bin/false",
        "NFSHomeDirectory": "/var/empty",
        "RealName": "Service of the Forge",
        "IsHidden": "1",
        "Password": "*",
    }
    assert records["/Groups/_ollama"]["PrimaryGroupID"] == "402"
    assert records["/Users/_www"] == APPLE["/Users/_www"]


def test_check_mode_shows_and_makes_nothing(directory: Directory) -> None:
    answer = directory.run(check=True)
    assert answer["changed"]
    assert "/Users/_ollama UserShell: /usr/bin/false" in answer["diff"]["after"]
    assert directory.state()["records"] == APPLE


def test_what_was_changed_by_hand_is_put_right(directory: Directory) -> None:
    directory.run()
    state = directory.state()
    state["records"]["/Users/_ollama"]["UserShell"] = "/bin/zsh"
    directory.write(state)
    answer = directory.run()
    assert answer["diff"]["before"] == "/Users/_ollama UserShell: /bin/zsh\n"
    assert directory.state()["records"]["/Users/_ollama"]["UserShell"] == (
        "/usr/bin/false"
    )
    assert answer["number"] == 402


def test_the_group_alone_is_completed(directory: Directory) -> None:
    """A run that ended between group and user."""
    directory.run()
    state = directory.state()
    del state["records"]["/Users/_ollama"]
    directory.write(state)
    assert directory.run()["number"] == 402


def test_removal_leaves_nothing_of_it(directory: Directory) -> None:
    directory.run()
    checked = directory.run(check=True, state="absent")
    assert checked["diff"]["before"] == "/Users/_ollama\n/Groups/_ollama\n"
    first, second = directory.run(state="absent"), directory.run(state="absent")
    assert (first["changed"], second["changed"]) == (True, False)
    assert directory.state()["records"] == APPLE


@pytest.mark.doc("https://github.com/DeterminateSystems/nix-installer/issues/33")
def test_a_forbidden_removal_says_what_to_allow(directory: Directory) -> None:
    directory.run()
    directory.write({**directory.state(), "protected": True})
    answer = directory.run(state="absent")
    assert answer["failed"]
    assert "eDSPermissionError" in answer["msg"]
    assert "full disk access for remote users" in answer["msg"]


@pytest.mark.parametrize("name", ["ollama", "_", "_A", "_a/b", "_" + "a" * 31])
def test_only_a_services_name_is_taken(directory: Directory, name: str) -> None:
    answer = directory.run(name=name)
    assert answer["failed"]
    assert directory.state()["calls"] == []


def test_no_number_left_is_said(directory: Directory) -> None:
    state = directory.state()
    full = {f"/Users/_u{n}": {"UniqueID": str(n)} for n in range(400, 500)}
    directory.write({**state, "records": full})
    assert "no number from 400 to 499 is free" in directory.run()["msg"]
