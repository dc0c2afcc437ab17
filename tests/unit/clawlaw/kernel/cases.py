"""Cases by number, which the properties of every decision ask for."""

import random
from typing import Any

import msgspec

from clawlaw.core import kernel
from clawlaw.core.actions import AnyEffect, Json, Proposal
from clawlaw.core.canonical import canonical_json
from clawlaw.core.decision import Decision, Verdict
from clawlaw.core.facts import Facts
from clawlaw.core.state import Room, State

from . import corpus

POLICY = corpus.POLICY
VERDICTS = (Verdict.ALLOW, Verdict.ESCALATE, Verdict.DENY)

type Case = tuple[Proposal, tuple[AnyEffect, ...], Facts, State]


def case(seed: int) -> Case:
    """One proposal of the corpus's making with a state that has a past."""
    chance = random.Random(seed)  # noqa: S311  # a case by number
    state = State(kernel.open_session(POLICY, "agent", "s"), Room())
    for number in range(chance.randrange(4)):
        kernel.apply(state, corpus.step(chance, state, number).delta)
    effects = tuple(corpus.effect(chance) for _ in range(chance.choice((1, 1, 2, 3))))
    arguments: dict[str, Json] = {"z": [{"b": 1, "a": "é"}], "command": "x", "n": seed}
    proposal = Proposal("agent", "s", "exec", arguments, "/workspace")
    return proposal, effects, corpus.facts(chance, effects), state


def decided(proposal: Any, effects: Any, facts: Any, state: Any) -> Decision:
    return kernel.decide(proposal, effects, facts, state, POLICY)


def record(decision: Decision) -> bytes:
    return canonical_json(msgspec.to_builtins(decision))
