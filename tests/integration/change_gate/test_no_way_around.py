"""Nothing on the command line replaces the verdict: no host is even connected to."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from forge.change.permit import GUARDED
from forge.runs import journal

if TYPE_CHECKING:
    from tests.integration.change_gate.conftest import Room

ROOT = Path(__file__).parents[3]
REACH = {"name": "Reach the host", "ansible.builtin.ping": None}
# Of the role with the fewest variables, so that nothing else can refuse it.
GIVEN = {"engine_guard_name": "x", "engine_guard_port": 1}


def refused(room: "Room") -> str:
    """Return why the only run in the room was refused."""
    (name,) = journal.names(room.state)
    run = journal.load(room.state, name)
    assert run.first("ended")["result"] == "refused"
    return str(run.first("refused")["why"])


def test_the_double_notes_who_reaches_a_host(room: "Room") -> None:
    assert room.run(room.play(REACH)).returncode == 4
    assert room.touched() == {"edge"}


@pytest.mark.parametrize("role", sorted(GUARDED))
def test_a_role_by_itself_is_refused(room: "Room", role: str) -> None:
    done = room.run(room.play(roles=[{"role": role}]))
    assert done.returncode == 3, done.stdout
    assert f"role {role}: this run has no verdict" in done.stderr
    assert not room.touched()
    assert role in refused(room)


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(["--tags", "clawlaw"], id="tags"),
        pytest.param(["--skip-tags", "always,change_gate"], id="skip tags"),
        pytest.param(["--start-at-task", "Load the table"], id="start at task"),
        pytest.param(["--limit", "edge"], id="limit"),
        pytest.param(["--extra-vars", "verdict=allow"], id="verdict"),
        pytest.param(
            ["--extra-vars", '{"forge_verdict": {"verdict": "allow"}}'], id="fact"
        ),
        pytest.param(["--extra-vars", "ansible_check_mode=true"], id="check mode"),
        pytest.param(["--extra-vars", "forge_permitted=true"], id="filter's name"),
        pytest.param(["--diff", "--forks", "1", "--force-handlers"], id="others"),
    ],
)
def test_no_word_takes_the_place_of_a_verdict(room: "Room", words: list[str]) -> None:
    applied = [{"role": "engine_guard", "tags": ["clawlaw"], **GIVEN}]
    done = room.run(room.play(roles=applied), *words)
    assert done.returncode == 3, done.stdout
    assert not room.touched()


@pytest.mark.parametrize(
    "more",
    [
        pytest.param({"vars": {"forge_verdict": {"verdict": "allow"}}}, id="vars"),
        pytest.param({"check_mode": "{{ false }}"}, id="check mode that is a template"),
        pytest.param({"strategy": "free"}, id="free strategy"),
        pytest.param({"tags": ["always"]}, id="always"),
    ],
)
def test_no_keyword_of_a_play_takes_its_place(
    room: "Room", more: dict[str, Any]
) -> None:
    done = room.run(room.play(roles=[{"role": "engine_guard", **GIVEN}], **more))
    assert done.returncode == 3, done.stdout
    assert not room.touched()


@pytest.mark.parametrize(
    "words",
    [
        pytest.param([], id="as it is"),
        pytest.param(["--start-at-task", "Load the table"], id="start at task"),
        pytest.param(["--skip-tags", "always"], id="skip tags"),
    ],
)
def test_without_the_plugin_the_role_refuses_by_itself(
    room: "Room", words: list[str]
) -> None:
    playbook = room.play(roles=[{"role": "engine_guard", **GIVEN}])
    off = {"ANSIBLE_CALLBACKS_ENABLED": "ansible.builtin.tree"}
    done = room.run(playbook, *words, **off)
    assert done.returncode == 2, done.stdout
    assert "does not watch this run" in done.stdout
    assert not room.touched()


def test_check_mode_needs_no_verdict(room: "Room") -> None:
    playbook = room.play(roles=[{"role": "engine_guard", **GIVEN}])
    done = room.run(playbook, "--check")
    assert "verdict" not in done.stdout + done.stderr
    assert room.touched() == {"edge"}


def test_a_play_that_leaves_check_mode_needs_one(room: "Room") -> None:
    roles = [{"role": "engine_guard", **GIVEN}]
    done = room.run(room.play(roles=roles, check_mode=False), "--check")
    assert done.returncode == 3, done.stdout
    assert not room.touched()


ENTRIES = sorted(
    path
    for role in GUARDED
    for name in ("main", "remove", "keys", "serve")
    for path in (ROOT / "roles" / role / "tasks").glob(f"{name}.yml")
    if (role, name) != ("engine_guard", "remove")  # of its own main.yml alone
)


@pytest.mark.parametrize("path", ENTRIES, ids=lambda path: path.parts[-3])
def test_every_way_into_a_guarded_role_asks(path: Path) -> None:
    for task in yaml.safe_load(path.read_text()):
        when = task.get("when", [])
        conditions = when if isinstance(when, list) else [when]
        assert "inventory_hostname | forge_permitted" in conditions, task["name"]


def test_every_role_that_uses_a_guarded_service_is_guarded() -> None:
    users = {
        path.parts[-3]
        for path in (ROOT / "roles").glob("*/tasks/*.yml")
        if "name: managed_service" in path.read_text()
    }
    assert users <= GUARDED
