"""A gate whose evidence cannot be written: refused before any host is touched."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from tests.faults.gate.test_disk import LATCHED, on

from clawlaw.evidence.schema import Decided

if TYPE_CHECKING:
    from tests.integration.change_gate.boundary import Boundary

REACH = {
    "name": "Reach one host",
    "hosts": "worker-01",
    "gather_facts": False,
    "tasks": [{"name": "Reach it", "ansible.builtin.ping": None}],
}


def refused(boundary: "Boundary") -> None:
    """Run a playbook that an ordinary day allows."""
    room = boundary.room
    room.forget()
    done = room.run(room.gated(REACH))
    assert done.returncode == 3, done.stdout + done.stderr
    assert f"DENY by gate: {LATCHED}" in done.stdout + done.stderr
    assert room.touched() == set()


def allowed(boundary: "Boundary") -> None:
    """Run it on an ordinary day."""
    room = boundary.room
    done = room.run(room.gated(REACH))
    assert "ALLOW by gate" in done.stdout, done.stdout + done.stderr
    assert room.touched() == {"worker-01"}


def plans(boundary: "Boundary") -> int:
    """How many plans the log holds as allowed."""
    bodies = [entry.body for entry in boundary.house.entries()]
    found = [body.record for body in bodies if isinstance(body, Decided)]
    return sum(
        record.proposal.tool == "forge.apply" and record.decision["verdict"] == "allow"
        for record in found
    )


def test_a_disk_that_fails_at_the_verdict(
    boundary: "Boundary", failing_disk: tuple[Path, Callable[[str], None]]
) -> None:
    disk, command = failing_disk
    house = on(disk, boundary.house)
    house.start()
    command("fail fsync EIO 1")
    refused(boundary)
    command("heal")
    refused(boundary)  # nobody knows what the disk lost
    house.stop()
    assert plans(boundary) == 0
    house.start()
    allowed(boundary)
    assert plans(boundary) == 1


def test_a_disk_that_is_full(boundary: "Boundary", small_disk: Path) -> None:
    house = on(small_disk, boundary.house)
    house.start()
    filler = small_disk / "filler"
    with filler.open("wb", buffering=0) as file:
        while True:
            try:
                file.write(bytes(4096))
            except OSError:
                break
    # What was preallocated takes some decisions yet.
    while house.propose(path="a")["reason"] != LATCHED:
        pass
    refused(boundary)
    filler.unlink()
    refused(boundary)
    house.stop()
    house.start()
    allowed(boundary)
