"""Approvals of repairs: exactly one plan, one policy, one steward, one time."""

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.unit.change.plans import host, impact, plan, room

from clawlaw.gate.stewards import Steward, StewardKey, statement
from forge.change import approvals
from forge.change.approvals import LONGEST, STEWARDS, USED, repair, sign
from forge.change.asking import Heard, judged
from forge.change.model import Effect, Plan
from forge.change.permit import RefusedError
from forge.change.verdict import Path as Way
from forge.change.verdict import Verdict, decide, require
from forge.errors import ForgeError

NOW = 1_800_000_000_000
HOUR = 3_600_000
MADE = plan(impact(Effect.FLOW_OPENED))
OTHER = plan(impact(Effect.FLOW_OPENED, after="c"))


def steward(name: str = "alice") -> StewardKey:
    private = Ed25519PrivateKey.generate()
    return StewardKey(Steward(name, private.public_key().public_bytes_raw()), private)


@pytest.fixture
def alice() -> StewardKey:
    return steward()


@pytest.fixture
def folder(tmp_path: Path, alice: StewardKey) -> Path:
    """A platform's state that knows one steward."""
    state = tmp_path / "testbed"
    state.mkdir(mode=0o700)
    known(state, alice)
    return state


def known(folder: Path, *keys: StewardKey) -> None:
    path = folder / STEWARDS
    path.write_text("".join(f"{key.steward.text}\n" for key in keys))
    path.chmod(0o600)


def approval(key: StewardKey, made: Plan = MADE, **more: Any) -> bytes:
    asked = decide(made, Way.REPAIR, now=NOW)
    given: dict[str, Any] = {
        "platform": "testbed",
        "reason": "dead",
        "now": NOW,
        "life": HOUR,
    }
    return sign(asked, key, **(given | more))


def used(folder: Path) -> list[Path]:
    return list(folder.glob(f"{USED}*"))


def test_what_a_steward_signed_is_allowed_once(folder: Path, alice: StewardKey) -> None:
    file = approval(alice)
    verdict = repair(MADE, file, folder, now=NOW)
    assert (verdict.verdict, verdict.path) == ("allow", Way.REPAIR)
    assert verdict.principal == "forge-repairer"
    assert {f.rule for f in verdict.findings if f.is_waived} == {
        "infra.flow-opened",
        "infra.repair",
    }
    assert verdict.approval.encode() == file
    require(verdict, MADE)
    (note,) = used(folder)
    assert note.read_bytes() == file
    with pytest.raises(RefusedError, match="was used before"):
        repair(MADE, file, folder, now=NOW + 1)


def test_a_replay_in_another_form_is_one_too(folder: Path, alice: StewardKey) -> None:
    file = approval(alice)
    repair(MADE, file, folder, now=NOW)
    for other in (b" " + file, json.dumps(json.loads(file)).encode()):
        with pytest.raises(RefusedError, match="was used before"):
            repair(MADE, other, folder, now=NOW)


def test_a_use_that_was_cut_short_counts(folder: Path, alice: StewardKey) -> None:
    file = approval(alice)
    repair(MADE, file, folder, now=NOW)
    used(folder)[0].write_bytes(b"")  # what a crash leaves of it
    with pytest.raises(RefusedError, match="was used before"):
        repair(MADE, file, folder, now=NOW)


