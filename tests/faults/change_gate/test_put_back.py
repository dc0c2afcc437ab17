"""An applied state older than the last run: refused before any host is touched."""

from typing import TYPE_CHECKING

from forge.runs import journal

if TYPE_CHECKING:
    from tests.integration.change_gate.boundary import Boundary

REACH = {
    "name": "Reach one host",
    "hosts": "worker-01",
    "gather_facts": False,
    "tasks": [{"name": "Reach it", "ansible.builtin.ping": None}],
}


def test_an_older_record_that_is_put_back(boundary: "Boundary") -> None:
    boundary.house.start()
    room = boundary.room
    file = room.state / "testbed" / "applied.json"
    old = file.read_bytes()
    assert room.run(room.gated()).returncode == 0
    newest = file.read_bytes()
    assert newest != old

    file.write_bytes(old)
    done = room.run(room.gated(REACH))
    assert done.returncode == 1, done.stdout
    last = journal.load(room.state, journal.names(room.state)[-1])
    assert "an older one was put back" in last.first("refused")["why"]
    assert (room.touched(), file.read_bytes()) == (set(), old)

    file.write_bytes(newest)
    assert "ALLOW by gate" in room.run(room.gated(REACH)).stdout
    # The run failed: what it began with is newer than what ended well before it.
    file.write_bytes(newest)
    assert room.run(room.gated(REACH)).returncode == 1

    file.unlink()  # lost, which is no older one: the gate judges the plan
    assert "by gate" in room.run(room.gated(REACH)).stdout
