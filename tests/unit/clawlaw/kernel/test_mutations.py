"""No input, however broken, makes a decision raise, hang or defy its record."""

import copy
from collections import Counter
from collections.abc import Hashable, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any

import msgspec
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from clawlaw.core import kernel
from clawlaw.core.actions import KINDS, FileRead
from clawlaw.core.decision import Decision, Verdict
from clawlaw.core.errors import StateError
from clawlaw.core.facts import Approval, PathFact
from clawlaw.core.policy import Purpose
from clawlaw.core.state import SHIFT, Label, Table, counted, find, insert, pack

from .cases import POLICY, VERDICTS, case, record

ENDLESS: list[Any] = []
ENDLESS.append(ENDLESS)
DEEP: Any = []
for _ in range(5000):
    DEEP = [DEEP]
NUMBERS = (-1, 2, 2**53, 2**70, 10**5000, 1.5, float("nan"), float("inf"), True, False)
TEXTS = ("", "\ud800", "\0", "*", "/" * 5000, "/workspace/../..", "halted", b"\xff")
THINGS: tuple[Any, ...] = (
    None,
    object(),
    int,
    [],
    {},
    (),
    {"a": None},
    [None],
    ("x",) * 3,
)
JUNK: tuple[Any, ...] = (*NUMBERS, *TEXTS, *THINGS, ENDLESS, DEEP, Verdict.ABSTAIN)
INPUTS = ("proposal", "effects", "facts", "state", "policy")


class Key:
    """Stands for the name of an entry, where another name is to be put."""

    def __init__(self, name: Any) -> None:
        self.name = name


def full(seed: int) -> list[Any]:
    """A case that has something of everything: labels, tables, approvals, globs."""
    proposal, effects, facts, state = case(seed)
    effects = (*effects, FileRead("/workspace/*.py", glob=True))
    action = kernel.action_digest(proposal, facts)
    approval = Approval(action, POLICY.digest, ("authority.code",), "steward", 2000)
    facts = msgspec.structs.replace(
        facts,
        approvals=(approval,),
        globs={"/workspace/*.py": ("/workspace/b.py",)},
        paths=facts.paths | {"/workspace/b.py": PathFact("/workspace/b.py", "file")},
    )
    for table in ("files", "trees", "denied", "sends", "bytes", "approvals"):
        insert(state, table, "/workspace/b.py", pack(int(Label.CODE), 1))
    state.session.tables["files"].grain = 1
    state.session.tables["bytes"].grain = 2
    state.session.labels |= int(Label.UNTRUSTED)
    return [proposal, effects, facts, state, POLICY]


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


def places(value: Any, depth: int = 0) -> list[tuple[Any, ...]]:
    """Paths to everything inside a value that can be replaced."""
    found: list[tuple[Any, ...]] = [()]
    if depth > 5:
        return found
    for key, inner in parts(value):
        found += [(key, *rest) for rest in places(inner, depth + 1)]
        if isinstance(value, Mapping):
            found.append((Key(key),))
    return found


def put(value: Any, place: tuple[Any, ...], junk: Any) -> Any:
    """A copy of a value with something else in one place."""
    if not place:
        return junk
    key, *rest = place
    if isinstance(key, Key):
        name = junk if isinstance(junk, Hashable) else "?"
        return {name if k == key.name else k: v for k, v in value.items()}
    inner = put(dict(parts(value))[key], tuple(rest), junk)
    if isinstance(value, msgspec.Struct):
        return msgspec.structs.replace(value, **{key: inner})
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{key: inner})
    if isinstance(value, Mapping):
        return {**value, key: inner}
    return type(value)(inner if i == key else item for i, item in enumerate(value))


def broken(seed: int, data: st.DataObject, *, times: int) -> tuple[list[Any], str]:
    """A case with something else in some places, and which input has the first."""
    inputs = full(seed)
    first = data.draw(st.integers(0, len(INPUTS) - 1))
    which = first
    for _ in range(times):
        place = data.draw(st.sampled_from(places(inputs[which])))
        junk = copy.copy(data.draw(st.sampled_from(JUNK)))
        inputs[which] = put(inputs[which], place, junk)
        which = data.draw(st.integers(0, len(INPUTS) - 1))
    return inputs, INPUTS[first]


def holds(decision: Decision) -> None:
    """The decision is one that a record keeps and that takes nothing unless allowed."""
    assert type(decision.verdict) is Verdict
    assert decision.verdict in VERDICTS
    assert decision.findings
    assert decision.reason
    assert msgspec.json.decode(record(decision), type=Decision) == decision
    if decision.verdict is not Verdict.ALLOW:
        assert not decision.delta.spend
        assert not decision.delta.consumed


