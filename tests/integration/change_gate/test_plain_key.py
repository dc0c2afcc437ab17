"""Uses of a plain key, from the notes of a host to the log of a real gate."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from clawlaw.evidence.schema import Decided

if TYPE_CHECKING:
    from tests.integration.change_gate.boundary import Boundary

LINE = "2026-11-24T02:00:01Z root SHA256:" + "A" * 43


def told(boundary: "Boundary") -> list[dict[str, Any]]:
    """What the log holds of uses."""
    bodies = [entry.body for entry in boundary.house.entries()]
    made = [b.record.proposal for b in bodies if isinstance(b, Decided)]
    said: list[dict[str, Any]] = [dict(p.arguments) for p in made]
    return [each["record"] for each in said if each.get("kind") == "plain_key"]


def test_uses_come_into_the_log_with_the_next_run(
    boundary: "Boundary", tmp_path: Path
) -> None:
    boundary.house.start()
    room, log = boundary.room, tmp_path / "break-glass.log"
    given = {
        "node_base_ssh_plain_key": "break_glass",
        "_node_base_break_glass_log": str(log),
    }
    look = {
        "ansible.builtin.import_role": {"name": "node_base", "tasks_from": "plain_key"},
        "vars": given,
    }
    play = {"hosts": "m4-pro", "gather_facts": False, "tasks": [look]}
    for note in ("", f"{LINE}\n"):  # none yet, and one
        if note:
            log.write_text(note)
        done = room.run(room.gated(play))
        assert done.returncode == 0, done.stdout + done.stderr
        assert told(boundary) == []
    assert room.run(room.gated()).returncode == 0
    assert told(boundary) == [
        {"host": "m4-pro", "uses": 1, "last": [LINE], "unreadable": 0}
    ]
