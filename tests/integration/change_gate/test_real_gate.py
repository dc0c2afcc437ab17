"""Playbooks before a real gate: what it does not allow touches no host."""

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from tests.integration.change_gate.boundary import approve

from clawlaw.evidence.schema import Consumed, Decided, Performed
from forge.runs.delivery import DELIVERED
from forge.runs.journal import FOLDER

if TYPE_CHECKING:
    from tests.integration.change_gate.boundary import Boundary

REACH = {
    "name": "Reach one host",
    "hosts": "worker-01",
    "gather_facts": False,
    "tasks": [{"name": "Reach it", "ansible.builtin.ping": None}],
}


def run(boundary: "Boundary", *plays: Any) -> tuple[int, str, set[str]]:
    """Run a playbook: its exit status, what it says, the hosts that it touched."""
    room = boundary.room
    room.forget()
    done = room.run(room.gated(*plays))
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
    status, said, touched = run(boundary, REACH)
    assert (status, touched) == (4, set()), said
    assert approve(boundary.house, asked(said)) == 0

    boundary.propose(9443, 9444)  # changed after the approval
    status, said, touched = run(boundary, REACH)
    assert (status, touched) == (4, set()), said
    assert asked(said)
    assert consumed(boundary) == 0

    boundary.propose(9443)
    status, said, touched = run(boundary, REACH)
    assert "ALLOW by gate" in said
    assert (status, touched) == (4, {"worker-01"}), "the run went on to its host"
    assert consumed(boundary) == 1

    status, said, touched = run(
        boundary, REACH
    )  # the host failed: the same plan, once more
    assert (status, touched) == (4, set()), said
    assert asked(said)
    assert consumed(boundary) == 1


def outcomes(boundary: "Boundary") -> list[tuple[str, str]]:
    """Decisions that the log holds an outcome of, and the outcomes."""
    bodies = [entry.body for entry in boundary.house.entries()]
    return [(b.id, b.status) for b in bodies if isinstance(b, Performed)]


def plans(boundary: "Boundary") -> list[str]:
    """Decisions about plans, the oldest first."""
    bodies = [entry.body for entry in boundary.house.entries()]
    made = [b for b in bodies if isinstance(b, Decided)]
    return [b.id for b in made if b.record.proposal.tool == "forge.apply"]


def told(boundary: "Boundary") -> list[dict[str, Any]]:
    """What the log holds of runs, the oldest first."""
    bodies = [entry.body for entry in boundary.house.entries()]
    made = [b.record.proposal for b in bodies if isinstance(b, Decided)]
    said: list[dict[str, Any]] = [dict(p.arguments) for p in made]
    return [each["record"] for each in said if each.get("kind") == "run"]


def test_the_outcome_of_a_run_comes_to_its_decision(boundary: "Boundary") -> None:
    boundary.house.start()
    assert "ALLOW by gate" in run(boundary, REACH)[1]  # worker-01 cannot be reached
    assert outcomes(boundary) == []
    boundary.house.stop()
    boundary.house.start()
    status, said, _ = run(boundary)
    assert status == 0, said
    first, second = plans(boundary)
    assert outcomes(boundary) == [(first, "failed")]
    assert [(r["decision"], r["result"]) for r in told(boundary)[-1:]] == [
        (first, "failed")
    ]

    # A controller that died before it noted what had arrived.
    (boundary.room.state / FOLDER / DELIVERED).unlink()
    status, said, _ = run(boundary)
    assert status == 0, said
    assert outcomes(boundary) == [(first, "failed"), (second, "done")]


def test_changes_wait_for_the_window_that_is_applied(boundary: "Boundary") -> None:
    boundary.house.start()
    day = datetime.now(UTC) + timedelta(days=3)
    closed = [{"days": [f"{day:%a}".lower()], "opens": "12:00", "minutes": 60}]
    days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
    always = [{"days": days, "opens": "00:00", "minutes": 24 * 60}]
    boundary.propose(forge_change_windows=closed)
    status, said, _ = run(boundary)
    assert (status, "ALLOW by gate" in said) == (0, True), "the first one holds later"
    status, said, _ = run(boundary)
    assert (status, "ALLOW by gate" in said) == (0, True), "no change waits for nothing"

    boundary.propose(forge_change_windows=always)
    status, said, touched = run(boundary)
    assert (status, touched) == (4, set()), said
    assert "the declared window for changes is not open now" in said
    assert approve(boundary.house, asked(said)) == 0
    status, said, _ = run(boundary)
    assert (status, "ALLOW by gate" in said) == (0, True), said

    boundary.propose(forge_change_windows=closed)
    status, said, _ = run(boundary)
    assert (status, "ALLOW by gate" in said) == (0, True), "it is open"
