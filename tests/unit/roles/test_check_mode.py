"""Tasks of guarded roles that run in check mode too, where no verdict is asked for."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from forge.change.permit import GUARDED

ROOT = Path(__file__).resolve().parents[3]
LOOKS = {"ansible.builtin.uri", "ansible.builtin.include_tasks", "ansible.builtin.stat"}


def tasks(found: Any) -> Iterator[dict[str, Any]]:
    for task in found or ():
        yield task
        for part in ("block", "rescue", "always"):
            yield from tasks(task.get(part))


FOUND = [
    pytest.param(task, id=f"{file.relative_to(ROOT)}: {task.get('name')}")
    for role in sorted(GUARDED)
    for file in sorted((ROOT / "roles" / role).glob("tasks/*.yml"))
    for task in tasks(yaml.safe_load(file.read_text()))
    if task.get("check_mode") is False
]


def test_there_are_such_tasks() -> None:
    assert len(FOUND) > 3


@pytest.mark.parametrize("task", FOUND)
def test_it_only_looks_or_works_on_the_controller(task: dict[str, Any]) -> None:
    told = "ansible_check_mode" in str(task)
    assert task.get("delegate_to") == "localhost" or told or LOOKS & task.keys()
    assert task.get("ansible.builtin.uri", {}).get("method", "GET") == "GET"