def test_of_two_runs_at_once_one_is_refused(
    folder: Path, alice: StewardKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = approval(alice)
    real = decide

    def slow(*given: Any, **more: Any) -> Verdict:
        if more.get("approvals"):
            monkeypatch.setattr(approvals, "decide", real)
            assert repair(MADE, file, folder, now=NOW).verdict == "allow"
        return real(*given, **more)

    monkeypatch.setattr(approvals, "decide", slow)
    with pytest.raises(RefusedError, match="was used before"):
        repair(MADE, file, folder, now=NOW)


@pytest.mark.parametrize(
    ("now", "why"),
    [
        pytest.param(NOW + HOUR, "expired", id="expired"),
        pytest.param(NOW + 30 * HOUR, "expired", id="long ago"),
        pytest.param(NOW - 3_000, "clock is behind", id="clock back"),
        pytest.param(0, "clock is behind", id="no clock"),
    ],
)
def test_a_time_at_which_it_does_not_count(
    folder: Path, alice: StewardKey, now: int, why: str
) -> None:
    with pytest.raises(RefusedError, match=why):
        repair(MADE, approval(alice), folder, now=now)
    assert used(folder) == []


def test_another_plan_is_refused(folder: Path, alice: StewardKey) -> None:
    with pytest.raises(RefusedError, match="for plan sha256"):
        repair(OTHER, approval(alice), folder, now=NOW)
    assert used(folder) == []


def test_another_platform_is_refused(folder: Path, alice: StewardKey) -> None:
    with pytest.raises(RefusedError, match="for platform forge"):
        repair(MADE, approval(alice, platform="forge"), folder, now=NOW)


def test_another_policy_is_refused(folder: Path, alice: StewardKey) -> None:
    asked = decide(MADE, Way.REPAIR, now=NOW)
    asked = msgspec.structs.replace(asked, policy="sha256:" + "1" * 64)
    given: dict[str, Any] = {"reason": "x", "now": NOW, "life": HOUR}
    file = sign(asked, alice, platform="testbed", **given)
    with pytest.raises(RefusedError, match="for policy sha256:1111"):
        repair(MADE, file, folder, now=NOW)


def test_fewer_rules_than_ask_do_not_allow(folder: Path, alice: StewardKey) -> None:
    asked = decide(MADE, Way.REPAIR, now=NOW)
    asked = msgspec.structs.replace(asked, gates=("infra.repair",))
    given: dict[str, Any] = {"reason": "x", "now": NOW, "life": HOUR}
    file = sign(asked, alice, platform="testbed", **given)
    verdict = repair(MADE, file, folder, now=NOW)
    assert (verdict.verdict, verdict.gates) == ("escalate", ("infra.flow-opened",))
    assert used(folder) == []


def test_a_key_that_nobody_listed_is_refused(folder: Path) -> None:
    with pytest.raises(RefusedError, match="no steward"):
        repair(MADE, approval(steward("mallory")), folder, now=NOW)
    assert used(folder) == []


def test_the_name_of_a_steward_is_not_her_key(folder: Path) -> None:
    with pytest.raises(RefusedError, match="no steward"):
        repair(MADE, approval(steward("alice")), folder, now=NOW)


def test_a_revoked_key_is_refused(folder: Path, alice: StewardKey) -> None:
    file = approval(alice)
    known(folder, steward("bob"))
    with pytest.raises(RefusedError, match="no steward"):
        repair(MADE, file, folder, now=NOW)
    assert used(folder) == []


def test_without_a_list_of_stewards_none_counts(
    folder: Path, alice: StewardKey
) -> None:
    (folder / STEWARDS).unlink()
    with pytest.raises(RefusedError, match="does not count"):
        repair(MADE, approval(alice), folder, now=NOW)


def test_a_list_that_others_may_change_is_none(folder: Path, alice: StewardKey) -> None:
    (folder / STEWARDS).chmod(0o666)
    with pytest.raises(RefusedError, match="0666"):
        repair(MADE, approval(alice), folder, now=NOW)


def test_who_asks_is_no_steward(folder: Path) -> None:
    repairer = steward("forge-repairer")
    known(folder, repairer)
    with pytest.raises(RefusedError, match="an agent cannot be a steward"):
        repair(MADE, approval(repairer), folder, now=NOW)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("platform", "forge"),
        ("plan", OTHER.digest),
        ("policy", "sha256:" + "1" * 64),
        ("gates", ["infra.repair"]),
        ("reason", "another"),
        ("made", NOW - 1),
        ("expires", NOW + 2 * HOUR),
        ("signature", base64.b64encode(bytes(64)).decode()),
        ("signature", ""),
        ("key", "bob+00000000"),
        ("more", 1),
    ],
)
def test_a_file_that_was_changed_after_signing(
    folder: Path, alice: StewardKey, field: str, value: object
) -> None:
    whole = json.loads(approval(alice))
    file = json.dumps(whole | {field: value}).encode()
    for made in (MADE, OTHER):
        with pytest.raises(RefusedError):
            repair(made, file, folder, now=NOW)
    assert used(folder) == []


@pytest.mark.parametrize("file", [b"", b"{}", b"[]", b"\xff", b"x" * (1 << 17)])
def test_any_bytes_are_no_approval(folder: Path, file: bytes) -> None:
    with pytest.raises(RefusedError, match="the approval"):
        repair(MADE, file, folder, now=NOW)


