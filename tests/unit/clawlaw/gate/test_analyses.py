"""What is kept of an analysis is what a new one would say."""

from dataclasses import replace

import pytest
from msgspec import structs

from clawlaw.core.actions import FileRead, Proposal
from clawlaw.core.analyse import Analysis, analyse
from clawlaw.core.errors import ProposalError
from clawlaw.core.policy import Policy
from clawlaw.gate import analyses
from clawlaw.gate.analyses import MAX_KEPT, MAX_KEY, Analyses
from clawlaw.policy.builtin import builtin
from clawlaw.policy.compile import load


@pytest.fixture(scope="module")
def policy() -> Policy:
    return load(builtin("forge"))


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[Proposal]:
    """Proposals that were analysed anew."""
    found: list[Proposal] = []

    def counting(proposal: Proposal, policy: Policy) -> Analysis:
        found.append(proposal)
        return analyse(proposal, policy)

    monkeypatch.setattr(analyses, "analyse", counting)
    return found


def said(command: str, cwd: str = "/workspace", session: str = "s") -> Proposal:
    return Proposal("developer", session, "exec", {"command": command}, cwd)


def test_the_same_call_is_analysed_once(policy: Policy, made: list[Proposal]) -> None:
    kept = Analyses()
    first = kept.of(said("git status"), policy)
    assert kept.of(said("git status", session="t"), policy) == first
    assert first == analyse(said("git status"), policy)
    assert len(made) == 1


@pytest.mark.parametrize(
    "other",
    [
        said("git status "),
        said("git status", cwd="/workspace/a"),
        structs.replace(said("git status"), tool="read", arguments={"path": "a"}),
        structs.replace(said("git status"), effects=(FileRead("/etc/passwd"),)),
        structs.replace(
            said("git status"), arguments={"command": "git status", "timeout": 1}
        ),
    ],
)
def test_another_call_is_not(
    policy: Policy, made: list[Proposal], other: Proposal
) -> None:
    kept = Analyses()
    kept.of(said("git status"), policy)
    assert kept.of(other, policy) == analyse(other, policy)
    assert len(made) == 2


def test_another_policy_begins_anew(policy: Policy, made: list[Proposal]) -> None:
    kept = Analyses()
    for one in (policy, replace(policy, tools={}), policy):
        kept.of(said("git status"), one)
    assert len(made) == 3


def test_what_is_refused_is_refused_again(policy: Policy, made: list[Proposal]) -> None:
    kept = Analyses()
    wrong = structs.replace(said(""), arguments={"command": 1})
    for _ in range(2):
        with pytest.raises(ProposalError):
            kept.of(wrong, policy)
    assert len(made) == 2


def test_it_is_bounded(policy: Policy, made: list[Proposal]) -> None:
    kept = Analyses()
    for number in range(MAX_KEPT + 2):
        kept.of(said(f"ls a{number}"), policy)
    assert len(kept._kept) <= MAX_KEPT
    long = said("ls " + "a" * MAX_KEY)
    made.clear()
    for _ in range(2):
        kept.of(long, policy)
    assert len(made) == 2
