"""Real inventories through Ansible: precedence, templates, extra vars.

Each case is two inventories, listed by `ansible-inventory` as a run sees them.
"""

from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from forge.change import Surroundings, plan_of, read_listing, supposed
from forge.change.gather import list_inventory

from .cases import says
from .conftest import KEY

S = Surroundings()
NODES: dict[str, Any] = {"children": {"k3s_agent": {"hosts": {"w1": {}, "w2": {}}}}}
HOSTS: dict[str, Any] = {"all": {"children": {"k3s_cluster": NODES}}}
ALL, AGENT, CLUSTER = "group_vars/all", "group_vars/k3s_agent", "group_vars/k3s_cluster"
LIMIT, MASKED = "k3s_limit_nofile", {"k3s_limit_nofile": 3}


class Case(NamedTuple):
    """Variables by file, before and after; extra vars of the second."""

    before: dict[str, dict[str, Any]]
    after: dict[str, dict[str, Any]]
    says: list[str]
    extra: tuple[str, ...] = ()


CASES = {
    "a-parent-group-masked-by-its-child-changes-nothing": Case(
        {CLUSTER: {LIMIT: 1}, AGENT: MASKED}, {CLUSTER: {LIMIT: 2}, AGENT: MASKED}, []
    ),
    "all-masked-by-a-group-changes-nothing": Case(
        {ALL: {LIMIT: 1}, AGENT: MASKED}, {ALL: {LIMIT: 2}, AGENT: MASKED}, []
    ),
    "a-group-masked-by-one-host-changes-the-other": Case(
        {AGENT: {LIMIT: 1}, "host_vars/w1": MASKED},
        {AGENT: {LIMIT: 2}, "host_vars/w1": MASKED},
        ["w2 vars.k3s_limit_nofile changed: service_restart @ w2"],
    ),
    "a-mask-taken-away-shows-what-was-below": Case(
        {AGENT: {LIMIT: 1}, "host_vars/w1": MASKED},
        {AGENT: {LIMIT: 1}},
        ["w1 vars.k3s_limit_nofile changed: service_restart @ w1"],
    ),
    "a-variable-moved-from-a-group-to-its-hosts-changes-nothing": Case(
        {AGENT: MASKED}, {"host_vars/w1": MASKED, "host_vars/w2": MASKED}, []
    ),
    "extra-vars-over-a-governed-value-are-a-change-on-every-host": Case(
        {AGENT: MASKED, "host_vars/w1": {LIMIT: 4}},
        {AGENT: MASKED, "host_vars/w1": {LIMIT: 4}},
        [
            "w1 vars.k3s_limit_nofile changed: service_restart @ w1",
            "w2 vars.k3s_limit_nofile changed: service_restart @ w2",
        ],
        ('{"k3s_limit_nofile": 9}',),
    ),
    "extra-vars-that-repeat-a-governed-value-change-nothing": Case(
        {AGENT: MASKED}, {AGENT: MASKED}, [], ('{"k3s_limit_nofile": 3}',)
    ),
    "a-verdict-among-extra-vars-is-the-worst-case": Case(
        {}, {}, ["* vars.verdict added: unknown @ all"], ("verdict=allow",)
    ),
    "extra-vars-move-what-a-template-reads": Case(
        {AGENT: {LIMIT: "{{ base }}", "base": 1}},
        {AGENT: {LIMIT: "{{ base }}", "base": 1}},
        [
            "* vars.base changed: unknown @ all",
            "* vars.k3s_limit_nofile changed: service_restart @ all",
        ],
        ("base=2",),
    ),
}


def write(folder: Path, files: dict[str, dict[str, Any]]) -> Path:
    folder.mkdir()
    (folder / "hosts.yml").write_text(yaml.safe_dump(HOSTS), encoding="utf-8")
    for name, variables in files.items():
        file = folder / f"{name}.yml"
        file.parent.mkdir(exist_ok=True)
        file.write_text(yaml.safe_dump(variables), encoding="utf-8")
    return folder


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_inventory(case: Case, tmp_path: Path) -> None:
    (tmp_path / "playbooks").mkdir()
    old = list_inventory([write(tmp_path / "before", case.before)], tmp_path)
    new = list_inventory(
        [write(tmp_path / "after", case.after)], tmp_path, list(case.extra)
    )
    applied = supposed(read_listing(old, S, KEY))
    assert says(plan_of(read_listing(new, S, KEY), applied, S)) == case.says
