"""What holds of every decision: one answer, no change, no exception."""

import copy
import hashlib
import random
import runpy
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clawlaw.core import kernel
from clawlaw.core.actions import FileRead, Json, Proposal
from clawlaw.core.canonical import canonical_json
from clawlaw.core.decision import Decision, Verdict
from clawlaw.core.facts import Facts
from clawlaw.core.state import Room, State

CORPUS = Path(__file__).with_name("corpus.py")
made: dict[str, Any] = runpy.run_path(str(CORPUS))
ENCODER = msgspec.json.Encoder(order="deterministic")
VERDICTS = (Verdict.ALLOW, Verdict.ESCALATE, Verdict.DENY)
JUNK: tuple[Any, ...] = (
    *(None, -1, 2**70, 1.5, float("nan"), True, object(), int, b"\xff"),
    *("", "\ud800", "\0", "*", "/" * 5000, "/workspace/../.."),
    *([], {}, (), {"a": None}, [None], ("x",) * 3),
)


def case(seed: int) -> tuple[Proposal, tuple[Any, ...], Facts, State]:
    """One proposal of the corpus's making with a state that has a past."""
    chance = random.Random(seed)  # noqa: S311  # a case by number
    state = State(kernel.open_session(made["POLICY"], "agent", "s"), Room())
    for number in range(chance.randrange(4)):
        kernel.apply(state, made["step"](chance, state, number).delta)
    effects = tuple(made["effect"](chance) for _ in range(chance.randrange(1, 4)))
    arguments: dict[str, Json] = {"z": [{"b": 1, "a": "é"}], "command": "x", "n": seed}
    proposal = Proposal("agent", "s", "exec", arguments, "/workspace")
    return proposal, effects, made["facts"](chance, effects), state


def decided(proposal: Any, effects: Any, facts: Any, state: Any) -> Decision:
    return kernel.decide(proposal, effects, facts, state, made["POLICY"])


def record(decision: Decision) -> bytes:
    return canonical_json(msgspec.to_builtins(decision))


seeds = st.integers(0, 2**32)


@given(seeds)
def test_the_same_input_is_the_same_bytes(seed: int) -> None:
    first = record(decided(*case(seed)))
    assert record(decided(*case(seed))) == first
    assert record(decided(*copy.deepcopy(case(seed)))) == first


@given(seeds)
def test_deciding_changes_nothing(seed: int) -> None:
    inputs = case(seed)
    before = ENCODER.encode(inputs)
    decided(*inputs)
    assert ENCODER.encode(inputs) == before


@given(seeds)
def test_the_order_of_keys_does_not_show(seed: int) -> None:
    proposal, effects, facts, state = case(seed)
    turned = (
        msgspec.structs.replace(proposal, arguments=backwards(proposal.arguments)),
        effects,
        msgspec.structs.replace(facts, paths=backwards(facts.paths)),
        state,
    )
    assert record(decided(*turned)) == record(decided(*case(seed)))


def backwards(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: backwards(value[key]) for key in reversed(value)}
    return [backwards(item) for item in value] if isinstance(value, list) else value


def test_every_verdict_and_much_unicode_is_met() -> None:
    counted, digest = made["run"](1000)
    for name in ("ALLOW", "ESCALATE", "DENY", "unicode"):
        assert counted[name] >= 150, counted
    assert made["run"](1000)[1] == digest


