"""Plans before a real gate, through the module that runs on its host."""

import json
import os
import pwd
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.integration.change_gate.boundary import PASSPHRASE, approve, govern
from tests.integration.gate.house import House
from tests.unit.change.plans import host, impact, plan

from clawlaw.evidence.schema import Consumed, Decided
from clawlaw.gate.stewards import load
from forge.change.approvals import STEWARDS, repair, sign
from forge.change.model import BlastRadius, Effect, Plan
from forge.change.proposal import propose
from forge.change.verdict import Path as Way
from forge.change.verdict import Verdict, by_gate, decide, require
from forge.errors import ForgeError
from forge.runs import delivery
from forge.runs.recorder import Recorder

CHECKOUT = Path(__file__).parents[3]
ACCOUNT = pwd.getpwnam("nobody") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
SERVERS = tuple(host(f"control-0{n}") for n in (1, 2, 3, 4, 5))


class Gate:
    """A gate with the change gate's laws, and the module before it."""

    def __init__(self, house: House, folder: Path) -> None:
        self.house = house
        self._folder = folder

    def run(self, *flags: str, **options: Any) -> tuple[int, dict[str, Any]]:
        """Run the module once: exit status and answer."""
        given = {
            "socket": str(self.house.folder / "gate.sock"),
            "account": ACCOUNT.pw_name,
            **options,
        }
        settings = self._folder / "ansible.cfg"
        collections = CHECKOUT / "collections"
        settings.write_text(f"[defaults]\ncollections_path = {collections}\n")
        environment = os.environ | {
            "ANSIBLE_CONFIG": str(settings),
            "ANSIBLE_LOCAL_TEMP": str(self._folder / "ansible"),
            "ANSIBLE_HOME": str(self._folder / "home"),
            "ANSIBLE_LOAD_CALLBACK_PLUGINS": "1",
            "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json",
        }
        done = subprocess.run(
            [Path(sys.executable).with_name("ansible"), "localhost", *flags,
             "-m", "forge.platform.clawlaw_change", "-a", json.dumps(given)],
            env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        said = json.loads(done.stdout)["plays"][0]["tasks"][0]["hosts"]["localhost"]
        return done.returncode, said

    def judge(self, made: Plan) -> Verdict:
        """Propose a plan; the verdict of the gate."""
        status, said = self.run(proposal=propose(made))
        assert status == 0, said["msg"]
        return by_gate(made, said)


@pytest.fixture
def gate(make_house: Callable[..., House], tmp_path: Path) -> Gate:
    """One that serves, with forge-controller enrolled by its uid."""
    house = make_house()
    govern(house, ACCOUNT.pw_uid)
    house.start()
    return Gate(house, tmp_path)


def bodies[T](house: House, kind: type[T]) -> list[T]:
    return [e.body for e in house.entries() if isinstance(e.body, kind)]


def opened(turn: int = 0) -> Plan:
    flow = f"tcp {9000 + turn} cluster worker-01 -> worker-04"
    return plan(impact(Effect.FLOW_OPENED), blast=BlastRadius(flows_opened=(flow,)))


def test_ordinary_plan_is_allowed_and_in_the_log(gate: Gate) -> None:
    made = plan(impact(Effect.SERVICE_RESTART, hosts=("m4-pro",)))
    verdict = gate.judge(made)
    require(verdict, made)
    assert verdict.path is Way.GATE
    assert verdict.permit
    (decided,) = bodies(gate.house, Decided)
    assert decided.id == verdict.decision
    assert decided.record.proposal.principal == "forge-controller"
    assert decided.record.proposal.arguments["plan"] == made.digest
    status, said = gate.run(
        state="reported", decision=verdict.decision, permit=verdict.permit, seconds=4
    )
    assert (status, said["changed"]) == (0, False)


def test_escalation_is_approved_for_this_plan_once(gate: Gate) -> None:
    first = gate.judge(opened())
    assert (first.verdict, first.gates) == ("escalate", ("infra.flow-opened",))
    with pytest.raises(ForgeError, match="ESCALATE"):
        require(first, opened())
    assert approve(gate.house, first.escalation) == 0
    other = gate.judge(opened(turn=1))
    assert other.verdict == "escalate"
    assert gate.judge(opened()).verdict == "allow"
    assert len(bodies(gate.house, Consumed)) == 1
    assert gate.judge(opened()).verdict == "escalate"


def test_structure_is_denied(gate: Gate) -> None:
    joined = host("m4-pro", groups=("boundary", "k3s_agent"), is_node=True)
    verdict = gate.judge(plan(hosts_after=(joined,)))
    assert (verdict.verdict, verdict.escalation) == ("deny", "")
    assert "infra.boundary-node" in {f.rule for f in verdict.findings}


def test_quorum_is_counted_across_runs_and_restarts_of_the_gate(gate: Gate) -> None:
    verdicts = []
    for n in (5, 4, 3):
        made = plan(hosts_before=SERVERS[:n], hosts_after=SERVERS[: n - 1])
        verdicts.append(gate.judge(made).verdict)
        gate.house.stop()
        gate.house.start()
    assert verdicts == ["allow", "allow", "escalate"]


def test_dead_gate_is_a_denial(gate: Gate) -> None:
    gate.house.stop(signal.SIGKILL)
    status, said = gate.run(proposal=propose(plan()))
    assert status != 0
    assert "nobody decided, which is a denial" in said["msg"]
    assert "refused" not in said, "it is dead, and may be repaired"


def test_account_that_is_not_enrolled_is_refused(gate: Gate) -> None:
    said = json.loads(gate.house.config.read_text())
    agents = [a for a in said["agents"] if a["principal"] != "forge-controller"]
    gate.house.stop()
    said["agents"] = agents
    gate.house.config.write_text(json.dumps(said))
    gate.house.start()
    status, answer = gate.run(proposal=propose(plan()))
    assert status != 0
    assert "does not know who asks" in answer["msg"]
    assert answer["refused"] is True, "it lives, and is not to be done without"


def test_check_mode_asks_nobody(gate: Gate) -> None:
    status, said = gate.run("--check", proposal=propose(opened()))
    assert status == 0
    assert "verdict" not in said
    assert bodies(gate.house, Decided) == []


def test_evidence_of_a_run_comes_into_the_log(gate: Gate) -> None:
    records = [
        {"kind": "run", "digest": "sha256:" + "1" * 64, "record": {"tasks": [1, 2]}},
        {"kind": "applied", "digest": "sha256:" + "2" * 64},
    ]
    runs = [{"run": "r1", "records": records}]
    status, said = gate.run(state="recorded", runs=runs)
    assert status == 0, said["msg"]
    found = bodies(gate.house, Decided)
    assert [d.id for d in found] == said["records"]
    assert found[0].record.proposal.arguments["record"] == {"tasks": [1, 2]}


def test_a_repair_comes_into_the_log_when_the_gate_is_back(
    gate: Gate, tmp_path: Path
) -> None:
    gate.house.stop(signal.SIGKILL)
    folder = tmp_path / "state" / "testbed"
    folder.mkdir(mode=0o700, parents=True)
    key = load(gate.house.folder / "alice.pem", PASSPHRASE)
    (folder / STEWARDS).touch(mode=0o600)
    (folder / STEWARDS).write_text(f"{key.steward.text}\n")
    made, now = opened(), time.time_ns() // 1_000_000
    asked = decide(made, Way.REPAIR, now=now)
    signed = sign(asked, key, platform="testbed", reason="dead", now=now, life=60_000)
    verdict = repair(made, signed, folder, now=now)
    recorder = Recorder(folder.parent, CHECKOUT)
    recorder.started("site.yml", {})
    recorder.judged(msgspec.to_builtins(verdict))
    recorder.ended({})

    def send(sent: Sequence[delivery.Delivery]) -> None:
        (one,) = sent
        assert one.outcome is None, "it was not the gate that allowed it"
        runs = [{"run": one.run, "records": list(one.records)}]
        status, said = gate.run(state="recorded", runs=runs)
        assert status == 0, said["msg"]

    gate.house.start()
    present = "99990101T000000Z-ffffffff"
    assert delivery.deliver(folder.parent, present, send) == [recorder.name]
    said = [d.record.proposal.arguments for d in bodies(gate.house, Decided)]
    assert [entry["kind"] for entry in said] == ["run", "verdict", "approval"]
    assert said[1]["record"] == verdict.record
    assert said[2]["record"] == signed.decode()


@pytest.mark.parametrize("there", [True, False])
def test_look_says_whether_a_gate_was_installed(
    gate: Gate,
    there: bool,  # noqa: FBT001  # of the table
    tmp_path: Path,
) -> None:
    place = tmp_path / "gate.yaml"
    if there:
        place.symlink_to(tmp_path / "dangling")
    status, said = gate.run(state="looked", installed_at=[str(place)])
    assert (status, said["installed"]) == (0, there)
