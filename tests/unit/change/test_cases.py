"""Each fixture's change is told as its lines say; its name is the expectation."""

import re
from collections import Counter
from typing import Any

import msgspec
import pytest

from forge.change.model import Effect

from . import cases, test_inventories

CASES = list(cases.cases())
LEAST = 150


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_case(case: dict[str, Any]) -> None:
    found = cases.plan(case)
    assert cases.says(found) == case["says"]
    blast = msgspec.to_builtins(found.blast)
    expected = case.get("blast", {})
    assert {field: list(blast[field]) for field in expected} == expected
    for word in case.get("never", []):
        assert word not in msgspec.json.encode(found).decode()


def test_there_are_enough_cases_and_no_name_twice() -> None:
    names = Counter(case["name"] for case in CASES)
    assert len(names) >= LEAST
    assert [name for name, count in names.items() if count > 1] == []


def test_every_effect_occurs_in_some_case() -> None:
    lines = "\n".join(line for case in CASES for line in case["says"])
    assert [effect for effect in Effect if effect not in lines] == []


# What a comparison of inventories gets wrong most easily, by words of the names.
TRAPS = {
    "renames": "rename",
    "group moves": "-that-moves-to-|-that-becomes-a-|-leaves-the-",
    "precedence": "that-equals-the-group|masked-by",
    "Jinja": "template",
    "extra vars": "extra-vars-over-a-governed-value",
    "vaulted values": "vaulted-value-that-changes",
    "two aliases on one address": "-alias-",
    "IPv6 spellings": "ipv6",
    "unicode host names": "unicode-(host|name|forms)",
    "empty groups": "empty-group",
}


@pytest.mark.parametrize("trap", TRAPS)
def test_each_trap_has_a_case(trap: str) -> None:
    names = [case["name"] for case in CASES] + list(test_inventories.CASES)
    assert [name for name in names if re.search(TRAPS[trap], name)]
