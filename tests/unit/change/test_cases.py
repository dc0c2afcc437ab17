"""Each fixture's change is told as its lines say; its name is the expectation."""

from collections import Counter
from typing import Any

import msgspec
import pytest

from forge.change.model import Effect

from . import cases

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
