"""Accounts to escape from, and a clear word where nothing confines."""

import os
from collections.abc import Iterator

import pytest
from tests.integration.executor.lab import ORDINARY, Lab

from clawlaw.executor import available


@pytest.fixture(scope="session", autouse=True)
def _sandbox() -> None:
    found = available()
    if not found.ok:
        pytest.fail(f"no sandbox on this machine: {found.problem}\n  {found.remedy}")


def _accounts() -> list[object]:
    if os.geteuid() == 0:
        return [pytest.param(0, id="root"), pytest.param(ORDINARY, id="user")]
    return [pytest.param(os.geteuid(), id="user")]


@pytest.fixture(params=_accounts())
def uid(request: pytest.FixtureRequest) -> int:
    """Account that tries to escape."""
    return int(request.param)


@pytest.fixture
def lab(uid: int) -> Iterator[Lab]:
    """A world of that account."""
    with Lab(uid) as made:
        yield made
