"""A policy that takes in another one, from a subfolder."""

import shutil
from pathlib import Path

import pytest

from clawlaw.core.actions import InfraApply, Proposal
from clawlaw.core.facts import Facts
from clawlaw.core.kernel import decide, open_session
from clawlaw.core.state import Room, State
from clawlaw.policy.builtin import builtin
from clawlaw.policy.compile import load, read_folder
from clawlaw.policy.errors import PolicyError
from clawlaw.policy.lint import lint
from clawlaw.policy.paths import Bindings


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What the gate has: the Forge's policy, and the change gate's inside it."""
    found = tmp_path / "policy"
    shutil.copytree(builtin("forge"), found)
    shutil.copytree(builtin("infra"), found / "infra")
    return found


def verdict(folder: Path, principal: str, **fields: object) -> str:
    policy = load(folder)
    effect = InfraApply("forge", hosts=("worker-01",), tiers=("I",), **fields)  # type: ignore[arg-type]  # of a test
    proposal = Proposal(
        principal, "s", "forge.apply", {"plan": "p", "applied": "a"}, "/"
    )
    state = State(open_session(policy, principal, "s"), Room())
    facts = Facts(now=0, mediated=True)
    return decide(proposal, (effect,), facts, state, policy).verdict.name


@pytest.mark.parametrize(
    ("principal", "change", "expected"),
    [
        ("forge-controller", "service_restart", "ALLOW"),
        ("forge-controller", "flow_opened", "ESCALATE"),
        ("forge-controller", "unknown", "ESCALATE"),
        ("developer", "service_restart", "DENY"),
        ("operator", "service_restart", "DENY"),
        ("cluster-agent", "service_restart", "DENY"),
    ],
)
def test_both_judge_together(
    folder: Path, principal: str, change: str, expected: str
) -> None:
    assert verdict(folder, principal, change=change) == expected


def test_without_it_nobody_carries_out_a_plan() -> None:
    assert verdict(builtin("forge"), "operator", change="service_restart") == "DENY"


def test_people_of_both_are_enrolled_and_lint_has_no_complaint(folder: Path) -> None:
    policy = load(folder)
    assert {"developer", "forge-controller"} <= policy.principals.keys()
    assert {"develop", "converge"} <= policy.purposes.keys()
    assert policy.settings["infra_walk.window"] == 20
    found = lint(read_folder(folder), Bindings())
    assert [f for f in found if f.level != "note"] == []


def test_digest_covers_what_is_taken_in(folder: Path) -> None:
    before = load(folder).digest
    law = folder / "infra/04-resource.yaml"
    law.write_text(
        law.read_text()
        .replace("above: 2", "above: 3")
        .replace("worker-02, worker-03]", "worker-02, worker-03, worker-04]")
    )
    assert load(folder).digest != before


DEVELOPER = (
    "  - {name: developer, purposes: [converge], tier: 4, ceiling: {},"
    " budgets: {actions: 1}}\n"
)
DEVELOP = "  - {name: develop, kinds: [infra.apply]}\n"


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("settings:", "own: [own]\nsettings:", "by the policy's own head alone"),
        ("\nprincipals:\n", f"\nprincipals:\n{DEVELOPER}", "'developer' stands twice"),
        ("\npurposes:\n", f"\npurposes:\n{DEVELOP}", "'develop' stands twice"),
        ("infra_walk.window: 20", "risk.deny: 999_999", "is 950000 in policy.yaml"),
    ],
)
def test_contradiction_is_refused(folder: Path, old: str, new: str, says: str) -> None:
    head = folder / "infra/policy.yaml"
    text = head.read_text()
    assert old in text
    head.write_text(text.replace(old, new))
    with pytest.raises(PolicyError, match=says):
        load(folder)


def test_folder_without_a_head_of_its_own_is_no_policy(folder: Path) -> None:
    (folder / "policy.yaml").unlink()
    with pytest.raises(PolicyError, match="one document of kind policy"):
        load(folder)


def test_two_heads_in_one_subfolder_are_refused(folder: Path) -> None:
    shutil.copy(folder / "infra/policy.yaml", folder / "infra/second.yaml")
    with pytest.raises(PolicyError, match="another head"):
        load(folder)
