"""Rules that are left out by the sets of paths change no decision."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from clawlaw.core import kernel
from clawlaw.core.analyse import analyse
from clawlaw.core.decode import decode_proposal
from clawlaw.core.errors import ProposalError
from clawlaw.core.policy import Policy
from clawlaw.core.state import Room, State
from clawlaw.gate.standard import standard_tree
from clawlaw.policy.builtin import builtin
from clawlaw.policy.compile import load

CASES = Path(__file__).parents[3] / "adversarial" / "cases"
FORGE = load(builtin("forge"))


def calls(name: str) -> Iterator[dict[str, Any]]:
    for line in (CASES / name).read_text(encoding="utf-8").splitlines():
        case = json.loads(line)
        yield from case.get("calls", [case])


def records(policy: Policy, name: str) -> Iterator[bytes]:
    """Every decision on the calls of a file, in one long session."""
    state = State(kernel.open_session(policy, "developer", "s"), Room())
    tree = standard_tree("/workspace", "/home/agent")
    for call in calls(name):
        raw = {"principal": "developer", "session": "s", "cwd": "/workspace"}
        raw |= {
            "tool": call["tool"],
            "arguments": call.get("input") or call["arguments"],
        }
        proposal = decode_proposal(json.dumps(raw).encode())
        try:
            analysis = analyse(proposal, policy)
        except ProposalError:
            continue
        facts = tree.gather(analysis.request)
        decision = kernel.decide(proposal, analysis.effects, facts, state, policy)
        kernel.apply(state, decision.delta)
        yield msgspec.json.encode(decision)


@pytest.mark.parametrize("name", ["evasion.jsonl", "benign_sequences.jsonl"])
def test_every_rule_asked_gives_the_same_decisions(name: str) -> None:
    every = replace(FORGE, touched=lambda _effect, _view: -1)
    given = list(records(FORGE, name))
    assert len(given) > 50
    assert given == list(records(every, name))


def test_sets_that_cannot_be_told_leave_no_rule_out() -> None:
    def broken(_effect: object, _view: object) -> int:
        raise LookupError

    given = list(records(FORGE, "evasion.jsonl"))
    assert given == list(records(replace(FORGE, touched=broken), "evasion.jsonl"))
