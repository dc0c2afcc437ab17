"""Requests as they are read, and as they go to the engine."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clawlaw.inference.asked import FIELDS, AskError, bind, read
from clawlaw.inference.config import ModelPart

MODEL = ModelPart("small", "local", 1000, "small:q4", 200)


def body(**more: Any) -> bytes:
    said = {"model": "small", "messages": [{"role": "user", "content": "hi"}]}
    return json.dumps(said | more).encode()


@pytest.mark.parametrize(
    ("path", "more", "made"),
    [
        ("/v1/chat/completions", {}, 200),
        ("/v1/chat/completions", {"max_tokens": 5}, 5),
        ("/v1/chat/completions", {"max_completion_tokens": 6}, 6),
        ("/api/chat", {"options": {"num_predict": 7}}, 7),
        ("/api/chat", {"options": {"num_predict": -1}}, 200),
    ],
)
def test_the_most_that_it_can_use_is_reserved(
    path: str, more: dict[str, Any], made: int
) -> None:
    bound = bind(read(path, body(**more)), MODEL)
    sent = json.loads(bound.body)
    assert sent["model"] == "small:q4"
    told = sent["options"]["num_predict"] if "options" in sent else sent["max_tokens"]
    assert told == made
    assert "max_completion_tokens" not in sent
    assert len("hi") < bound.tokens - made < MODEL.context
    long = [{"role": "user", "content": "x" * 5000}]
    assert bind(read(path, body(messages=long, **more)), MODEL).tokens == 1000 + made


@pytest.mark.parametrize("limit", [0, -1, 201, True, "5", 2**70])
def test_a_limit_is_one_that_the_model_has(limit: Any) -> None:
    with pytest.raises(AskError, match="max_tokens"):
        bind(read("/v1/chat/completions", body(max_tokens=limit)), MODEL)


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(sorted(FIELDS)), st.binary(max_size=80))
def test_no_bytes_break_the_reader(path: str, data: bytes) -> None:
    with pytest.raises(AskError):
        assert read(path, data).texts


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 300) | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from([
                "role", "content", "type", "text", "image_url", "url", "function",
                "name", "num_predict", "include_usage", "images",
            ]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=8,
)  # fmt: skip
ROLES: st.SearchStrategy[Any] = st.sampled_from(
    ["user", "system", "tool", "x", [], None]
)


@settings(max_examples=500, deadline=None)
@given(st.data(), st.sampled_from(sorted(FIELDS)))
def test_no_shape_breaks_the_reader(data: st.DataObject, path: str) -> None:
    said = data.draw(
        st.dictionaries(st.sampled_from(sorted(FIELDS[path])), VALUES, max_size=5)
    )
    said["model"] = "small"
    if "messages" in FIELDS[path] and data.draw(st.booleans()):
        said["messages"] = [{"role": data.draw(ROLES), "content": data.draw(VALUES)}]
    try:
        bound = bind(read(path, json.dumps(said).encode()), MODEL)
    except AskError:
        return
    assert bound.tokens > 0
