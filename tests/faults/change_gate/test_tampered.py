"""An applied state that is not the one in the gate's log: no host is touched.

Whoever does this has the controller's key and its records of the runs: nothing beside
the applied state says that it is another one, but the gate does.
"""

import json
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from tests.integration.change_gate.steward import Steward

from clawlaw.evidence.schema import Decided
from forge.change.applied import decode, encode
from forge.change.running import PROPOSED
from forge.change.store import KEY_FILE, RECORD_FILE
from forge.runs import journal

if TYPE_CHECKING:
    from tests.integration.change_gate.boundary import Boundary

REACH = {
    "name": "Reach one host",
    "hosts": "worker-01",
    "gather_facts": False,
    "tasks": [{"name": "Reach it", "ansible.builtin.ping": None}],
}


def proposals(boundary: "Boundary") -> int:
    """Plans that the gate was asked about."""
    bodies: Iterable[object] = (entry.body for entry in boundary.house.entries())
    made = [b.record.proposal.tool for b in bodies if isinstance(b, Decided)]
    return made.count("forge.apply")


def refused(boundary: "Boundary") -> str:
    """Run the playbook; why it ended before any host and before any question."""
    room, before = boundary.room, proposals(boundary)
    room.forget()
    done = room.run(room.gated(REACH))
    assert done.returncode == 1, done.stdout + done.stderr
    assert (room.touched(), proposals(boundary)) == (set(), before)
    last = journal.load(room.state, journal.names(room.state)[-1])
    return str(last.first("refused")["why"])


def allowed(boundary: "Boundary") -> None:
    room = boundary.room
    done = room.run(room.gated())
    assert (done.returncode, "ALLOW by gate" in done.stdout) == (0, True), (
        done.stdout + done.stderr
    )


def put_back(kept: Path, state: Path) -> None:
    shutil.rmtree(state)
    shutil.copytree(kept, state)


def test_all_of_the_controllers_state_put_back(
    boundary: "Boundary", tmp_path: Path
) -> None:
    boundary.house.start()
    state = boundary.room.state
    allowed(boundary)
    shutil.copytree(state, tmp_path / "old")
    allowed(boundary)
    shutil.copytree(state, tmp_path / "new")

    put_back(tmp_path / "old", state)
    boundary.house.stop()
    boundary.house.start()  # what it knows is in its log
    why = refused(boundary)
    assert "was edited or put back" in why
    assert "the gate's log has sha256:" in why
    assert "remedy: restore the folder of the controller's state" in why

    put_back(tmp_path / "new", state)
    allowed(boundary)
    put_back(tmp_path / "old", state)
    (state / "testbed" / RECORD_FILE).unlink()  # lost, which is no other one
    room = boundary.room
    assert "ESCALATE by gate" in room.run(room.gated(REACH)).stdout


def test_an_edit_by_who_has_the_key(boundary: "Boundary") -> None:
    boundary.house.start()
    allowed(boundary)
    state = boundary.room.state
    file = state / "testbed" / RECORD_FILE
    key = (state / "testbed" / KEY_FILE).read_bytes()
    record = decode(file.read_bytes(), key)
    hosts = dict(record.hosts)
    some = hosts["worker-04"]
    facts = {**some.facts, "vars.forge_flows": json.dumps([])}
    hosts["worker-04"] = msgspec.structs.replace(some, facts=facts)
    file.write_bytes(encode(msgspec.structs.replace(record, hosts=hosts), key))
    for run in (state / "runs").glob("*.jsonl"):
        run.unlink()
    assert record.digest() in refused(boundary), "the one that it should be"


def test_a_run_that_died_before_it_wrote_is_gone_on_from(
    boundary: "Boundary", tmp_path: Path
) -> None:
    boundary.house.start()
    room, state = boundary.room, boundary.room.state
    allowed(boundary)
    shutil.copytree(state, tmp_path / "old")
    assert "ALLOW by gate" in room.run(room.gated(REACH)).stdout
    announced = (state / "testbed" / PROPOSED).read_bytes()

    put_back(tmp_path / "old", state)
    assert "was edited or put back" in refused(boundary)
    (state / "testbed" / PROPOSED).touch(mode=0o600)
    (state / "testbed" / PROPOSED).write_bytes(announced)
    allowed(boundary)


def test_a_repair_is_no_edit(boundary: "Boundary", tmp_path: Path) -> None:
    boundary.house.start()
    allowed(boundary)
    boundary.house.stop()
    room, folder = boundary.room, tmp_path / "steward"
    folder.mkdir()
    approval = str(Steward(room, folder).approved())
    done = room.run(room.gated(), FORGE_APPROVAL=approval)
    assert "ALLOW by repair" in done.stdout, done.stdout + done.stderr
    boundary.house.start()
    allowed(boundary)
    allowed(boundary)


def test_check_mode_does_not_compare(boundary: "Boundary", tmp_path: Path) -> None:
    """It asks nobody: what it shows is a preview, whatever the gate has."""
    boundary.house.start()
    allowed(boundary)
    shutil.copytree(boundary.room.state, tmp_path / "old")
    allowed(boundary)
    put_back(tmp_path / "old", boundary.room.state)
    room = boundary.room
    assert room.run(room.gated(), "--check").returncode == 0
