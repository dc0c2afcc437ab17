"""Snapshots: refused with reason, and no slower than their hosts are many."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forge.change import Surroundings, read_hostvars, read_listing, snapshot
from forge.errors import InputError

from .conftest import KEY, listing

S = Surroundings()
SHARED = {"forge_flows": [{"name": "x"}], "forge_ports": {"ssh": 22}}


@given(st.binary(max_size=200))
@settings(deadline=None)
def test_any_bytes_are_no_listing(data: bytes) -> None:
    with pytest.raises(InputError):
        read_listing(data, S, KEY)


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "{}",
        '{"_meta": 1}',
        '{"_meta": {"hostvars": []}}',
        '{"all": {"hosts": 1}}',
    ],
)
def test_json_of_another_form_is_no_listing(text: str) -> None:
    with pytest.raises(InputError):
        read_listing(text, S, KEY)


def test_groups_count_with_the_members_of_their_children() -> None:
    text = """{
      "_meta": {"hostvars": {"a": {}}},
      "all": {"children": ["ungrouped", "parent"]},
      "parent": {"children": ["child", "empty"]},
      "child": {"hosts": ["a"]}
    }"""
    facts = read_listing(text, S, KEY).hosts["a"]
    assert facts["groups"] == '["child","parent"]'


@pytest.mark.parametrize("count", [2, 500])
def test_a_value_that_hosts_share_is_read_once(
    monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    seen: list[str] = []
    real = snapshot._text

    def counted(name: str, value: Any, key: bytes) -> str:
        seen.append(name)
        return real(name, value, key)

    monkeypatch.setattr(snapshot, "_text", counted)
    hosts: dict[str, dict[str, Any]] = {f"h{n}": dict(SHARED) for n in range(count)}
    listed = read_listing(listing(hosts, {}), S, KEY)
    assert sorted(seen) == sorted(SHARED)
    seen.clear()
    seen_by_run = read_hostvars(hosts, {"all": list(hosts)}, S, KEY)
    assert sorted(seen) == sorted(SHARED)
    assert seen_by_run == listed
