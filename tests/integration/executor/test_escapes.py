"""Each way out works without the sandbox and fails inside it."""

import os
from pathlib import Path

import pytest
from tests.integration.executor.attempts import ALL, Attempt
from tests.integration.executor.lab import GIT_CONFIG, Lab

WHO = {"all", "root", "user"}


@pytest.fixture
def world(lab: Lab, attempt: Attempt) -> Lab:
    """A lab with what an attempt wants to find outside."""
    if "becomes-root" in attempt.script and os.geteuid() == 0:
        program = lab.root / "becomes-root"
        program.write_bytes(Path("/usr/bin/id").read_bytes())
        program.chmod(0o4755)
    return lab


def works_plainly(attempt: Attempt, uid: int) -> bool:
    """Whether it can be shown to work without a sandbox, for this account."""
    if attempt.plain == "all":
        return True
    if attempt.plain == "user":
        return uid != 0 and os.geteuid() == 0
    return attempt.plain == "root" and uid == 0


@pytest.mark.parametrize("attempt", ALL, ids=lambda a: a.name)
def test_no_way_out(world: Lab, attempt: Attempt) -> None:
    ended = world.confined(attempt.script)
    said = ended.head.decode("utf-8", "replace")
    assert "ESCAPED" not in said, said
    assert ended.reason == "", said
    assert world.victim.poll() is None
    assert (world.outside / "victim").read_text() == "as it was\n"
    assert not (world.outside / "new").exists()
    assert (world.workspace / ".git/config").read_text() == GIT_CONFIG


@pytest.mark.parametrize(
    "attempt", [a for a in ALL if a.plain in WHO], ids=lambda a: a.name
)
def test_it_is_a_way_out_without_the_sandbox(
    world: Lab, attempt: Attempt, uid: int
) -> None:
    if not works_plainly(attempt, uid):
        pytest.skip(f"works only for {attempt.plain}")
    said = world.plainly(attempt.script)
    assert "ESCAPED" in said, said