def test_no_change_of_an_input_raises() -> None:
    met: Counter[str] = Counter()

    @settings(max_examples=500)
    @given(st.integers(0, 2**32), st.integers(1, 3), st.data())
    def each(seed: int, times: int, data: st.DataObject) -> None:
        inputs, where = broken(seed, data, times=times)
        decision = kernel.decide(*inputs)
        holds(decision)
        for name in ("all", where, decision.verdict.name):
            met[name] += 1
            event(name)

    each()
    for name in INPUTS:
        assert met[name] * 20 >= met["all"], met
    for verdict in VERDICTS:  # most of what is broken is denied, as it should be
        assert met[verdict.name] * 100 >= met["all"], met


@pytest.mark.parametrize("junk", JUNK, ids=range(len(JUNK)))
@pytest.mark.parametrize("which", range(5), ids=INPUTS)
def test_no_argument_of_another_type_raises(which: int, junk: object) -> None:
    inputs = full(1)
    inputs[which] = junk
    decision = kernel.decide(*inputs)
    holds(decision)
    assert decision.verdict is Verdict.DENY


@pytest.mark.parametrize("junk", JUNK, ids=range(len(JUNK)))
def test_every_field_of_a_state_may_hold_anything(junk: object) -> None:
    inputs = full(3)
    for place in places(inputs[3]):
        inputs[3] = put(full(3)[3], place, junk)
        holds(kernel.decide(*inputs))


GRAINS = (-1, 3, 2**70, None, "1", 1.0)


@pytest.mark.parametrize("grain", GRAINS)
def test_a_grain_that_no_table_has_is_denied(grain: Any) -> None:
    # A grain is how often a key is looked up: a huge one would never end.
    proposal, _, facts, state, policy = full(3)
    state.session.tables["files"].grain = grain
    effects = (FileRead("/workspace/b.py"),)
    decision = kernel.decide(proposal, effects, facts, state, policy)
    assert decision.verdict is Verdict.DENY
    assert "grain of a table is not 0 to 2" in decision.reason


@pytest.mark.parametrize("grain", GRAINS)
def test_a_grain_that_no_table_has_is_not_looked_up(grain: Any) -> None:
    table = Table({"k": 1}, grain)
    for look in (find, counted):
        with pytest.raises(StateError, match="grain of a table is not 0 to 2"):
            look(table, "k")


@pytest.mark.parametrize("field", ["actions", "labels"])
@pytest.mark.parametrize("number", [-1, 2**70, None, "1", 1.5])
def test_a_number_that_no_session_has_is_denied(field: str, number: Any) -> None:
    inputs = full(3)
    setattr(inputs[3].session, field, number)
    decision = kernel.decide(*inputs)
    assert decision.verdict is Verdict.DENY
    assert f"session.{field} is not" in decision.reason
    assert SHIFT == 16  # the width that the reason names


READ: Any = POLICY.rules["file.read"][0]
BROKEN: Any = True
UNSOUND: tuple[tuple[dict[str, Any], str], ...] = (
    ({"digest": None}, "digest"),
    ({"kernel": "\ud800"}, "kernel"),
    ({"settings": {"risk.deny": 2**70}}, "a setting"),
    ({"purposes": {"develop": Purpose("develop", KINDS, off=BROKEN)}}, "purpose.off"),
    ({"rules": {"file.read": (replace(READ, risk=1.5),)}}, "rule.risk"),
    ({"rules": {"file.read": (replace(READ, id=b"x"),)}}, "rule.id"),
)


@pytest.mark.parametrize(("change", "named"), UNSOUND)
def test_a_policy_that_no_compiler_makes_is_denied(
    change: dict[str, Any], named: str
) -> None:
    inputs = full(3)
    inputs[4] = replace(POLICY, **change)
    decision = kernel.decide(*inputs)
    assert decision.verdict is Verdict.DENY
    assert f"{named} of the policy is not" in decision.reason


@pytest.mark.parametrize("field", ["id", "reason"])
def test_a_rule_that_cannot_be_told_is_denied(field: str) -> None:
    inputs = full(3)
    inputs[4] = replace(POLICY, rules={"file.read": (replace(READ, **{field: ""}),)})
    decision = kernel.decide(*inputs)
    assert decision.verdict is Verdict.DENY
    assert decision.reason.endswith("a rule of the policy has no id or no reason)")
