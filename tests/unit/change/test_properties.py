"""What holds for all rooms."""

import random
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from forge.change import (
    Effect,
    Snapshot,
    Surroundings,
    plan_of,
    read_hostvars,
    read_listing,
    supposed,
)
from forge.change.diff import diff

from .conftest import KEY, listing

S = Surroundings()
NAMES = st.sampled_from(
    [
        "forge_taints",
        "forge_components",
        "forge_addresses",
        "k3s_limit_nofile",
        "x",
        "ü",
    ]
)
PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=6,
)
HOSTS = st.dictionaries(
    st.sampled_from(["a", "b", "c", "d"]),
    st.dictionaries(NAMES, PLAIN, max_size=4),
    min_size=1,
)
GROUPS = st.dictionaries(
    st.sampled_from(["k3s_server", "k3s_agent", "boundary", "spare"]),
    st.lists(st.sampled_from(["a", "b", "c", "d"]), unique=True),
)
type Room = tuple[dict[str, dict[str, Any]], dict[str, list[str]]]


@st.composite
def rooms(draw: st.DrawFn) -> Room:
    hosts, groups = draw(HOSTS), draw(GROUPS)
    return hosts, {g: [m for m in ms if m in hosts] for g, ms in groups.items()}


def take(room: Room) -> Snapshot:
    return read_listing(listing(*room), S, KEY)


def has_template(snapshot: Snapshot) -> bool:
    texts = [text for facts in snapshot.hosts.values() for text in facts.values()]
    return any("{{" in text or "{%" in text for text in texts)


@given(rooms())
@settings(deadline=None, max_examples=40)
def test_equal_rooms_differ_in_nothing(room: Room) -> None:
    snapshot = take(room)
    if not has_template(snapshot):
        assert diff(snapshot, take(room)) == ()


@given(rooms(), rooms(), st.randoms())
@settings(deadline=None, max_examples=40)
def test_the_order_of_an_inventory_does_not_matter(
    one: Room, two: Room, chance: random.Random
) -> None:
    def shuffled(room: Room) -> Room:
        hosts = [(n, list(own.items())) for n, own in room[0].items()]
        groups = [(n, chance.sample(ms, len(ms))) for n, ms in room[1].items()]
        chance.shuffle(hosts)
        chance.shuffle(groups)
        for _, own in hosts:
            chance.shuffle(own)
        return {n: dict(own) for n, own in hosts}, dict(groups)

    straight = plan_of(take(two), supposed(take(one)), S)
    mixed = plan_of(take(shuffled(two)), supposed(take(shuffled(one))), S)
    assert mixed == straight


@given(rooms(), rooms())
@settings(deadline=None, max_examples=40)
def test_there_and_back_touches_the_same(one: Room, two: Room) -> None:
    before, after = take(one), take(two)
    if has_template(before) or has_template(after):
        return
    there, back = diff(before, after), diff(after, before)
    renames = [c for c in there + back if c.subject == "alias" or c.kind == "changed"]
    if not renames:
        assert len(there) == len(back)
    assert bool(there) == bool(back) or any(c.subject == "alias" for c in there + back)


@given(rooms(), rooms())
@settings(deadline=None, max_examples=40)
def test_every_difference_is_told_and_has_an_effect(one: Room, two: Room) -> None:
    before, after = take(one), take(two)
    plan = plan_of(after, supposed(before), S)
    if before.digest() != after.digest():
        assert plan.changes
    assert [impact.change for impact in plan.impacts] == list(plan.changes)
    assert all(impact.effects for impact in plan.impacts)
    for impact in plan.impacts:
        if Effect.UNKNOWN in impact.effects:
            assert set(impact.hosts) <= set(plan.blast.hosts_reinstalled)


@given(rooms())
@settings(deadline=None, max_examples=40)
def test_hostvars_and_a_listing_are_one_snapshot(room: Room) -> None:
    hosts, groups = room
    magic = {"groups": {}, "inventory_hostname": "x", "omit": "y", "__noted": 1}
    seen = {name: {**own, **magic} for name, own in hosts.items()}
    members = {"all": list(hosts), **groups}
    listed = msgspec.json.decode(msgspec.json.encode(hosts))
    assert read_hostvars(seen, members, S, KEY) == take((listed, groups))


@given(rooms())
@settings(deadline=None, max_examples=40)
def test_a_plan_can_be_made_again(room: Room) -> None:
    snapshot = take(room)
    assert plan_of(snapshot, None, S) == plan_of(take(room), None, S)
