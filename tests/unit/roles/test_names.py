"""Names of variables inside a role: what is registered wins over a task's own."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROLES = Path(__file__).parents[3] / "roles"


def tasks_of(found: Any) -> Iterator[dict[str, Any]]:
    for task in found or []:
        yield task
        for part in ("block", "rescue", "always"):
            yield from tasks_of(task.get(part))


@pytest.mark.parametrize("role", sorted(p.name for p in ROLES.iterdir()))
def test_no_task_has_a_variable_of_a_name_that_is_registered(role: str) -> None:
    registered, own = set(), set()
    for file in (ROLES / role / "tasks").rglob("*.yml"):
        for task in tasks_of(yaml.safe_load(file.read_text())):
            registered |= {task["register"]} if "register" in task else set()
            registered |= set(task.get("ansible.builtin.set_fact", ()))
            own |= set(task.get("vars", ()))
    assert not registered & own
