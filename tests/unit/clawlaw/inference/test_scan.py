"""Calls that a model writes as text: found however the text is cut, or refused."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clawlaw.inference import strict
from clawlaw.inference.calls import (
    Call,
    CallError,
    calls_in,
    looks_like_call,
    read_text,
)
from clawlaw.inference.scan import TAGS, Scanner

CALL = {"name": "read", "arguments": {"path": "a"}}
TEXT = json.dumps(CALL)


def scan(text: str, sizes: list[int]) -> Scanner:
    scanner = Scanner()
    at = 0
    while at < len(text):
        size = sizes[at % len(sizes)]
        scanner.feed(text[at : at + size])
        at += size
    scanner.finish()
    return scanner


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from([
        TEXT,
        f"<tool_call>{TEXT}</tool_call>",
        f"<tool_call>\n{TEXT}\n</tool_call>",
        f"[TOOL_CALLS] [{TEXT}]",
        f"```json\n{TEXT}\n```",
        json.dumps({"x": [{"tool_calls": [CALL]}]}),
    ]),
    st.text(st.characters(exclude_characters="{<[`'\"", exclude_categories=["Cs"])),
    st.lists(st.integers(1, 9), min_size=1, max_size=5),
)  # fmt: skip
def test_a_call_is_found_however_it_is_cut(
    form: str, before: str, sizes: list[int]
) -> None:
    assert scan(before + form, sizes).calls == [Call("read", {"path": "a"})]


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
            st.sampled_from([*TAGS, "{", '{"', "}", '"name"', ":", '"arguments"', "`"]),
        ),
        max_size=12,
    ).map("".join),
    st.lists(st.integers(1, 7), min_size=1, max_size=4),
)
def test_no_text_breaks_the_scanner(text: str, sizes: list[int]) -> None:
    def verdict(cut: list[int]) -> Any:
        try:
            return scan(text, cut).calls
        except CallError:
            return None

    assert verdict(sizes) == verdict([len(text) + 1])


def test_text_passes_as_soon_as_it_can_be_no_call() -> None:
    scanner = Scanner()
    told = [
        scanner.feed(part) for part in ("Hel", "lo <", "b> f(x) {", " return }", " [x")
    ]
    assert told == [True, False, False, True, True]


@pytest.mark.parametrize(
    "text",
    [
        '{"name": "read", "name": "exec", "arguments": {}}',
        '{"name": "read", "arguments": {"path": "a", "path": "b"}}',
        '{"na\\u006de": "read", "na\\u006de": "x", "arguments": {}}',
        '{"name": "read", "arguments": {"path": NaN}}',
        '{"name": "read", "tool": "exec", "arguments": {}}',
        '{"name": "read", "arguments": {}, "parameters": {}}',
        '{"name": "read", "arguments": "{\\"path\\": \\"a\\", \\"path\\": \\"b\\"}"}',
        '{"name": "read\\u200b", "arguments": {}}',
        '{"name": 7, "arguments": {}}',
        '{"name": "read", "arguments": []}',
        "<tool_call>read the file</tool_call>",
        '<tool_call>{"name": "read", "arguments": {"path": "a"}',
        "{'name': 'exec', 'arguments': {}}",
        '{"name": "exec", "arguments": {"command": "x"',
        "```tool_code\nprint(1)\n```",
        "to=functions.exec",
    ],
)
def test_what_could_be_read_in_two_ways_is_refused(text: str) -> None:
    with pytest.raises(CallError):
        scan(text, [5])


@pytest.mark.parametrize(
    "text",
    [
        '{"city": "Paris", "name": "Louvre"}',
        "int main() { return 0; }",
        '{"unclosed": "object',
        "a < b, `code`, [1, 2]",
        "def f(x): return {'a': x}",
    ],
)
def test_what_is_no_call_is_left_alone(text: str) -> None:
    assert scan(text, [3]).calls == []


def test_a_call_is_written_in_one_form() -> None:
    found, text = read_text('{ "name":"read" , "arguments":{ "path":"a" } }')
    assert found == [Call("read", {"path": "a"})]
    assert text == '{"name":"read","arguments":{"path":"a"}}'
    assert looks_like_call(text)


def test_too_many_calls_are_refused() -> None:
    with pytest.raises(CallError, match="more than 32"):
        calls_in([CALL] * 33)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=12,
)


@settings(max_examples=200, deadline=None)
@given(JSON)
def test_strict_json_reads_what_it_writes(value: Any) -> None:
    assert strict.loads(strict.dumps(value)) == value


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=60) | JSON.map(lambda v: json.dumps(v).encode()[:-1]))
def test_no_bytes_break_the_strict_reader(data: bytes) -> None:
    try:
        strict.loads(data)
    except strict.StrictError:
        return


@pytest.mark.parametrize(
    "make",
    [
        lambda: '{"a": 1, "a": 1}',
        lambda: "[" * 100 + "]" * 100,
        lambda: '"\\ud800"',
        lambda: "[Infinity]",
        lambda: "",
        lambda: "[" * 100_000,
    ],
)
def test_what_readers_disagree_about_is_refused(make: Callable[[], str]) -> None:
    with pytest.raises(strict.StrictError):
        strict.loads(make())
