"""Drafted rules are documents that a policy can take as they are."""

import shutil
from pathlib import Path

import pytest
from msgspec import structs

from clawlaw.cli.drafts import UNCLAIMED, draft_rules
from clawlaw.cli.policies import PolicyLoader
from clawlaw.core.actions import AnyEffect, FileRead, NetRequest, ProcessExec, Proposal
from clawlaw.gate.evaluator import Evaluator
from clawlaw.gate.standard import standard_tree
from clawlaw.policy.builtin import builtin
from clawlaw.record import DecisionRecord

EFFECTS: tuple[AnyEffect, ...] = (
    FileRead("/srv/data/a.csv"),
    NetRequest("api.example.com"),
    ProcessExec("mytool", code="none", family="x"),
)


@pytest.fixture(scope="module")
def stopped() -> DecisionRecord:
    policy = PolicyLoader(builtin("forge")).load("/workspace", "/home/agent")
    evaluator = Evaluator(policy, standard_tree("/workspace", "/home/agent"))
    proposal = Proposal("developer", "s", "read", {"path": "a"}, "/workspace")
    record = evaluator.evaluate(proposal).record()
    found = [
        {"rule": UNCLAIMED, "verdict": "deny", "effect": index}
        for index in range(len(EFFECTS))
    ]
    return structs.replace(record, effects=EFFECTS, decision={"findings": found})


def test_drafts_load_beside_the_policy(stopped: DecisionRecord, tmp_path: Path) -> None:
    folder = tmp_path / "policy"
    shutil.copytree(builtin("forge"), folder)
    drafts = draft_rules([stopped])
    assert [d.name for d in drafts] == ["observed-sets.yaml", "observed-rules.yaml"]
    for draft in drafts:
        (folder / draft.name).write_text(draft.text)
    policy = PolicyLoader(folder).load("/workspace", "/home/agent")
    ids = {rule.id for rules in policy.rules.values() for rule in rules}
    assert {
        "observed.file-read",
        "observed.net-request",
        "observed.process-exec",
    } <= ids


def test_questions_are_noted_not_allowed(stopped: DecisionRecord) -> None:
    asked = [{"rule": "boundary.x", "verdict": "escalate", "effect": 1}] * 3
    (draft,) = draft_rules([structs.replace(stopped, decision={"findings": asked})])
    assert draft.name.endswith(".txt")
    assert "3  boundary.x  api.example.com" in draft.text


def test_a_rule_that_denies_is_never_drafted_away(stopped: DecisionRecord) -> None:
    denied = [{"rule": "boundary.read-secrets", "verdict": "deny", "effect": 0}]
    assert draft_rules([structs.replace(stopped, decision={"findings": denied})]) == []
