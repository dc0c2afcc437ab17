"""Streams cut and relayed: the bytes that come are the bytes that go."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clawlaw.inference.dialect import Dialect, Usage
from clawlaw.inference.pieces import Cutter, Events, Lines, PieceError
from clawlaw.inference.relay import EngineError, Relay, RelayError

LIMIT = 1 << 20


def event(delta: dict[str, Any], finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return b"data: " + json.dumps({"choices": [choice]}).encode() + b"\n\n"


def line(content: str, **more: Any) -> bytes:
    said = {"message": {"role": "assistant", "content": content}, "done": False}
    return json.dumps(said | more).encode() + b"\n"


END = {"done": True, "prompt_eval_count": 3, "eval_count": 2}


def relayed(stream: bytes, sizes: list[int], *, ollama: bool) -> tuple[Relay, bytes]:
    relay = Relay(Dialect(ollama=ollama), LIMIT, events=not ollama)
    cutter: Cutter = Lines(LIMIT) if ollama else Events(LIMIT)
    out, at = b"", 0
    while at < len(stream):
        size = sizes[at % len(sizes)]
        data = stream[at : at + size]
        relay.taken(data)
        out += b"".join(relay.feed(piece) for piece in cutter.feed(data))
        at += size
    out += b"".join(relay.feed(piece) for piece in cutter.rest())
    return relay, out


PLAIN = st.text(
    st.characters(exclude_characters="{<[`'\"=", exclude_categories=["Cs"]), max_size=9
)
SIZES = st.lists(st.integers(1, 50), min_size=1, max_size=4)


@settings(max_examples=150, deadline=None)
@given(texts=st.lists(PLAIN, max_size=8), sizes=SIZES, ollama=st.booleans())
def test_a_stream_without_calls_keeps_its_bytes(
    texts: list[str], sizes: list[int], *, ollama: bool
) -> None:
    if ollama:
        stream = b"".join(map(line, texts)) + line("", **END)
    else:
        stream = b"".join(event({"content": text}) for text in texts)
        stream += event({}, "stop") + b"data: [DONE]\n\n"
    relay, out = relayed(stream, sizes, ollama=ollama)
    assert relay.held_calls() == []
    assert out != stream  # the end waits
    assert out + relay.rest() == stream


@settings(max_examples=300, deadline=None)
@given(stream=st.binary(max_size=200), sizes=SIZES, ollama=st.booleans())
def test_no_bytes_break_the_relay(
    stream: bytes, sizes: list[int], *, ollama: bool
) -> None:
    try:
        relay, _ = relayed(stream, sizes, ollama=ollama)
        relay.held_calls()
    except (PieceError, RelayError):
        return


PARTS = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 5) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from([
                "choices", "delta", "message", "content", "tool_calls", "function",
                "name", "arguments", "index", "finish_reason", "usage", "error", "done",
                "eval_count", "prompt_tokens", "type", "id", "role",
            ]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)  # fmt: skip


@settings(max_examples=500, deadline=None)
@given(parts=st.lists(PARTS, max_size=4), ollama=st.booleans())
def test_no_shape_breaks_the_relay(parts: list[Any], *, ollama: bool) -> None:
    end = b"\n" if ollama else b"\n\n"
    head = b"" if ollama else b"data: "
    stream = b"".join(head + json.dumps(part).encode() + end for part in parts)
    try:
        relay, _ = relayed(stream, [1000], ollama=ollama)
        relay.held_calls()
        relay.rest()
    except (PieceError, RelayError):
        return


def test_an_answer_that_does_not_end_is_no_answer() -> None:
    relay, out = relayed(event({"content": "a"}), [100], ollama=False)
    assert out
    with pytest.raises(EngineError, match="breaks off"):
        relay.held_calls()


def test_the_engine_s_own_error_is_told() -> None:
    with pytest.raises(EngineError, match="out of memory"):
        relayed(b'{"error": "out of memory"}\n', [100], ollama=True)


def test_an_answer_is_bounded() -> None:
    relay = Relay(Dialect(ollama=True), 10)
    with pytest.raises(RelayError, match="more than 10 bytes"):
        relay.taken(b"x" * 11)
    with pytest.raises(PieceError, match="more than 10 bytes"):
        Lines(10).feed(b"x" * 11)


def test_usage_is_the_engine_s() -> None:
    relay, _ = relayed(line("a") + line("", **END), [100], ollama=True)
    assert relay.usage == Usage(3, 2)
    assert Dialect(ollama=True).usage({"eval_count": -3}) is None
    assert Dialect(ollama=False).usage({"usage": {"prompt_tokens": True}}) is None


@pytest.mark.parametrize(
    "delta",
    [
        {"function_call": {"name": "exec", "arguments": "{}"}},
        {"tool_calls": {"name": "exec"}},
        {"tool_calls": [{"type": "code_interpreter", "function": {}}]},
        {"tool_calls": [{"index": 0, "function": {"name": "a", "code": "x"}}]},
        {"content": [{"type": "tool_use", "name": "exec"}]},
        {"audio": {"id": "a"}},
    ],
)
def test_parts_that_nobody_judges_are_refused(delta: dict[str, Any]) -> None:
    with pytest.raises(RelayError):
        relayed(event(delta), [1000], ollama=False)


def test_two_channels_are_read_apart() -> None:
    stream = event({"reasoning": '{"name": "read", '})
    stream += event({"content": '"arguments": {}}'}) + event({}, "stop")
    relay, _ = relayed(stream, [1000], ollama=False)
    assert relay.held_calls() == []
