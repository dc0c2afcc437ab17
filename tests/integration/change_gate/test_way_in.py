"""A run logs in with a certificate of its own: real gate, real sshd, real ssh."""

import json
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.integration.change_gate.boundary import ACCOUNT, Boundary
from tests.integration.change_gate.conftest import Room
from tests.integration.gate.house import House
from tests.integration.gate.sshd import USER, Sshd

from clawlaw.evidence.schema import Certified, Decided
from clawlaw.gate.authority import Authority
from forge.runs.access import FOLDER
from forge.runs.journal import FOLDER as RUNS

SSH = (
    "-F none -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null"
    " -o IdentityAgent=none -o ControlPath=none -o LogLevel=ERROR"
)
REACH = {
    "name": "Reach the studio",
    "hosts": "mac-studio",
    "gather_facts": False,
    "tasks": [
        {
            "name": "Ask who it is",
            "ansible.builtin.raw": "echo in",
            "changed_when": False,
        }
    ],
}

type Made = tuple[Boundary, Sshd]


@pytest.fixture
def studio(forge: Room, make_house: Callable[..., House]) -> Iterator[Made]:
    """The testbed's hosts, converged; mac-studio opens to certificates alone."""
    house = make_house()
    key = house.folder / "authority"
    authority = Authority.make(key)
    with Sshd(house.folder / "studio", "mac-studio", authority.line) as sshd:
        whole = json.loads((forge.folder / "hosts.yml").read_text())["all"]["hosts"]
        whole["mac-studio"] = {
            "ansible_host": "127.0.0.1",
            "ansible_port": sshd.port,
            "ansible_user": USER,
            "ansible_become": False,
            "ansible_ssh_executable": "ssh",
            "ansible_ssh_common_args": SSH,
            "ansible_python_interpreter": sys.executable,
            "node_base_ssh_authority": authority.line,
        }
        forge.overlay(whole)
        done = forge.run(forge.installing())
        assert done.returncode == 0, done.stdout + done.stderr
        boundary = Boundary(forge, house)
        part = {"key": str(key), "principal": ACCOUNT, "hosts": ["mac-studio"]}
        house.more = {**house.more, "ssh": part}
        house.configure()
        yield boundary, sshd


def bodies[T](boundary: Boundary, kind: type[T]) -> list[T]:
    return [e.body for e in boundary.house.entries() if isinstance(e.body, kind)]


def run(boundary: Boundary, *words: str) -> tuple[int, str]:
    done = boundary.room.run(boundary.room.gated(REACH), *words)
    return done.returncode, done.stdout + done.stderr


def test_an_allowed_run_opens_its_host_and_leaves_no_key(studio: Made) -> None:
    boundary, sshd = studio
    boundary.house.start()
    status, said = run(boundary)
    assert status == 0, said
    (certified,) = bodies(boundary, Certified)
    name = certified.key_id.partition("/")[0]
    plans: list[dict[str, Any]] = [
        dict(d.record.proposal.arguments)
        for d in bodies(boundary, Decided)
        if d.id == certified.decision
    ]
    assert certified.key_id == f"{name}/{plans[0]['plan']}"
    (record,) = (boundary.room.state / RUNS).glob(f"*{name}*")
    assert f'"serial":{certified.serial}' in record.read_text().replace(" ", "")
    assert f"ID {certified.key_id} (serial {certified.serial})" in sshd.journal()
    assert list((boundary.room.state / FOLDER).iterdir()) == []


def test_a_gate_that_signs_nothing_leaves_the_inventorys_key(studio: Made) -> None:
    boundary, sshd = studio
    del boundary.house.more["ssh"]  # type: ignore[attr-defined]
    boundary.house.configure()
    boundary.house.start()
    status, said = run(boundary)
    assert status == 4, "it has no such key, and the host is open to certificates alone"
    assert "no certificate: " in said
    assert "Accepted" not in sshd.journal()
    assert list((boundary.room.state / FOLDER).iterdir()) == []


def test_check_mode_asks_for_no_certificate(studio: Made) -> None:
    boundary, sshd = studio
    boundary.house.start()
    run(boundary, "--check")
    assert bodies(boundary, Certified) == []
    assert "Accepted" not in sshd.journal()
