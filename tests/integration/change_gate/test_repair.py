"""A gate that is dead, and a plan that a steward signed: real runs, real signatures."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.integration.change_gate.steward import Steward

from forge.change.approvals import USED
from forge.runs import delivery, journal

if TYPE_CHECKING:
    from tests.integration.change_gate.conftest import Room

REACH = {
    "name": "Reach one host",
    "hosts": "worker-01",
    "gather_facts": False,
    "tasks": [{"name": "Reach it", "ansible.builtin.ping": None}],
}


@pytest.fixture
def steward(forge: "Room", tmp_path: Path) -> Steward:
    """A room that was converged, whose gate is gone since."""
    assert forge.run(forge.installing()).returncode == 0
    assert forge.touched() == set()
    return Steward(forge, tmp_path)


def last(room: "Room") -> journal.Run:
    return journal.load(room.state, journal.names(room.state)[-1])


def used(room: "Room") -> list[Path]:
    return list((room.state / "testbed").glob(f"{USED}*"))


def test_a_signed_plan_runs_once_while_the_gate_is_dead(steward: Steward) -> None:
    room = steward.room
    book = room.gated(REACH)
    assert room.run(book).returncode == 3
    assert room.touched() == set(), "nothing is touched without an approval"

    approval = str(steward.approved())
    done = room.run(book, FORGE_APPROVAL=approval)
    assert "ALLOW by repair" in done.stdout, done.stdout + done.stderr
    assert room.touched() == {"worker-01"}, "the run went on to its host"
    judged = last(room).first("judged")
    printed = json.loads((steward.folder / "plan.json").read_text())["repair"]
    assert judged["by"] == "repair"
    assert (judged["plan"], judged["policy"]) == (printed["plan"], printed["policy"])
    assert "forge-repairer" in judged["record"]
    assert {f["rule"] for f in judged["findings"]} == {"infra.repair"}
    assert len(used(room)) == 1
    kinds = [r["kind"] for r in delivery.records(room.state, last(room).name)]
    assert kinds == ["run", "verdict", "approval"], "for the gate, when it is back"

    (room.folder / "calls").unlink()
    replayed = room.run(book, FORGE_APPROVAL=approval)
    assert replayed.returncode == 3, replayed.stdout
    assert "was used before" in last(room).first("refused")["why"]
    assert room.touched() == set()


def test_a_plan_that_changed_since_is_refused(steward: Steward) -> None:
    room = steward.room
    approval = str(steward.approved())
    given = {"k3s_kubelet_extra": ["x"]}
    done = room.run(room.gated(REACH), "-e", json.dumps(given), FORGE_APPROVAL=approval)
    assert done.returncode == 3, done.stdout
    assert "the approval is for plan" in last(room).first("refused")["why"]
    assert (room.touched(), used(room)) == (set(), [])


def test_a_revoked_key_is_refused(steward: Steward) -> None:
    room = steward.room
    approval = str(steward.approved())
    steward.known.write_text("")
    done = room.run(room.gated(REACH), FORGE_APPROVAL=approval)
    assert done.returncode == 3, done.stdout
    assert "does not count" in last(room).first("refused")["why"]
    assert (room.touched(), used(room)) == (set(), [])


def test_no_approval_opens_the_structure(steward: Steward) -> None:
    room = steward.room
    approval = str(steward.approved())
    whole: dict[str, Any] = json.loads((room.folder / "hosts.yml").read_text())["all"]
    whole["hosts"]["m4-pro"]["k3s_token"] = "x"  # noqa: S105  # of a test
    room.overlay(whole["hosts"])
    printed = json.loads(steward.printed().read_text())["repair"]
    assert printed["verdict"] == "deny"
    done = steward.forge(
        "approve", str(steward.printed()), f"--key={steward.folder / 'alice.pem'}",
        f"--passphrase-file={steward.passphrase}", "--yes", "-m", "x",
        f"--output={steward.folder / 'none.json'}",
    )  # fmt: skip
    assert done.returncode == 3, done.stderr
    assert not (steward.folder / "none.json").exists()
    assert room.run(room.gated(REACH), FORGE_APPROVAL=approval).returncode == 3
    assert room.touched() == set()


def test_a_first_installation_uses_nothing_up(forge: "Room", tmp_path: Path) -> None:
    named = tmp_path / "none.json"
    done = forge.run(forge.gated(REACH), FORGE_APPROVAL=str(named))
    assert "ALLOW by install" in done.stdout
    assert used(forge) == []
