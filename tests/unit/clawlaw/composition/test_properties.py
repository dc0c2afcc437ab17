"""What holds for every sequence of effects, whatever is in them."""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clawlaw.core import composition
from clawlaw.core.actions import (
    KIND_OF,
    AnyEffect,
    FileMove,
    FileRead,
    FileWrite,
    NetRequest,
    ProcessExec,
)
from clawlaw.core.decision import Verdict
from clawlaw.core.snapshot import encode_room, encode_session
from clawlaw.core.state import Label, Table

# Text in which names, paths, hosts and values of the cases meet each other.
TEXTS = [
    "",
    "/",
    "/workspace",
    "/workspace/a",
    "/workspace/d",
    "/workspace/d/x.sh",
    "/etc/passwd",
    "a@evil.example",
    "evil.example",
    "corp.example",
    "DE89370400440532013000",
    "x" * 40,
    "\ufffd",
    "\x00",
    "a.b.c/../..",
    "ﬁ\u200b",
    "*",
]
text = st.sampled_from(TEXTS) | st.text(max_size=12)


def strategy(kind: msgspec.inspect.Type) -> st.SearchStrategy[Any]:
    """Values of one field."""
    match kind:
        case msgspec.inspect.Metadata():
            return strategy(kind.type)
        case msgspec.inspect.BoolType():
            return st.booleans()
        case msgspec.inspect.IntType():
            return st.integers(0, 1 << 53)
        case msgspec.inspect.LiteralType():
            return st.sampled_from(kind.values)
        case msgspec.inspect.VarTupleType():
            return st.lists(strategy(kind.item_type), max_size=3).map(tuple)
    return text


def effects_of(kind: type) -> st.SearchStrategy[Any]:
    """Effects of one kind, not only those that decoding would let through."""
    found = msgspec.inspect.type_info(kind)
    assert isinstance(found, msgspec.inspect.StructType)
    return st.builds(kind, **{f.name: strategy(f.type) for f in found.fields})


effects: st.SearchStrategy[AnyEffect] = st.one_of(*map(effects_of, KIND_OF))
steps = st.tuples(
    st.lists(effects, min_size=1, max_size=4),
    st.sampled_from(["a", "b"]),
    st.none() | st.just(0),
    st.none() | st.sampled_from([*TEXTS, "\ud800"]) | st.text(max_size=60),
    st.booleans(),
)
FILES = {
    "/workspace/d": {"kind": "directory"},
    "/workspace/a": {"resolved": "/workspace/d/x.sh", "linked": True},
}


def play(world: Any, sequence: Sequence[Any]) -> list[Any]:
    told = []
    for found, session, refused, result, untrusted in sequence:
        told.append(world.act(found, session, refused=refused))
        if result is not None:
            world.result(result, found, session, untrusted=untrusted)
    return told


@given(sequence=st.lists(steps, max_size=12))
@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_sequence_raises_and_the_same_gives_the_same(
    sequence: list[Any], world: Callable[..., Any]
) -> None:
    first, second = (
        world(secret=["/etc"], internal=["corp.example"], files=FILES) for _ in "12"
    )
    assert play(first, sequence) == play(second, sequence)
    assert first.sessions == second.sessions
    assert first.room == second.room


class Counted(dict[str, int]):
    """Counts how often a table is touched."""

    touched = 0

    def get(self, key: str, default: Any = None) -> Any:
        Counted.touched += 1
        return super().get(key, default)

    def __setitem__(self, key: str, value: int) -> None:
        Counted.touched += 1
        super().__setitem__(key, value)

    def __iter__(self) -> Any:
        raise AssertionError("nothing may go over a table")

    values = keys = items = __iter__  # refused as well


NAMES = ("files", "trees", "any", "areas", "denied", "sends", "bytes", "values")


def action(number: int) -> list[AnyEffect]:
    path = f"/outside/d{number}/e{number}/f{number}"
    return [
        FileRead(path),
        FileWrite(path, source="network", recursive=True),
        FileMove(path, path + "x"),
        ProcessExec("sh", code="file", script=path),
        NetRequest(f"h{number}.example", method="POST", carries="text", bytes_out=9),
    ]


def test_work_does_not_grow_with_the_session(world: Callable[..., Any]) -> None:
    here = world()
    state = here.state("a")
    for record in (state.session, state.room):
        record.tables.update({n: Table(entries=Counted(), cap=64) for n in NAMES})
    touched = []
    for number in range(2000):
        Counted.touched = 0
        here.act(action(number), refused=3 if number % 7 == 0 else None)
        touched.append(Counted.touched)
    assert {t.grain for t in state.session.tables.values()} >= {0, 2}
    # Three grains instead of one, and never more than that.
    assert max(touched[1000:]) <= 3 * max(touched[:10])
    assert max(touched[1900:]) == max(touched[1000:1100])


@pytest.mark.parametrize("kind", KIND_OF)
def test_every_kind_is_observed(kind: type, world: Callable[..., Any]) -> None:
    found = msgspec.inspect.type_info(kind)
    assert isinstance(found, msgspec.inspect.StructType)
    needed = {f.name: "x" for f in found.fields if f.required}
    verdict, findings = world().act([kind(**needed)])
    assert verdict is max((f.verdict for f in findings), default=Verdict.ALLOW)


def test_observing_changes_no_state(world: Callable[..., Any]) -> None:
    here = world(secret=["/etc"])
    for number in range(5):
        here.act(action(number))
    view = here.view("a")
    session = encode_session(view.work.state.session)
    room = encode_room(view.work.state.room)
    for index, effect in enumerate(action(99)):
        composition.observe(effect, index, view)
    composition.close(view, Verdict.DENY, tuple(action(99)), [])
    assert encode_session(view.work.state.session) == session
    assert encode_room(view.work.state.room) == room
    delta = view.work.delta(Verdict.ALLOW)
    assert delta.labels & Label.UNTRUSTED
    assert len(delta.tables) < 40
