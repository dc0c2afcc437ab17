"""A run's SSH certificate, from the gate's ALLOW to a login at a real sshd."""

import json
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.integration.gate.house import House, NoAnswerError
from tests.integration.gate.sshd import Sshd, key
from tests.integration.gate.test_change import Gate, bodies, gate
from tests.unit.change.plans import impact, plan

from clawlaw.cli import main
from clawlaw.evidence.schema import Certified, Refused
from clawlaw.gate.authority import Authority, user_key
from clawlaw.gate.certificates import Statement
from forge.change.model import Effect, Plan, Scope
from forge.change.verdict import Verdict

__all__ = ["gate"]

RUN = "20261123T101010Z-0a1b2c3d"
MADE = plan(impact(Effect.SERVICE_RESTART, hosts=("m4-pro",)))
PART = {"principal": "forge-controller", "hosts": ["m4-pro", "mac-studio"]}


class Signing:
    """A gate that signs, and a run before it."""

    def __init__(self, gate: Gate, folder: Path) -> None:
        self.gate = gate
        self.house = gate.house
        self.private = folder / "run"
        self.line = key(self.private)
        self.authority = Authority.read(self.house.folder / "authority")

    def ask(self, verdict: Verdict, made: Plan = MADE, **more: Any) -> dict[str, Any]:
        """Ask for a certificate; what the module returned."""
        given = {"permit": verdict.permit, "plan": made.digest, "run": RUN}
        given |= {"key": self.line, **more}
        return self.gate.run(state="certified", **given)[1]

    def take(self, said: dict[str, Any]) -> None:
        """Keep a certificate beside the run's key, where ssh looks for it."""
        self.keep(said["certificate"])

    def keep(self, certificate: str) -> None:
        self.private.with_name("run-cert.pub").write_text(certificate + "\n")

    def refusals(self) -> list[str]:
        return [body.record.reason for body in bodies(self.house, Refused)]


@pytest.fixture
def signing(gate: Gate, tmp_path: Path) -> Signing:
    house = gate.house
    house.stop()
    path = house.folder / "authority"
    assert main(["ssh", "keygen", str(path)]) == 0
    said = json.loads(house.config.read_text())
    house.config.write_text(json.dumps(said | {"ssh": PART | {"key": str(path)}}))
    house.start()
    return Signing(gate, tmp_path)


