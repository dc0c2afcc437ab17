"""Which files can hold no code."""

import pytest

from clawlaw.core.inert import is_inert

INERT = [
    "/w/a.md",
    "/w/b.txt",
    "/w/c.CSV",
    "/w/tests/fixtures/d.json",
    "/w/docs/e.yaml",
]
CODE = [
    "/w/a.py", "/w/a", "/w/.md", "/w/Makefile", "/w/package.json", "/w/a.json",
    "/w/requirements.txt", "/w/requirements-dev.txt", "/w/CMakeLists.txt",
    "/w/CLAUDE.md", "/w/.claude/notes.md", "/w/.git/a.txt", "/w/a.html", "/w/a.patch",
    "/w/.github/data/a.yaml",
]  # fmt: skip


@pytest.mark.parametrize("path", INERT)
def test_prose_and_data_hold_no_code(path: str) -> None:
    assert is_inert(path, "text")
    assert not is_inert(path, "#!/bin/sh\n")


@pytest.mark.parametrize("path", CODE)
def test_what_tools_take_orders_from_may_be_code(path: str) -> None:
    assert not is_inert(path, "text")
