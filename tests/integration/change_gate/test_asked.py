"""Playbooks that ask the gate first, run for real."""

import json
from typing import TYPE_CHECKING, Any

import pytest

from forge.runs import journal

if TYPE_CHECKING:
    from tests.integration.change_gate.conftest import Room

GUARD = {
    "name": "Guard",
    "hosts": "worker-01",
    "gather_facts": False,
    "roles": [
        {"role": "engine_guard", "engine_guard_name": "x", "engine_guard_port": 1}
    ],
}


def runs(room: "Room") -> list[journal.Run]:
    return [journal.load(room.state, name) for name in journal.names(room.state)]


def applied(room: "Room") -> dict[str, Any]:
    file = room.state / "testbed" / "applied.json"
    body: dict[str, Any] = json.loads(file.read_text())["body"]
    return body


def test_a_first_installation_is_judged_in_process(forge: "Room") -> None:
    done = forge.run(forge.gated(GUARD))
    assert "ALLOW by install" in done.stdout
    assert forge.touched() == {"worker-01"}, "the role went on to its host"
    (run,) = runs(forge)
    judged = run.first("judged")
    assert (judged["verdict"], judged["by"]) == ("allow", "install")
    assert judged["plan"].startswith("sha256:")
    assert judged["policy"]
    marks = {host["attempt"] for host in applied(forge)["hosts"].values()}
    assert marks == {judged["plan"]}, "what failed is unknown"


def test_a_run_that_ends_well_is_what_is_applied(forge: "Room") -> None:
    assert forge.run(forge.installing()).returncode == 0
    hosts = applied(forge)["hosts"]
    assert len(hosts) == 8
    assert {host["attempt"] for host in hosts.values()} == {""}
    (run,) = runs(forge)
    assert sorted(run.first("applied")["hosts"]) == sorted(hosts)
    assert {host["run"] for host in hosts.values()} == {run.name}


@pytest.mark.parametrize(
    ("name", "words"),
    [
        pytest.param("site.yml", ["--tags", "clawlaw"], id="tags"),
        pytest.param("site.yml", ["--skip-tags", "verify"], id="skipped tags"),
        pytest.param("k3s.yml", [], id="a part"),
    ],
)
def test_a_part_of_an_allowed_plan_is_recorded_as_well(
    forge: "Room", name: str, words: list[str]
) -> None:
    assert forge.run(forge.installing(name), *words).returncode == 0
    assert not any(host["attempt"] for host in applied(forge)["hosts"].values())


def test_a_part_without_the_gate_leaves_the_room_being_installed(forge: "Room") -> None:
    for _ in range(2):
        done = forge.run(forge.gated(name="tier1_cluster.yml"))
        assert done.returncode == 0, done.stdout
        assert "ALLOW by install" in done.stdout
    hosts = applied(forge)["hosts"]
    assert {name for name, host in hosts.items() if host["attempt"]} == {"m4-pro"}
    assert forge.run(forge.installing()).returncode == 0
    assert not any(host["attempt"] for host in applied(forge)["hosts"].values())
    assert forge.run(forge.gated(name="tier1_cluster.yml")).returncode == 3


def test_a_limit_marks_the_hosts_that_it_names(forge: "Room") -> None:
    done = forge.run(forge.gated(name="site.yml"), "--limit", "worker-01,worker-02")
    assert done.returncode == 0, done.stdout
    assert sorted(applied(forge)["hosts"]) == ["worker-01", "worker-02"]


def test_the_same_plan_after_a_failure_keeps_its_verdict(forge: "Room") -> None:
    for _ in range(2):
        assert "ALLOW by install" in forge.run(forge.gated(GUARD)).stdout
    first, second = runs(forge)
    assert first.first("judged")["plan"] == second.first("judged")["plan"]


def test_check_mode_shows_the_verdict_and_records_nothing(forge: "Room") -> None:
    done = forge.run(forge.gated(name="site.yml"), "--check")
    assert done.returncode == 0, done.stdout
    assert "by preview" in done.stdout
    assert not (forge.state / "testbed" / "applied.json").exists()


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(["--start-at-task", "Load the table"], id="start at task"),
        pytest.param(["--skip-tags", "always"], id="skipped tags"),
    ],
)
def test_a_gate_that_is_skipped_allows_nothing(forge: "Room", words: list[str]) -> None:
    done = forge.run(forge.gated(GUARD), *words)
    assert "ALLOW" not in done.stdout
    assert forge.touched() == set()
    assert not (forge.state / "testbed" / "applied.json").exists()


@pytest.mark.parametrize(
    "given", ["forge_topology={}", "__change_gate=allow", "forge_verdict=allow"]
)
def test_what_a_run_says_to_itself_cannot_be_given(forge: "Room", given: str) -> None:
    done = forge.run(forge.gated(GUARD), "--extra-vars", given)
    assert done.returncode != 0
    assert forge.touched() == set()
