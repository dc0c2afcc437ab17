"""Plans: what binds them, and what a failed run leaves behind."""

from typing import Any

import pytest

from forge.change import (
    Applied,
    AppliedStateError,
    Kind,
    Plan,
    Scope,
    Snapshot,
    Surroundings,
    begin,
    finish,
    plan_of,
    supposed,
)

from .conftest import Take

ROOM: dict[str, dict[str, Any]] = {"a": {"k3s_limit_nofile": 1}, "b": {}}
GROUPS = {"k3s_cluster": ["a", "b"]}
S = Surroundings()


def applied(snapshot: Snapshot) -> Applied:
    first = plan_of(snapshot, None, S)
    begun = begin(None, first, snapshot.hosts, "run-1")
    return finish(begun, snapshot, first, snapshot.hosts, "run-1")


def unknown(plan: Plan) -> list[str]:
    return [c.host for c in plan.changes if c.kind is Kind.UNKNOWN]


def test_nothing_applied_leaves_every_host_unknown(take: Take) -> None:
    plan = plan_of(take(ROOM, GROUPS), None, S)
    assert plan.is_first
    assert unknown(plan) == ["a", "b"]
    assert plan.blast.data_lost == ("a", "b")


def test_what_was_applied_needs_no_change(take: Take) -> None:
    snapshot = take(ROOM, GROUPS)
    plan = plan_of(snapshot, applied(snapshot), S)
    assert plan.changes == ()
    assert not plan.is_first


def test_the_failed_plan_keeps_its_digest_and_others_see_unknown_hosts(
    take: Take,
) -> None:
    old = applied(take(ROOM, GROUPS))
    proposed = take({**ROOM, "a": {"k3s_limit_nofile": 2}}, GROUPS)
    plan = plan_of(proposed, old, S)
    begun = begin(old, plan, ["a"], "run-2")
    assert plan_of(proposed, begun, S) == plan
    again = begin(begun, plan, ["a"], "run-3")
    assert plan_of(proposed, again, S) == plan
    other = plan_of(take({**ROOM, "a": {"k3s_limit_nofile": 3}}, GROUPS), again, S)
    assert unknown(other) == ["a"]
    assert "a" in other.blast.hosts_reinstalled
    assert "b" not in other.blast.hosts_reinstalled


def test_the_failed_first_plan_keeps_its_digest(take: Take) -> None:
    snapshot = take(ROOM, GROUPS)
    plan = plan_of(snapshot, None, S)
    begun = begin(None, plan, snapshot.hosts, "run-1")
    assert plan_of(snapshot, begun, S) == plan
    assert plan_of(take({"a": {}, "b": {}}, GROUPS), begun, S).digest != plan.digest


def test_going_back_after_a_failure_is_another_plan(take: Take) -> None:
    first = take(ROOM, GROUPS)
    old = applied(first)
    changed = plan_of(take({"a": {}, "b": {}}, GROUPS), old, S)
    begun = begin(old, changed, ["a", "b"], "run-2")
    back = plan_of(first, begun, S)
    assert unknown(back) == ["a", "b"]


def test_an_older_failure_elsewhere_stays_unknown(take: Take) -> None:
    old = applied(take(ROOM, GROUPS))
    one = take({**ROOM, "a": {"k3s_limit_nofile": 2}}, GROUPS)
    begun = begin(old, plan_of(one, old, S), ["a"], "run-2")
    two = take({**ROOM, "b": {"k3s_limit_nofile": 2}}, GROUPS)
    second = plan_of(two, begun, S, Scope(limit="b", hosts=("b",)))
    assert unknown(second) == ["a"]
    again = begin(begun, second, ["b"], "run-3")
    assert plan_of(two, again, S, Scope(limit="b", hosts=("b",))) == second


def test_only_converged_hosts_are_known(take: Take) -> None:
    old = applied(take(ROOM, GROUPS))
    proposed = take(
        {"a": {"k3s_limit_nofile": 2}, "b": {"k3s_limit_nofile": 2}}, GROUPS
    )
    plan = plan_of(proposed, old, S)
    done = finish(begin(old, plan, ["a"], "r"), proposed, plan, ["a"], "r")
    assert [c.host for c in plan_of(proposed, done, S).changes] == ["b"]


def test_a_host_that_was_not_begun_cannot_be_finished(take: Take) -> None:
    snapshot = take(ROOM, GROUPS)
    plan = plan_of(snapshot, None, S)
    begun = begin(None, plan, ["a"], "r")
    with pytest.raises(AppliedStateError, match="b was not begun"):
        finish(begun, snapshot, plan, ["a", "b"], "r")


def test_removed_hosts_are_forgotten_by_a_run_on_all(take: Take) -> None:
    old = applied(take(ROOM, GROUPS))
    proposed = take({"a": ROOM["a"]}, {"k3s_cluster": ["a"]})
    plan = plan_of(proposed, old, S)
    assert [(c.host, c.kind) for c in plan.changes] == [("b", Kind.REMOVED)]
    done = finish(begin(old, plan, ["a"], "r"), proposed, plan, ["a"], "r")
    assert plan_of(proposed, done, S).changes == ()


@pytest.mark.parametrize(
    "scope",
    [
        Scope(limit="a"),
        Scope(tags=("k3s",)),
        Scope(skip_tags=("k3s",)),
        Scope(start_at="Render configuration"),
    ],
    ids=["limit", "tags", "skip_tags", "start_at"],
)
def test_the_digest_covers_what_a_run_takes_on(take: Take, scope: Scope) -> None:
    snapshot = take(ROOM, GROUPS)
    base = supposed(snapshot)
    assert plan_of(snapshot, base, S, scope).digest != plan_of(snapshot, base, S).digest


@pytest.mark.parametrize(
    "given",
    [
        Surroundings(pins="sha256:1"),
        Surroundings(tree={"roles/k3s": "sha256:1"}),
        Surroundings(ansible={"ansible 1": "sha256:1"}),
        Surroundings(extra_vars="hmac-sha256:1"),
    ],
    ids=["pins", "tree", "ansible", "extra_vars"],
)
def test_the_digest_covers_every_input(take: Take, given: Surroundings) -> None:
    snapshot = take(ROOM, GROUPS, given)
    base = supposed(snapshot)
    with_them = plan_of(snapshot, base, given)
    assert with_them.digest != plan_of(snapshot, base, S).digest


def test_a_limited_run_touches_its_hosts_only(take: Take) -> None:
    base = supposed(take(ROOM, GROUPS))
    proposed = take(
        {"a": {"k3s_limit_nofile": 2}, "b": {"k3s_limit_nofile": 2}}, GROUPS
    )
    plan = plan_of(proposed, base, S, Scope(limit="b", hosts=("b",)))
    assert {host for impact in plan.impacts for host in impact.hosts} == {"b"}
