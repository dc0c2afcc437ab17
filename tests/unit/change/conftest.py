"""A small room to propose changes of."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from forge.change import Snapshot, Surroundings, read_listing

KEY = b"k" * 32
type Take = Callable[..., Snapshot]


def listing(hosts: dict[str, dict[str, Any]], groups: dict[str, list[str]]) -> bytes:
    """What ``ansible-inventory --list`` prints for these hosts and groups."""
    grouped = {host for members in groups.values() for host in members}
    entries: dict[str, Any] = {
        name: {"hosts": members} for name, members in groups.items()
    }
    rest = [host for host in hosts if host not in grouped]
    entries["ungrouped"] = {"hosts": rest}
    entries["all"] = {"children": ["ungrouped", *groups]}
    entries["_meta"] = {"hostvars": hosts}
    return msgspec.json.encode(entries)


@pytest.fixture
def take() -> Take:
    """Take a snapshot of hosts and groups, given as plain data."""

    def call(
        hosts: dict[str, dict[str, Any]],
        groups: dict[str, list[str]] | None = None,
        surroundings: Surroundings | None = None,
    ) -> Snapshot:
        given = surroundings or Surroundings()
        return read_listing(listing(hosts, groups or {}), given, KEY)

    return call
