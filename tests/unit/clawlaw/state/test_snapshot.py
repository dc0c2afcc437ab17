import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clawlaw.core.errors import StateError
from clawlaw.core.policy import Policy, Principal
from clawlaw.core.snapshot import (
    decode_room,
    decode_session,
    encode_room,
    encode_session,
)
from clawlaw.core.state import Label, Room, Scope, Session, State, insert, label, pack

POLICY = Policy(
    name="test",
    version="1",
    digest="sha256:0",
    workspace=("/workspace",),
    home="/home/agent",
    rules={},
    purposes={},
    principals={"p": Principal("p", Scope("develop"), ("develop",), {})},
    settings={},
    laws=frozenset(),
)
keys = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)


def used(names: list[str]) -> State:
    scope = Scope("develop", paths=("/workspace",), budgets={"actions": 100})
    state = State(Session("s", "p", scope), Room())
    state.session.spend["actions"] = 10
    state.room.spend["p/actions"] = 10
    for number, name in enumerate(names, 1):
        state.session.actions = number
        insert(state, "files", name, pack(Label.CODE, number))
        label(state.session, Label.UNTRUSTED)
        state.session.marks.setdefault("boundary_probe", []).append(number)
    return state


@given(st.lists(keys, max_size=10))
def test_round_trip(names: list[str]) -> None:
    state = used(names)
    data = encode_session(state.session)
    again = decode_session(data, POLICY)
    assert again == state.session
    assert encode_session(again) == data
    room = decode_room(encode_room(state.room))
    assert room == state.room
    assert encode_room(room) == encode_room(state.room)


def test_the_level_is_reconciled() -> None:
    session = used([]).session
    session.spend["actions"] = 99
    assert decode_session(encode_session(session), POLICY).level == "gated"
    session.level, session.spend["actions"] = "halted", 1
    assert decode_session(encode_session(session), POLICY).level == "halted"
    session.principal = "nobody"
    session.level = "normal"
    assert decode_session(encode_session(session), POLICY).level == "halted"


def change(*path: Any, to: Any) -> Callable[[dict[str, Any]], None]:
    def apply(whole: dict[str, Any]) -> None:
        inner: Any = whole
        for step in path[:-1]:
            inner = inner[step]
        inner[path[-1]] = to

    return apply


BAD = {
    "negative spend": change("record", "spend", "actions", to=-1),
    "spend too big to be exact": change("record", "spend", "actions", to=2**53),
    "negative budget": change("record", "scope", "budgets", "actions", to=-1),
    "negative count": change("record", "counts", to={"file.read": -1}),
    "label without a time": change("record", "labelled", "UNTRUSTED", to=-1),
    "actions below zero": change("record", "actions", to=-1),
    "depth below zero": change("record", "depth", to=-1),
    "a level that does not exist": change("record", "level", to="calm"),
    "marks out of order": change("record", "marks", "boundary_probe", to=[2, 1]),
    "marks of the future": change("record", "marks", "boundary_probe", to=[9]),
    "marks without end": change("record", "marks", "boundary_probe", to=[1] * 65),
    "another cap": change("record", "tables", "files", "cap", to=1),
    "another grain": change("record", "tables", "files", "grain", to=3),
    "a value below zero": change("record", "tables", "files", "entries", "a", to=-1),
    "too many entries": change(
        "record", "tables", "files", "entries", to={str(n): 1 for n in range(12_289)}
    ),
    "an unknown field": change("record", "more", to=1),
    "an unknown field beside it": change("more", to=1),
    "another form": change("form", to="room/1"),
    "a wrong type": change("record", "actions", to="1"),
}


def changed(data: bytes, how: Callable[[dict[str, Any]], None]) -> bytes:
    whole = json.loads(data)
    how(whole)
    return json.dumps(whole, sort_keys=True, separators=(",", ":")).encode()


@pytest.mark.parametrize("how", BAD.values(), ids=BAD)
def test_a_session_that_is_not_what_was_stored(
    how: Callable[[dict[str, Any]], None],
) -> None:
    data = encode_session(used(["a", "b"]).session)
    assert changed(data, lambda _: None) == data, "the change alone is the reason"
    with pytest.raises(StateError):
        decode_session(changed(data, how), POLICY)


@pytest.mark.parametrize(
    "how",
    [
        change("record", "spend", "p/actions", to=-1),
        change("record", "sessions", to={"p": -1}),
        change("record", "tables", "files", "cap", to=4096),
        change("form", to="session/1"),
        change("record", "more", to=1),
    ],
)
def test_a_room_that_is_not_what_was_stored(
    how: Callable[[dict[str, Any]], None],
) -> None:
    data = encode_room(used(["a"]).room)
    assert changed(data, lambda _: None) == data
    with pytest.raises(StateError):
        decode_room(changed(data, how))


@pytest.mark.parametrize(
    "data", [b"", b"{}", b"\xff", b"null", b"[" * 100_000, b'{"form":"session/1"}']
)
def test_bytes_that_are_no_state(data: bytes) -> None:
    with pytest.raises(StateError):
        decode_session(data, POLICY)
    with pytest.raises(StateError):
        decode_room(data)


def test_one_form_only() -> None:
    data = encode_session(used(["a"]).session)
    for other in (
        data + b" ",
        data.replace(b'"actions":1,', b'"actions":1,"actions":1,'),
    ):
        with pytest.raises(StateError):
            decode_session(other, POLICY)


def test_text_without_a_form_is_not_encoded() -> None:
    state = used([])
    state.session.spend["\ud800"] = 1
    with pytest.raises(StateError, match="not valid Unicode"):
        encode_session(state.session)
