"""`clawlaw drill` and `agents tokens` against the real daemon."""

import getpass
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.integration.agents.test_agents import SECONDS, UID, Boundary

from clawlaw.cli import drill_steps, experiment
from clawlaw.cli.agent_exercise import door
from clawlaw.cli.experiment import Order


def clawlaw(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "clawlaw", *words],
        capture_output=True, text=True, check=False, timeout=SECONDS,
    )  # fmt: skip


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Boundary]:
    """A gate that serves, with an agent and a drill's steward; answers wait 8 s."""
    tmp_path.chmod(0o755)
    made = Boundary(tmp_path)
    (tmp_path / "drill").mkdir(mode=0o700)
    said = json.loads(clawlaw("drill", "steward", str(tmp_path / "drill")).stdout)
    assert said["fresh"]
    with made.config.open("a") as config:
        config.write(
            f"  - {{unix: {tmp_path}/steward.sock, rights: [steward]}}\n"
            f'escalation: {{deadline: 8, stewards: ["{said["line"]}"]}}\n'
        )
    assert made.agents("add", "developer", "--uid", str(UID)).returncode == 0
    made.start()
    yield made
    made.stop()


def test_one_escalation_is_approved_and_one_expires(gate: Boundary) -> None:
    done = clawlaw(
        "drill", "escalation", "developer", "--steward", str(gate.folder / "drill"),
        "--account", getpass.getuser(), "--config", str(gate.config),
        "--credentials", str(gate.tokens), "--wait", "20", "--json",
    )  # fmt: skip
    said = json.loads(done.stdout)
    assert (done.returncode, said["good"]) == (0, True), said
    assert [step["said"] for step in said["steps"]] == [
        "escalate", "approved", "allow", "escalate", "expired"
    ]  # fmt: skip


def test_another_steward_approves_nothing(gate: Boundary) -> None:
    other = gate.folder / "other"
    other.mkdir(mode=0o700)
    assert clawlaw("drill", "steward", str(other)).returncode == 0
    here = door("developer", gate.config, gate.tokens)
    steps = drill_steps.escalate(here, other, getpass.getuser(), 0)
    assert [step.good for step in steps] == [True, False]
    assert "no steward of this gate has that key" in steps[-1].said


def test_a_deadline_that_is_far_off_is_not_waited_for(gate: Boundary) -> None:
    here = door("developer", gate.config, gate.tokens)
    steps = drill_steps.escalate(here, gate.folder / "drill", getpass.getuser(), 1)
    assert steps[-1].said.startswith("not waited for: ")
    assert not steps[-1].good


def test_a_steward_that_is_there_is_kept(tmp_path: Path) -> None:
    words = ("drill", "steward", str(tmp_path))
    said = [json.loads(clawlaw(*words).stdout) for _ in range(2)]
    assert [found.pop("fresh") for found in said] == [True, False]
    assert said[0] == said[1]
    assert [f.stat().st_mode & 0o777 for f in sorted(tmp_path.iterdir())] == [0o600] * 3


def test_the_same_actions_are_performed_with_and_without(gate: Boundary) -> None:
    here = door("developer", gate.config, gate.tokens)
    work = gate.work / "developer"
    work.mkdir()
    done = experiment.perform(Order(here.address, here.token, str(work), 25))
    assert done.good, done.refused
    assert list(done.milliseconds) == ["without", "verdict", "with"]
    assert list(work.iterdir()) == []
    kinds = clawlaw("verify", str(gate.folder / "log"), "--json").stdout
    assert json.loads(kinds)["kinds"]["performed"] == 20  # no executor, no commands


def test_what_is_not_allowed_is_told(gate: Boundary) -> None:
    here = door("developer", gate.config, gate.tokens)
    hooks = gate.work / ".git" / "hooks"
    hooks.mkdir(parents=True)
    done = experiment.perform(Order(here.address, here.token, str(hooks), 5))
    assert not done.good
    assert any(reason.startswith("write: ") for reason in done.refused)


def test_tokens_are_made_kept_and_removed(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root gives files away")
    words = ("agents", "tokens", "--credentials", str(tmp_path))
    first = json.loads(clawlaw(*words, "one=nobody", "two=daemon").stdout)
    assert [agent["fresh"] for agent in first["agents"].values()] == [True, True]
    then = json.loads(clawlaw(*words, "one=nobody").stdout)
    assert then["removed"] == ["two"]
    assert not then["agents"]["one"]["fresh"]
    assert then["agents"]["one"]["digest"] == first["agents"]["one"]["digest"]
    assert [file.name for file in tmp_path.iterdir()] == ["one.token"]
    refused = clawlaw(*words, "one=nobody-at-all")
    assert refused.returncode == 2
    assert "no account" in refused.stderr
    assert json.loads(clawlaw(*words).stdout)["removed"] == ["one"]
