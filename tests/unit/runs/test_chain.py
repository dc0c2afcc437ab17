"""A run's lines hold on to each other."""

from collections.abc import Callable

import pytest

from forge.runs import chain


def made(*entries: dict[str, str | int]) -> list[bytes]:
    lines, head = [], chain.START
    for entry in entries:
        line, head = chain.link(head, dict(entry))
        lines.append(line)
    return lines


LINES = made({"kind": "started", "at": 1}, {"kind": "changed"}, {"kind": "ended"})


def test_what_was_written_is_read() -> None:
    entries, head, broken = chain.read(LINES)
    assert [entry["kind"] for entry in entries] == ["started", "changed", "ended"]
    assert head == chain.digest(LINES[-1])
    assert broken == []


@pytest.mark.parametrize(
    ("tamper", "line", "why"),
    [
        pytest.param(lambda rows: rows[1:], 1, "does not follow", id="first removed"),
        pytest.param(
            lambda rows: [rows[0], rows[2]], 2, "does not follow", id="middle removed"
        ),
        pytest.param(
            lambda rows: [rows[0], rows[1].replace(b"changed", b"skipped"), rows[2]],
            3, "does not follow", id="changed",
        ),
        pytest.param(
            lambda rows: [rows[1], rows[0], rows[2]], 1, "does not follow", id="swapped"
        ),
        pytest.param(
            lambda rows: [rows[0].replace(b'":', b'": ', 1), *rows[1:]],
            1, "something else", id="spaced",
        ),
        pytest.param(lambda rows: [b"{", *rows[1:]], 1, "no JSON", id="torn"),
        pytest.param(lambda rows: [b"[]", *rows[1:]], 1, "no object", id="list"),
    ],
)  # fmt: skip
def test_what_was_changed_is_found(
    tamper: Callable[[list[bytes]], list[bytes]], line: int, why: str
) -> None:
    entries, _, broken = chain.read(tamper(list(LINES)))
    assert [row.line for row in broken] == [line]
    assert why in broken[0].why
    assert len(entries) == line - 1


def test_runs_name_the_run_before_them() -> None:
    one = ("one", {"after": None}, {"a", "b"})
    two = ("two", {"after": {"run": "one", "head": "b"}}, {"c"})
    assert chain.succession([one, two]) == []
    assert chain.succession([two]) == ["two: the run before it, one, is gone"]
    assert chain.succession([("one", {}, {"a"}), two]) == ["one: is not what two found"]
    assert "names no run" in chain.succession([one, ("two", {}, set())])[0]
