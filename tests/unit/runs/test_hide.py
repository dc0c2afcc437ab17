"""What a task changed is shown, and no secret of it."""

from typing import Any

import pytest

from forge.runs.hide import MAX_LINES, MAX_TEXT, Hider

SECRET = "hunter2hunter2"  # noqa: S105 - of this test
HIDER = Hider(bytes(32))


def lines(result: dict[str, Any]) -> str:
    return "\n".join(HIDER.changes(result)["diff"])


def test_a_text_is_shown_as_a_diff() -> None:
    diff = {"before": "a\nb\n", "after": "a\nc\n", "after_header": "/etc/x"}
    assert HIDER.changes({"diff": diff}) == {
        "diff": ["--- before", "+++ /etc/x", "@@ -1,2 +1,2 @@", " a", "-b", "+c"]
    }


@pytest.mark.parametrize(
    "diff",
    [
        pytest.param({"after": f"password: {SECRET}\n"}, id="text"),
        pytest.param({"after": {"password": SECRET}}, id="object"),
        pytest.param({"after": {"deep": [{"api_key": SECRET}]}}, id="deep"),
        pytest.param({"prepared": f"+export TOKEN={SECRET}"}, id="prepared"),
        pytest.param({"after": "x", "after_header": f"token={SECRET}"}, id="header"),
        pytest.param([{"after": "x"}, {"after": f"secret={SECRET}"}], id="list"),
    ],
)
def test_a_secret_is_a_keyed_digest(diff: object) -> None:
    shown = lines({"diff": diff})
    assert SECRET not in shown
    assert "secret:" in shown


def test_equal_secrets_are_equal_digests_of_one_key() -> None:
    result = {"diff": {"after": f"password: {SECRET}\n"}}
    assert HIDER.changes(result) == Hider(bytes(32)).changes(result)
    assert HIDER.changes(result) != Hider(b"x" * 32).changes(result)


def test_content_of_a_private_file_is_withheld() -> None:
    shown = HIDER.changes({"mode": "0600", "diff": {"after": "opaque"}})
    assert shown["diff"] == []
    assert "withheld" in shown


def test_the_mode_of_a_private_file_is_shown() -> None:
    diff = {"before": {"mode": "0644"}, "after": {"mode": "0600"}}
    assert '+ "mode": "0600"' in lines({"mode": "0600", "diff": diff})


def test_a_result_with_no_log_is_withheld() -> None:
    shown = HIDER.changes({"censored": "hidden", "diff": {"after": "x"}})
    assert shown == {"withheld": "the task's result is secret"}


def test_only_items_that_changed_are_shown() -> None:
    items = [
        {"changed": True, "diff": {"after": "one\n"}},
        {"changed": False, "diff": {"after": "two\n"}},
    ]
    shown = lines({"results": items, "diff": {"after": "three"}})
    assert "+one" in shown
    assert "two" not in shown


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("x\n" * 10_000, id="many lines"),
        pytest.param("x" * 100_000, id="one long line"),
    ],
)
def test_a_long_diff_is_cut_and_says_so(text: str) -> None:
    shown = HIDER.changes({"diff": {"after": text}})
    assert len(shown["diff"]) <= MAX_LINES
    assert sum(map(len, shown["diff"])) <= MAX_TEXT
    assert shown["cut"] > 0
