"""Playbooks before a real gate: what it does not allow touches no host."""

import re
from typing import TYPE_CHECKING

from tests.integration.change_gate.boundary import approve

from clawlaw.evidence.schema import Consumed

if TYPE_CHECKING:
    from tests.integration.change_gate.boundary import Boundary

REACH = {
    "name": "Reach one host",
    "hosts": "worker-01",
    "gather_facts": False,
    "tasks": [{"name": "Reach it", "ansible.builtin.ping": None}],
}


def run(boundary: "Boundary") -> tuple[int, str, set[str]]:
    """Run a playbook: its exit status, what it says, the hosts that it touched."""
    room = boundary.room
    room.forget()
    done = room.run(room.gated(REACH))
    return done.returncode, done.stdout + done.stderr, room.touched()


def asked(said: str) -> str:
    """Return the case that a run said it left with the stewards."""
    assert "ESCALATE by gate" in said
    found = re.search("clawlaw steward approve (\\w+)", said)
    assert found
    return found[1]


def consumed(boundary: "Boundary") -> int:
    return sum(isinstance(e.body, Consumed) for e in boundary.house.entries())


def test_an_approval_is_for_one_plan_and_for_one_run(boundary: "Boundary") -> None:
    boundary.house.start()
    boundary.propose(9443)
    status, said, touched = run(boundary)
    assert (status, touched) == (4, set()), said
    assert approve(boundary.house, asked(said)) == 0

    boundary.propose(9443, 9444)  # changed after the approval
    status, said, touched = run(boundary)
    assert (status, touched) == (4, set()), said
    assert asked(said)
    assert consumed(boundary) == 0

    boundary.propose(9443)
    status, said, touched = run(boundary)
    assert "ALLOW by gate" in said
    assert (status, touched) == (4, {"worker-01"}), "the run went on to its host"
    assert consumed(boundary) == 1

    status, said, touched = run(boundary)  # the host failed: the same plan, once more
    assert (status, touched) == (4, set()), said
    assert asked(said)
    assert consumed(boundary) == 1
