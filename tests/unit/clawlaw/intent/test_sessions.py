"""How a session begins: its scope is what it declares, cut to its ceiling."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clawlaw.core import intent
from clawlaw.core.errors import SessionError
from clawlaw.core.kernel import open_session
from clawlaw.core.policy import Purpose
from clawlaw.core.prepared import roots
from clawlaw.core.sessions import enter, leave
from clawlaw.core.state import Label, Room, Scope

type Make = Callable[..., Any]


def test_nothing_declared_takes_the_ceiling(gate: Make) -> None:
    scope = gate().session().scope
    assert scope.purpose == "develop"
    assert scope.paths == ("/workspace", "/tmp")  # noqa: S108  # data
    assert scope.hosts == ("example.org", ".example.net")
    assert scope.budgets == {"actions": 1000, "tokens": 10_000}


@pytest.mark.parametrize(
    ("declared", "ceiling", "cut"),
    [
        ((), ("/w",), ("/w",)),
        (("/w/a",), ("/w",), ("/w/a",)),
        (("/",), ("/w", "/t"), ("/w", "/t")),
        (("/w", "/etc"), ("/w",), ("/w",)),
        (("/w/",), ("/w",), ("/w",)),
        (("/w/../etc",), ("/w",), (intent.NOTHING,)),
        (("/wx",), ("/w",), (intent.NOTHING,)),
        (("/W",), ("/w",), (intent.NOTHING,)),
        (("/w",), (), (intent.NOTHING,)),
    ],
)
def test_paths_are_cut(
    declared: tuple[str, ...], ceiling: tuple[str, ...], cut: tuple[str, ...]
) -> None:
    both = intent.cut(Scope("p", declared), Scope("p", ceiling))
    assert both.paths == cut


@pytest.mark.parametrize(
    ("declared", "ceiling", "cut"),
    [
        ((), ("a.org",), ("a.org",)),
        (("a.org",), ("a.org", "b.org"), ("a.org",)),
        (("x.a.org",), (".a.org",), ("x.a.org",)),
        ((".x.a.org",), (".a.org",), (".x.a.org",)),
        ((".a.org",), ("x.a.org",), ("x.a.org",)),
        (("*",), ("a.org",), ("a.org",)),
        (("a.org",), ("*",), ("a.org",)),
        (("a.org",), (".a.org",), (intent.NOTHING,)),
        (("evil-a.org",), (".a.org",), (intent.NOTHING,)),
        (("127.0.0.1",), ("127.0.0.0/8",), ("127.0.0.1",)),
        (("10.1.0.0/16", "::1/128"), ("10.0.0.0/8",), ("10.1.0.0/16",)),
        (("0.0.0.0/0",), ("10.0.0.0/8",), ("10.0.0.0/8",)),
        (("10.1.0.0/99",), ("10.0.0.0/8",), (intent.NOTHING,)),
        (("A.org",), (".org",), ("A.org",)),
    ],
)
def test_hosts_are_cut(
    declared: tuple[str, ...], ceiling: tuple[str, ...], cut: tuple[str, ...]
) -> None:
    both = intent.cut(Scope("p", (), declared), Scope("p", (), ceiling))
    assert both.hosts == cut


@pytest.mark.parametrize(
    ("declared", "ceiling", "cut"),
    [
        ((), (), ()),
        (("git",), (), ("git",)),
        ((), ("git",), ("git",)),
        (("git", "rm"), ("git", "ls"), ("git",)),
        (("*",), ("git",), ("git",)),
        (("git",), ("*",), ("git",)),
        (("rm",), ("git",), (intent.NOTHING,)),
    ],
)
def test_programs_are_cut(
    declared: tuple[str, ...], ceiling: tuple[str, ...], cut: tuple[str, ...]
) -> None:
    both = intent.cut(Scope("p", programs=declared), Scope("p", programs=ceiling))
    assert both.programs == cut


@pytest.mark.parametrize(
    ("host", "hosts", "inside"),
    [
        ("a.org", ("A.ORG",), True),
        ("a.org", ("*",), True),
        ("a.org", (), False),
        ("x.a.org", (".a.org",), True),
        ("a.org", (".a.org",), False),
        ("127.8.8.8", ("127.0.0.0/8",), True),
        ("128.0.0.1", ("127.0.0.0/8",), False),
        ("127.0.0.1", (".0.0.1",), False),
        ("127.x", ("127.0.0.0/8",), False),
        ("::1", ("::1",), True),
        ("fe80::7", ("fe80::/10",), True),
        ("fe80::7", ("10.0.0.0/8",), False),
        ("a.org", (".",), False),
        ("a.org", ("a.org/24",), False),
        ("a9", ("10.0.0.0/8",), False),
    ],
)
def test_hosts_are_listed(
    host: str,
    hosts: tuple[str, ...],
    inside: bool,  # noqa: FBT001  # a column of the table
) -> None:
    assert intent.in_hosts(host, hosts) is inside


def test_budgets_and_expiry_are_the_lower() -> None:
    both = intent.cut(
        Scope("p", budgets={"tokens": 5, "seconds": 9}, expires=70),
        Scope("p", budgets={"tokens": 8, "actions": 3}, expires=50),
    )
    assert both.budgets == {"tokens": 5, "actions": 3, "seconds": 9}
    assert both.expires == 50
    assert intent.cut(Scope("p", expires=70), Scope("p")).expires == 70
    assert intent.cut(Scope("p"), Scope("p", expires=70)).expires == 70


parts_of_paths = st.lists(st.sampled_from(["a", "b", "ab"]), max_size=3)
paths = parts_of_paths.map(lambda parts: "/" + "/".join(parts))
names = st.lists(paths, min_size=1, max_size=3).map(tuple)


@given(names, names, st.lists(st.sampled_from(["a", "b", "ab"]), max_size=4))
def test_a_path_is_in_the_cut_if_it_is_in_both(
    declared: tuple[str, ...], ceiling: tuple[str, ...], parts: list[str]
) -> None:
    path = "/" + "/".join(parts)
    cut = intent.cut(Scope("p", declared), Scope("p", ceiling)).paths
    both = roots(declared).hold_exactly(path) and roots(ceiling).hold_exactly(path)
    assert roots(cut).hold_exactly(path) is both


@given(names)
def test_cutting_twice_changes_nothing(paths: tuple[str, ...]) -> None:
    ceiling = Scope("p", ("/a", "/b/ab"))
    once = intent.cut(Scope("p", paths), ceiling)
    assert intent.cut(once, ceiling).paths == once.paths


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"principal": "stranger"}, "'stranger' is not enrolled"),
        ({"session_id": ""}, "needs an id"),
        ({"scope": Scope("conquer")}, "may declare develop, review"),
        ({"scope": Scope("", budgets={"tokens": -1})}, "tokens: -1 is negative"),
        ({"room": Room(sessions={"agent": 8})}, "8 open sessions already"),
    ],
)
def test_a_session_that_is_not_opened(gate: Make, asked: Any, message: str) -> None:
    made = {"principal": "agent", "session_id": "s", **asked}
    with pytest.raises(SessionError, match=message):
        open_session(gate().policy, **made)


def test_a_ceiling_of_nothing_is_halted_at_once(gate: Make) -> None:
    session = gate().session(Scope("develop", budgets={"tokens": 0}))
    assert session.level == "halted"


def test_a_child_session_is_cut_to_its_parent(gate: Make) -> None:
    world = gate()
    parent = world.session(Scope("develop", ("/workspace/a",), budgets={"tokens": 9}))
    parent.labels = int(Label.SECRET)
    asked = Scope("review", ("/workspace",), budgets={"tokens": 50})
    child = open_session(world.policy, "agent", "c", asked, parent)
    assert child.scope.paths == ("/workspace/a",)
    assert child.scope.budgets["tokens"] == 9
    assert (child.depth, child.parent) == (1, "s")
    assert child.labels == Label.SECRET
    with pytest.raises(SessionError, match="depth 2"):
        open_session(world.policy, "agent", "d", None, child)


def test_a_child_does_no_more_than_its_parents_purpose(gate: Make) -> None:
    world = gate(purposes={"review": Purpose("review", frozenset({"file.read"}))})
    parent = world.session(Scope("review"))
    with pytest.raises(SessionError, match="may declare review"):
        open_session(world.policy, "agent", "c", Scope("develop"), parent)


def test_a_room_counts_its_sessions(gate: Make) -> None:
    world = gate(principal={"sessions": 1})
    room = Room()
    session = open_session(world.policy, "agent", "s", room=room)
    enter(room, session)
    with pytest.raises(SessionError, match="1 open sessions"):
        open_session(world.policy, "agent", "t", room=room)
    leave(room, session)
    leave(room, session)
    assert room.sessions == {"agent": 0}
    assert open_session(world.policy, "agent", "t", room=room).id == "t"