def test_a_signature_of_another_kind_is_none(folder: Path, alice: StewardKey) -> None:
    whole = json.loads(approval(alice))
    said = {k: v for k, v in whole.items() if k not in {"signature", "platform"}}
    for about in ("answer", "policy"):
        signature = alice.sign(statement("testbed", about, said))
        file = json.dumps(whole | {"signature": signature}).encode()
        with pytest.raises(RefusedError, match="not of what was asked"):
            repair(MADE, file, folder, now=NOW)


def boundary_joins() -> Plan:
    joined = host("m4-pro", groups=("boundary", "k3s_agent"), is_node=True)
    return plan(hosts_after=(*room("control-01"), joined))


def test_nobody_signs_what_is_denied(alice: StewardKey) -> None:
    with pytest.raises(RefusedError, match=r"DENY by repair.*no approval changes"):
        approval(alice, boundary_joins())


def test_a_signature_under_what_is_denied_opens_nothing(
    folder: Path, alice: StewardKey
) -> None:
    made = boundary_joins()
    asked = decide(made, Way.REPAIR, now=NOW)
    rules = tuple(f.rule for f in asked.findings)
    forced = msgspec.structs.replace(asked, verdict="escalate", gates=rules)
    given: dict[str, Any] = {"reason": "x", "now": NOW, "life": HOUR}
    file = sign(forced, alice, platform="testbed", **given)
    verdict = repair(made, file, folder, now=NOW)
    assert verdict.verdict == "deny"
    assert used(folder) == []


@pytest.mark.parametrize("more", [{"reason": " "}, {"life": 0}, {"life": LONGEST + 1}])
def test_an_approval_has_a_reason_and_an_end(
    alice: StewardKey, more: dict[str, Any]
) -> None:
    with pytest.raises(RefusedError, match="a reason, and counts"):
        approval(alice, **more)


def test_a_preview_is_nothing_to_sign(alice: StewardKey) -> None:
    asked = decide(MADE, Way.PREVIEW, now=NOW)
    given: dict[str, Any] = {"reason": "x", "now": NOW, "life": HOUR}
    with pytest.raises(RefusedError, match="by preview"):
        sign(asked, alice, platform="testbed", **given)


def test_a_use_that_cannot_be_recorded_allows_nothing(
    folder: Path, alice: StewardKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(ForgeError, match="No space left") as caught:
        repair(MADE, approval(alice), folder, now=NOW)
    assert caught.value.status == 1


# When it is looked at at all.

ANSWER = {
    "id": "d1", "verdict": "deny", "reason": "x", "findings": [],
    "session": "plan-" + MADE.digest.removeprefix("sha256:")[:24],
}  # fmt: skip


def never() -> Verdict:
    raise AssertionError("an approval was looked at")


@pytest.mark.parametrize(
    "heard",
    [
        pytest.param(Heard(answer=ANSWER), id="a gate that denies"),
        pytest.param(Heard(is_refusal=True, why="busy"), id="a gate that refuses"),
    ],
)
def test_where_a_gate_answers_no_approval_is_looked_at(heard: Heard) -> None:
    def run() -> Verdict:
        return judged(MADE, lambda _: heard, now=NOW, repair=never)

    if heard.is_refusal:
        with pytest.raises(RefusedError, match="busy"):
            run()
    else:
        assert run().verdict == "deny"


def test_a_first_installation_looks_at_none() -> None:
    bare = room("worker-01")
    first = plan(is_first=True, hosts_before=(), hosts_after=bare)
    assert judged(first, None, now=NOW, repair=never).path is Way.INSTALL


DEAD: list[Callable[[], Heard]] = [
    lambda: Heard(why="no connection"),
    lambda: Heard(is_absent=True),
]


@pytest.mark.parametrize("heard", DEAD)
def test_a_dead_gate_is_repaired_with_one(
    heard: Callable[[], Heard], folder: Path, alice: StewardKey
) -> None:
    def signed() -> Verdict:
        return repair(MADE, approval(alice), folder, now=NOW)

    found = judged(MADE, lambda _: heard(), now=NOW, repair=signed)
    assert (found.verdict, found.path) == ("allow", Way.REPAIR)
    with pytest.raises(RefusedError, match=MADE.digest):
        judged(MADE, lambda _: heard(), now=NOW)
