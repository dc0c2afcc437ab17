"""What holds of every decision: one answer, no change, no exception."""

import copy
import hashlib
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
from hypothesis import event, given, settings
from hypothesis import strategies as st

from clawlaw.core import kernel
from clawlaw.core.actions import FileRead
from clawlaw.core.canonical import canonical_json
from clawlaw.core.decision import Decision, Verdict
from clawlaw.core.facts import Facts
from clawlaw.core.state import State

from . import corpus
from .cases import VERDICTS, case, decided, record

CORPUS = Path(__file__).with_name("corpus.py")
ENCODER = msgspec.json.Encoder(order="deterministic")
type Check = Callable[[int], Decision]

seeds = st.integers(0, 2**32)


def of_every_verdict(check: Check) -> None:
    """Run a property over cases until each verdict and Unicode had their share.

    One case in twenty must be met with each verdict, one in ten must leave text beyond
    ASCII in the record: a property that sees denials alone says nothing of the others.
    """
    met: Counter[str] = Counter()

    @settings(max_examples=300)
    @given(seeds)
    def each(seed: int) -> None:
        decision = check(seed)
        kinds = ["all", decision.verdict.name]
        if not record(decision).isascii():
            kinds.append("unicode")
        for kind in kinds:
            event(kind)
        met.update(kinds)

    each()
    for verdict in VERDICTS:
        assert met[verdict.name] * 20 >= met["all"], met
    assert met["unicode"] * 10 >= met["all"], met


def test_the_same_input_is_the_same_bytes() -> None:
    def check(seed: int) -> Decision:
        first = decided(*case(seed))
        assert record(decided(*case(seed))) == record(first)
        assert record(decided(*copy.deepcopy(case(seed)))) == record(first)
        return first

    of_every_verdict(check)


def test_deciding_changes_nothing() -> None:
    def check(seed: int) -> Decision:
        inputs = case(seed)
        before = ENCODER.encode(inputs)
        decision = decided(*inputs)
        assert ENCODER.encode(inputs) == before
        return decision

    of_every_verdict(check)


def test_the_order_of_keys_does_not_show() -> None:
    def check(seed: int) -> Decision:
        proposal, effects, facts, state = case(seed)
        turned = decided(
            msgspec.structs.replace(proposal, arguments=backwards(proposal.arguments)),
            effects,
            msgspec.structs.replace(facts, paths=backwards(facts.paths)),
            turned_state(state),
        )
        assert record(turned) == record(decided(*case(seed)))
        return turned

    of_every_verdict(check)


def turned_state(state: State) -> State:
    """The same state, every mapping in it written backwards."""
    form = backwards(msgspec.to_builtins(state))
    return msgspec.convert(form, State)


def backwards(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: backwards(value[key]) for key in reversed(value)}
    return [backwards(item) for item in value] if isinstance(value, list) else value


def test_every_verdict_and_much_unicode_is_met() -> None:
    counted, digest = corpus.run(1000)
    for name in ("ALLOW", "ESCALATE", "DENY", "unicode"):
        assert counted[name] >= 150, counted
    assert corpus.run(1000)[1] == digest


def test_processes_with_other_hash_seeds_decide_alike() -> None:
    counted, digest = corpus.run(600)
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
