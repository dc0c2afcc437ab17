"""Robots and their secrets, against a double of Harbor's documented contract."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.integration.harbor.conftest import Lab

FULL = "robot$models+ci"


def robot(lab: Lab, **changes: Any) -> dict[str, Any]:
    access = ["repository:pull", "repository:push"]
    return {
        "harbor_robot": {
            "name": "ci", "project": "models",
            "permissions": [{"project": "models", "access": access}],
            "secret_path": str(lab.folder / "ci.json"), **changes,
        }
    }  # fmt: skip


def kept(lab: Lab) -> dict[str, str]:
    return dict(json.loads((lab.folder / "ci.json").read_text()))


@pytest.fixture(autouse=True)
def _project(lab: Lab) -> None:
    lab.double.objects.make_project({"project_name": "models"})


def test_check_make_again_with_the_secret_in_a_private_file_alone(lab: Lab) -> None:
    path = lab.folder / "ci.json"
    checked = lab.run(robot(lab), flags=("--check",))
    assert checked.changed == [True], checked.text
    assert not path.exists()
    assert lab.double.writes == []

    made = lab.run(robot(lab), flags=("-vvv",))
    assert made.ok, made.text
    assert made.results[0]["full_name"] == FULL
    secret = lab.double.objects.secrets[FULL]
    assert kept(lab) == {"name": FULL, "secret": secret}
    assert path.stat().st_mode & 0o777 == 0o600
    assert secret not in made.text
    assert lab.double.objects.admin_password not in made.text
    again = lab.run(robot(lab), robot(lab), flags=("-vvv",))
    assert again.changed == [False, False], again.text
    assert secret not in again.text
    assert [file.name for file in lab.folder.glob(".ci*")] == []


def test_rights_that_others_changed_are_shown_and_put_right(lab: Lab) -> None:
    assert lab.run(robot(lab)).ok
    [there] = lab.double.objects.robots.values()
    there["permissions"][0]["access"].append({"resource": "tag", "action": "delete"})
    there["disable"] = True
    found = lab.run(robot(lab), flags=("--check",))
    diff = found.results[0]["diff"]
    assert "tag:delete" in diff["before"]["permissions"]["models"]
    assert "tag:delete" not in diff["after"]["permissions"]["models"]
    assert diff["before"]["disabled"] is True
    assert lab.run(robot(lab)).ok
    assert lab.run(robot(lab)).changed == [False]
    assert len(there["permissions"][0]["access"]) == 2


def test_a_lost_or_dead_secret_is_made_anew(lab: Lab) -> None:
    assert lab.run(robot(lab)).ok
    first, path = kept(lab)["secret"], lab.folder / "ci.json"
    path.unlink()
    lost = lab.run(robot(lab))
    assert lost.results[0]["done"] == [f"secret of {FULL}"]
    second = kept(lab)["secret"]
    assert second != first
    lab.double.objects.secrets[FULL] = "Another-1-by-hand"
    assert lab.run(robot(lab), flags=("--check",)).changed == [True]
    assert kept(lab)["secret"] == second
    assert lab.run(robot(lab), robot(lab)).changed == [True, False]
    assert kept(lab)["secret"] == lab.double.objects.secrets[FULL]
    path.chmod(0o644)
    assert lab.run(robot(lab)).results[0]["done"] == [f"mode of {path}"]
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_robot_of_the_system_and_its_end(lab: Lab) -> None:
    rights = [
        {"project": "*", "access": ["repository:pull"]},
        {"project": "/", "access": ["project:list"]},
    ]
    task = robot(lab, project=None, permissions=rights, duration_days=-1)
    del task["harbor_robot"]["project"]
    assert lab.run(task, task).changed == [True, False]
    [there] = lab.double.objects.robots.values()
    assert (there["level"], there["name"]) == ("system", "robot$ci")
    assert [each["kind"] for each in there["permissions"]] == ["project", "system"]
    task["harbor_robot"]["state"] = "absent"
    assert lab.run(task, task).changed == [True, False]
    assert lab.double.objects.robots == {}
    assert not (lab.folder / "ci.json").exists()


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"name": "CI"}, "robot 'CI': a name is lower-case letters"),
    ({"permissions": []}, "permissions give nothing; give each project a list"),
    ({"duration_days": 0}, "duration_days is 0; give 1 or more"),
    ({"project": "other"}, "can have rights there alone, not on ['models']"),
    ({"secret_path": "/nowhere/ci.json"}, "so Harbor was not asked for a secret"),
    ({"prefix": "bot-"}, "set prefix to Harbor's robot_name_prefix"),
    ({"password": "wrong"}, "refuses the credentials"),
    (
        {"permissions": [{"project": "models", "access": ["pull"]}]},
        "permissions give ['pull']",
    ),
]


def test_errors_leave_no_robot_and_no_file(lab: Lab) -> None:
    tasks = [robot(lab, **changes) for changes, _ in REFUSED]
    done = lab.run(*tasks, on_error="go on")
    assert len(done.results) == len(REFUSED)
    for result, (changes, said) in zip(done.results, REFUSED, strict=True):
        assert result.get("failed"), changes
        assert said in result["msg"]
    assert lab.double.objects.robots == {}
    assert not (lab.folder / "ci.json").exists()


def test_a_missing_project_and_a_missing_right_are_named(lab: Lab) -> None:
    none = [{"project": "none", "access": ["repository:pull"]}]
    done = lab.run(robot(lab, project="none", permissions=none))
    assert "project none is not there: make it first" in done.said
    lab.double.objects.make_robot(_body("reader"))
    lab.double.objects.secrets["robot$reader"] = "Aa1-of-the-reader"
    as_reader = {"username": "robot$reader", "password": "Aa1-of-the-reader"}
    refused = lab.run(robot(lab, **as_reader))
    assert "HTTP 403, FORBIDDEN: forbidden; give an account that may" in refused.said


def test_an_expired_robot_is_told(lab: Lab) -> None:
    assert lab.run(robot(lab)).ok
    [there] = lab.double.objects.robots.values()
    there["expires_at"] = 1
    assert "expired at 1970-01-01" in lab.run(robot(lab)).said
    assert lab.run(robot(lab, duration_days=400)).ok
    assert lab.run(robot(lab, duration_days=400)).changed == [False]


def test_a_folder_that_is_full_is_told_and_the_rerun_converges(
    lab: Lab, tmp_path: Path
) -> None:
    assert lab.run(robot(lab)).ok
    # A folder in the file's place: the secret cannot be put there.
    path = tmp_path / "ci.json"
    path.unlink()
    path.mkdir()
    done = lab.run(robot(lab))
    assert "secret_path" in done.said
    path.rmdir()
    assert lab.run(robot(lab), robot(lab)).changed == [True, False]


def _body(name: str) -> dict[str, Any]:
    right = {"resource": "repository", "action": "pull"}
    kind = {"kind": "project", "namespace": "models", "access": [right]}
    body = {"name": name, "level": "system", "duration": -1}
    return {**body, "permissions": [kind]}