def test_an_allowed_plan_is_certified_and_the_log_says_so(signing: Signing) -> None:
    verdict = signing.gate.judge(MADE)
    said = signing.ask(verdict)
    assert said["hosts"] == PART["hosts"]
    assert said["key_id"] == f"{RUN}/{MADE.digest}"
    assert said["ends"] - said["begins"] == 61 * 60
    (found,) = [e for e in signing.house.entries() if isinstance(e.body, Certified)]
    body = msgspec.to_builtins(found.body)
    assert body["serial"] == found.seq == said["serial"]
    assert body["decision"] == verdict.decision
    assert body["authority"] == signing.authority.fingerprint
    assert (body["begins"], body["ends"]) == (
        said["begins"] * 1000,
        said["ends"] * 1000,
    )
    assert (
        body["key"]
        in subprocess.run(
            ["ssh-keygen", "-lf", signing.private],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    )
    assert verdict.permit not in (
        signing.house.log / "00000000.seg"
    ).read_bytes().decode("utf-8", "replace")


def test_a_chain_of_evidence_leads_to_it(
    signing: Signing, capsys: pytest.CaptureFixture[str]
) -> None:
    verdict = signing.gate.judge(MADE)
    serial = signing.ask(verdict)["serial"]
    assert main(["trace", verdict.decision, "--log", str(signing.house.log)]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert f"{verdict.decision}: serial {serial} for m4-pro, mac-studio" in shown


def test_a_permit_is_good_for_one_certificate(signing: Signing) -> None:
    verdict = signing.gate.judge(MADE)
    assert "certificate" in signing.ask(verdict)
    again = signing.ask(verdict)
    assert again["refused"] is True
    assert "used already" in again["msg"]
    assert len(bodies(signing.house, Certified)) == 1
    assert len(signing.refusals()) == 1


def test_no_other_plan_and_no_other_key_kind(signing: Signing) -> None:
    other = plan(impact(Effect.SERVICE_RESTART, hosts=("mac-studio",)))
    verdict = signing.gate.judge(MADE)
    assert "is not the one" in signing.ask(verdict, other)["msg"]
    assert "used already" in signing.ask(verdict)["msg"], "it was used up by that"
    fresh = signing.gate.judge(MADE)
    assert "no public key" in signing.ask(fresh, key="ssh-ed25519 AAAA")["msg"]
    assert bodies(signing.house, Certified) == []
    assert len(signing.refusals()) == 3


def test_what_was_not_allowed_has_no_permit(signing: Signing) -> None:
    asked = plan(impact(Effect.TRUST_CHANGE, hosts=("m4-pro",)))
    verdict = signing.gate.judge(asked)
    assert (verdict.verdict, verdict.permit) == ("escalate", "")
    assert signing.ask(verdict, asked)["refused"] is True
    assert "unknown" in signing.ask(verdict, asked, permit="A" * 43)["msg"]
    assert bodies(signing.house, Certified) == []


def test_a_permit_dies_with_the_gate(signing: Signing) -> None:
    verdict = signing.gate.judge(MADE)
    signing.house.stop(signal.SIGKILL)
    signing.house.start()
    assert "unknown" in signing.ask(verdict)["msg"]


def test_only_the_controller_is_answered(signing: Signing) -> None:
    said = {"permit": "A" * 43, "plan": MADE.digest, "run": RUN, "key": signing.line}
    status, answer = signing.house.ask("POST", "/v1/certificates", said)
    assert (status, answer["verdict"]) == (200, "deny")
    assert "is not who changes hosts" in answer["reason"]


def test_a_limited_run_gets_its_hosts(signing: Signing) -> None:
    scope = Scope(limit="mac-studio", hosts=("mac-studio",))
    made = plan(impact(Effect.SERVICE_RESTART, hosts=("mac-studio",)), scope=scope)
    assert signing.ask(signing.gate.judge(made), made)["hosts"] == ["mac-studio"]


def test_a_gate_without_an_authority_signs_nothing(gate: Gate, tmp_path: Path) -> None:
    verdict = gate.judge(MADE)
    line = key(tmp_path / "run")
    _, said = gate.run(
        state="certified", permit=verdict.permit, plan=MADE.digest, run=RUN, key=line
    )
    assert "no such path" in said["msg"]


def test_observe_mode_signs_nothing(signing: Signing) -> None:
    said = json.loads(signing.house.config.read_text())
    signing.house.stop()
    signing.house.config.write_text(json.dumps(said | {"mode": "observe"}))
    signing.house.start()
    status, answer = signing.gate.run(
        state="certified", permit="A" * 43, plan=MADE.digest, run=RUN, key=signing.line
    )
    assert status != 0
    assert "observe" in answer["msg"]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"principal": "developer"}, "developer needs a uid in agents, and neither"),
        ({"principal": "nobody-known"}, "needs a uid"),
        ({"hosts": ["m4-pro", "m4-pro"]}, "stands twice"),
        ({"hosts": []}, "array` of length >= 1"),
        ({"hosts": ["a b"]}, "matching regex"),
        ({"minutes": 481}, "<= 480"),
        ({"sources": ["here"]}, "is no network"),
    ],
)
def test_what_cannot_be_meant_does_not_start(
    make_house: Callable[..., House],
    change: dict[str, Any],
    problem: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    house = make_house()
    said = json.loads(house.config.read_text())
    part = PART | {"key": str(house.folder / "authority")} | change
    house.config.write_text(json.dumps(said | {"ssh": part}))
    assert main(["gate", "--check", "--config", str(house.config)]) == 2
    assert problem in " ".join(capsys.readouterr().err.split())


def test_a_key_that_cannot_be_used_is_no_start_and_no_matter_of_a_check(
    make_house: Callable[..., House],
) -> None:
    house = make_house()
    key = house.folder / "authority"
    said = json.loads(house.config.read_text())
    agents = [{"principal": "developer", "uid": 64_101}]
    part = PART | {"key": str(key), "principal": "developer"}
    house.config.write_text(json.dumps(said | {"ssh": part, "agents": agents}))
    # The check may be another account's, which the key is private to.
    assert main(["gate", "--check", "--config", str(house.config)]) == 0
    with pytest.raises(NoAnswerError, match="authority: No such file"):
        house.start()


def test_a_real_sshd_accepts_its_own_name_alone(
    signing: Signing, tmp_path: Path
) -> None:
    line = signing.authority.line
    signing.take(signing.ask(signing.gate.judge(MADE)))
    with Sshd(tmp_path / "own", "m4-pro", line) as own:
        assert own.login(signing.private).stdout == "in\n", own.journal()
        shown = own.journal()
        assert f"ID {RUN}/{MADE.digest} (serial " in shown
        assert own.login(signing.private, "-tt").stdout == "in\r\n"
        forward = ("-o", "ExitOnForwardFailure=yes", "-R", "0:127.0.0.1:1")
        assert own.login(signing.private, *forward).returncode != 0
    with Sshd(tmp_path / "other", "worker-01", line) as other:
        assert "Permission denied" in other.login(signing.private).stderr
        assert "does not contain an authorized principal" in other.journal()


def test_a_real_sshd_accepts_it_in_its_time_and_from_its_authority(
    signing: Signing, tmp_path: Path
) -> None:
    now = int(time.time())
    run = user_key(signing.line)
    spans = {
        "over": (now - 600, now - 1),
        "early": (now + 300, now + 600),
        "now": (now - 60, now + 300),
    }
    with Sshd(tmp_path / "host", "m4-pro", signing.authority.line) as host:
        assert host.login(signing.private).returncode == 255, "a plain key is none"
        for name, (begins, ends) in spans.items():
            said = Statement(1, name, ("m4-pro",), begins, ends)
            signing.keep(signing.authority.sign(said, run))
            assert (host.login(signing.private).stdout == "in\n") is (name == "now")
        assert "Certificate invalid: expired" in host.journal()
        assert "Certificate invalid: not yet valid" in host.journal()
        said = Statement(
            1, "elsewhere", ("m4-pro",), now - 60, now + 300, ("192.0.2.0/24",)
        )
        signing.keep(signing.authority.sign(said, run))
        assert host.login(signing.private).returncode == 255
        stranger = Authority.make(tmp_path / "stranger")
        signing.keep(stranger.sign(Statement(1, "x", ("m4-pro",), now, now + 300), run))
        assert host.login(signing.private).returncode == 255