def test_processes_with_other_hash_seeds_decide_alike() -> None:
    counted, digest = made["run"](600)
    for seed in ("0", "1", "4242"):
        out = subprocess.run(
            [sys.executable, str(CORPUS), "600"],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split("\n")
        assert f"digest {digest}" in out
        assert f"ALLOW {counted['ALLOW']}" in out


def places(value: Any, depth: int = 0) -> list[tuple[Any, ...]]:
    """Paths to everything inside a value that can be replaced."""
    found: list[tuple[Any, ...]] = [()]
    if depth > 5:
        return found
    for key, inner in parts(value):
        found += [(key, *rest) for rest in places(inner, depth + 1)]
    return found


def parts(value: Any) -> list[tuple[Any, Any]]:
    if isinstance(value, msgspec.Struct):
        return [(name, getattr(value, name)) for name in value.__struct_fields__]
    if is_dataclass(value):
        return [(field.name, getattr(value, field.name)) for field in fields(value)]
    if isinstance(value, Mapping):
        return list(value.items())
    if isinstance(value, list | tuple):
        return list(enumerate(value))
    return []


def put(value: Any, place: tuple[Any, ...], junk: Any) -> Any:
    """A copy of a value with something else in one place."""
    if not place:
        return junk
    key, *rest = place
    inner = put(dict(parts(value))[key], tuple(rest), junk)
    if isinstance(value, msgspec.Struct):
        return msgspec.structs.replace(value, **{key: inner})
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{key: inner})
    if isinstance(value, Mapping):
        return {**value, key: inner}
    return type(value)(inner if i == key else item for i, item in enumerate(value))


@settings(max_examples=300)
@given(seeds, st.data())
def test_no_change_of_an_input_raises(seed: int, data: st.DataObject) -> None:
    inputs: Any = (*case(seed), made["POLICY"])
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.sampled_from(places(inputs)[1:]))
        inputs = put(inputs, place, data.draw(st.sampled_from(JUNK)))
    decision = kernel.decide(*inputs)
    assert decision.verdict in VERDICTS
    assert decision.findings
    if decision.verdict is not Verdict.ALLOW:
        assert not decision.delta.spend
        assert not decision.delta.consumed


@pytest.mark.parametrize("junk", JUNK, ids=range(len(JUNK)))
@pytest.mark.parametrize("which", range(5))
def test_no_argument_of_another_type_raises(which: int, junk: object) -> None:
    inputs: list[Any] = [*case(1), made["POLICY"]]
    inputs[which] = junk
    assert kernel.decide(*inputs).verdict is Verdict.DENY


def test_a_fault_is_a_record_as_any_other() -> None:
    for broken in (None, object(), 7):
        decision = decided(broken, (), Facts(1), None)
        assert decision.verdict is Verdict.DENY
        assert b"0x" not in record(decision)  # no address of an object


def test_text_that_no_record_can_hold_is_denied() -> None:
    proposal, effects, facts, state = case(3)
    broken = msgspec.structs.replace(proposal, arguments={"a": "\ud800"})
    assert decided(broken, effects, facts, state).verdict is Verdict.DENY
    half = FileRead("/workspace/\udfff")
    assert decided(proposal, (half,), facts, state).verdict is Verdict.DENY


@given(seeds)
def test_more_effects_are_never_judged_milder(seed: int) -> None:
    proposal, effects, facts, state = case(seed)
    whole = decided(proposal, effects, facts, state)
    alone = [decided(proposal, (e,), facts, state) for e in effects[:1]]
    assert whole.verdict >= alone[0].verdict


@given(st.lists(seeds, min_size=1, max_size=6))
def test_a_session_is_the_sum_of_its_deltas(row: list[int]) -> None:
    states = [case(0)[3], case(0)[3]]
    for seed in row:
        proposal, effects, facts, _ = case(seed)
        for state in states:
            decision = decided(proposal, effects, facts, state)
            kernel.apply(state, decision.delta)
    assert ENCODER.encode(states[0]) == ENCODER.encode(states[1])


def test_the_digest_of_an_action_has_a_form_that_others_can_make() -> None:
    # JSON of the parts in order, keys sorted: in ASCII the canonical form itself.
    proposal, _, _, _ = case(5)
    proposal = msgspec.structs.replace(proposal, arguments={"b": [1, None], "a": "x\n"})
    facts = Facts(1)
    parts_of_it = [
        "agent", "s", "exec", {"a": "x\n", "b": [1, None]}, "/workspace", "", [],
        {}, {}, {},
    ]  # fmt: skip
    expected = hashlib.sha256(canonical_json(parts_of_it)).hexdigest()  # type: ignore[arg-type]  # lists of any JSON
    assert kernel.action_digest(proposal, facts) == f"sha256:{expected}"
