"""What the proxy lets through, and what it does not; the engine is a double."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from tests.integration.inference.engine_double import (
    EngineDouble,
    ollama_stream,
    openai_stream,
    openai_whole,
)
from tests.integration.inference.lab import Lab, data_of


def test_a_stream_passes_byte_for_byte_and_settles(
    lab: Lab, engine: EngineDouble
) -> None:
    engine.pieces = openai_stream("Hello", " {wor", "ld} <b>", " ```json")
    status, body = lab.chat(stream=True, stream_options={"include_usage": True})
    assert (status, body) == (200, engine.sent[0])
    [decided] = lab.decided()
    outcome = lab.outcomes()[decided.id]
    assert outcome.exchange is not None
    assert outcome.exchange.completion_tokens == 4
    asked: dict[str, Any] = decided.record.proposal.arguments
    assert asked["prompt"] == outcome.exchange.prompt
    assert "hello" not in json.dumps(asked)
    assert outcome.outcome.released == {"tokens": asked["tokens"] - 11}
    assert asked["tokens"] >= 512
    sent = json.loads(engine.asked[0])
    assert sent["max_tokens"] == 512


def test_a_client_that_asks_for_no_usage_gets_no_piece_of_it(
    lab: Lab, engine: EngineDouble
) -> None:
    engine.pieces = openai_stream("Hello")
    _, body = lab.chat(stream=True)
    usage = engine.pieces[-2]
    assert body == engine.sent[0].replace(usage, b"")
    assert next(iter(lab.outcomes().values())).outcome.released


def test_ollama_s_stream_passes_byte_for_byte(lab: Lab, engine: EngineDouble) -> None:
    engine.pieces = ollama_stream("one", " two", " three")
    said = {"model": "small", "messages": [{"role": "user", "content": "hi"}]}
    status, body = lab.ask("POST", "/api/chat", said)
    assert (status, body) == (200, engine.sent[0])
    assert json.loads(engine.asked[0])["options"] == {"num_predict": 512}
    exchange = next(iter(lab.outcomes().values())).exchange
    assert exchange is not None
    assert (exchange.prompt_tokens, exchange.completion_tokens) == (7, 3)


def call_of(name: str, arguments: str) -> list[dict[str, Any]]:
    return [
        {
            "index": 0,
            "id": "call_a",
            "type": "function",
            "function": {"name": name, "arguments": arguments},
        }
    ]


def test_an_allowed_tool_call_is_judged_and_written_anew(
    lab: Lab, engine: EngineDouble
) -> None:
    arguments = '{ "path" :  "notes.md" }'
    engine.pieces = openai_stream("Let me look.", tool_calls=call_of("read", arguments))
    _, body = lab.chat(stream=True)
    [call] = [
        call
        for data in data_of(body)
        for choice in data["choices"]
        for call in choice["delta"].get("tool_calls", [])
    ]
    assert call["function"] == {"name": "read", "arguments": '{"path":"notes.md"}'}
    assert call["id"] == "call_a"
    [judged] = lab.decided("read")
    assert judged.record.proposal.parents == (lab.decided()[0].id,)
    assert body.endswith(b"data: [DONE]\n\n")


FORGED = [
    ("exec", '{"command": "rm -rf /"}'),
    ("read", '{"path": "a", "path": "/etc/shadow"}'),
    ("read", '{"path": "a"'),
    ("read", '["a"]'),
    ("", "{}"),
]


@pytest.mark.parametrize(("name", "arguments"), FORGED)
@pytest.mark.parametrize("stream", [True, False])
def test_a_forged_tool_call_reaches_no_client(
    lab: Lab, engine: EngineDouble, name: str, arguments: str, *, stream: bool
) -> None:
    calls = call_of(name, arguments)
    if stream:
        engine.pieces = openai_stream("Sure.", tool_calls=calls)
    else:
        engine.pieces = openai_whole(None, tool_calls=calls)
    status, body = lab.chat(stream=stream)
    assert b"call_a" not in body
    assert b"rm -rf" not in body
    assert b"/etc/shadow" not in body
    assert b'"type":"permission_error"' in body
    assert status == (200 if stream else 403)
    assert len(lab.outcomes()) == 1


TEXTS = [
    '<tool_call>{"name": "exec", "arguments": {"command": "rm -rf /"}}</tool_call>',
    '<tool_call>\n{"name": "exec", "arguments": {"command": "rm -rf /"}',
    '```json\n{"name": "exec", "arguments": {"command": "rm -rf /"}}\n```',
    '{"name": "exec", "name": "read", "arguments": {"command": "rm -rf /"}}',
    'I do {"tool": "exec", "parameters": {"command": "rm -rf /"}} now',
    '{"x": [{"function": {"name": "exec", "arguments": {"command": "rm -rf /"}}}]}',
    "<function=exec><parameter=command>rm -rf /</parameter></function>",
    '[TOOL_CALLS][{"name":"exec","arguments":{"command":"rm -rf /"}}]',
    "{'name': 'exec', 'arguments': {'command': 'rm -rf /'}}",
    '```tool_code\nexec("rm -rf /")\n```',
]


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("field", ["content", "reasoning"])
def test_a_call_as_text_is_judged_wherever_it_stands(
    lab: Lab, engine: EngineDouble, text: str, field: str
) -> None:
    pieces = openai_stream("Well. ")
    cut = [text[n : n + 3] for n in range(0, len(text), 3)]
    for part in reversed(cut):
        data = json.dumps({"choices": [{"index": 0, "delta": {field: part}}]})
        pieces.insert(2, b"data: " + data.encode() + b"\n\n")
    engine.pieces = pieces
    _, body = lab.chat(stream=True)
    assert b"rm -rf" not in body
    assert b"command" not in body
    assert b'"error"' in body
    assert b"Well. " in body


def test_an_allowed_call_as_text_is_written_anew(
    lab: Lab, engine: EngineDouble
) -> None:
    call = '<tool_call>{"name":  "read", "arguments": {"path":  "a"}}</tool_call>'
    engine.pieces = openai_stream("First. ", call[:30], call[30:], " Then.")
    _, body = lab.chat(stream=True)
    text = "".join(
        choice["delta"].get("content") or ""
        for data in data_of(body)
        for choice in data["choices"]
    )
    written = '{"name":"read","arguments":{"path":"a"}}'
    assert text == f"First. <tool_call>\n{written}\n</tool_call> Then."
    assert len(lab.decided("read")) == 1


def test_an_answer_in_json_that_is_no_call_passes(
    lab: Lab, engine: EngineDouble
) -> None:
    engine.pieces = openai_stream('{"city": ', '"Paris", "name": "x"', "}")
    _, body = lab.chat(stream=True, stream_options={"include_usage": True})
    assert body == engine.sent[0]


def test_ollama_s_calls_are_judged(lab: Lab, engine: EngineDouble) -> None:
    said = {"model": "small", "messages": [{"role": "user", "content": "hi"}]}
    function = {"name": "read", "arguments": {"path": "a"}}
    engine.pieces = ollama_stream("look", tool_calls=[{"function": function}])
    _, body = lab.ask("POST", "/api/chat", said)
    lines = [json.loads(line) for line in body.splitlines()]
    calls = [c for line in lines for c in line["message"].get("tool_calls", [])]
    assert [call["function"]["name"] for call in calls] == ["read"]
    function["name"] = "exec"
    function["arguments"] = {"command": "rm -rf /"}
    engine.pieces = ollama_stream("look", tool_calls=[{"function": function}])
    _, body = lab.ask("POST", "/api/chat", said)
    assert b"rm -rf" not in body
    assert "error" in json.loads(body.splitlines()[-1])


@pytest.mark.parametrize(
    ("path", "said", "status"),
    [
        ("/v1/chat/completions", {"tools": [{"type": "web_search"}]}, 403),
        ("/v1/chat/completions", {"tools": [{"type": "mcp", "server_url": "x"}]}, 403),
        ("/v1/chat/completions", {"web_search_options": {}}, 403),
        ("/v1/chat/completions", {"max_tokens": 100_000}, 400),
        ("/v1/chat/completions", {"n": 2}, 400),
        ("/v1/chat/completions", {"draft_model": "x"}, 400),
        ("/v1/chat/completions", {"messages": []}, 400),
        ("/api/chat", {"keep_alive": 0}, 403),
        ("/api/chat", {"options": {"num_ctx": 100_000}}, 403),
        ("/api/chat", {"options": {"num_gpu": 1}}, 403),
    ],
)
def test_what_nobody_judges_is_refused_before_the_engine(
    lab: Lab, engine: EngineDouble, path: str, said: dict[str, Any], status: int
) -> None:
    base = {"model": "small", "messages": [{"role": "user", "content": "hi"}]}
    assert lab.ask("POST", path, base | said)[0] == status
    image = {"type": "image_url", "image_url": {"url": "https://evil.example/x.png"}}
    remote = base | {"messages": [{"role": "user", "content": [image]}]}
    assert lab.ask("POST", "/v1/chat/completions", remote)[0] == 403
    twice = b'{"model":"small","model":"other","messages":[]}'
    assert lab.ask("POST", path, twice)[0] == 400
    assert engine.asked == []


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/pull"),
        ("POST", "/api/push"),
        ("POST", "/api/create"),
        ("POST", "/api/copy"),
        ("DELETE", "/api/delete"),
        ("POST", "/api/blobs/sha256:00"),
        ("HEAD", "/api/blobs/sha256:00"),
    ],
)
def test_management_is_denied_and_recorded(lab: Lab, method: str, path: str) -> None:
    status, body = lab.ask(method, path, {"model": "small"})
    assert status == 403
    if method != "HEAD":
        assert "declared in the inventory" in json.loads(body)["error"]
    assert len(lab.decided("model_manage")) == 1


def test_an_unknown_model_is_denied_and_recorded(
    lab: Lab, engine: EngineDouble
) -> None:
    status, body = lab.chat(model="stranger")
    assert status == 404
    error = json.loads(body)["error"]
    [decided] = lab.decided()
    assert error["id"] == decided.id
    assert decided.record.decision["verdict"] == "deny"
    assert engine.asked == []


@pytest.mark.parametrize("token", ["", "nobody"])
def test_who_is_unknown_gets_nothing(
    lab: Lab, engine: EngineDouble, token: str
) -> None:
    assert lab.chat(token=token)[0] == 401
    for path in ("/v1/models", "/api/tags", "/api/ps", "/api/version"):
        assert lab.ask("GET", path, token=token)[0] == 401
    assert engine.asked == []


def test_over_budget_is_not_asked_of_the_engine(lab: Lab, engine: EngineDouble) -> None:
    scope = {"purpose": "develop", "budgets": {"tokens": 600}}
    lab.house.ask("POST", "/v1/sessions", {"session": "little", "scope": scope})
    engine.pieces = openai_whole("ok")
    headers = {"X-ClawLaw-Session": "little"}
    assert lab.chat(max_tokens=100, headers=headers)[0] == 200
    status, body = lab.chat(max_tokens=512, headers=headers)
    assert status == 403
    assert "tokens of the session are spent" in json.loads(body)["error"]["reason"]
    assert len(engine.asked) == 1


def test_lists_and_health(
    make_lab: Callable[..., Lab], own_engine: EngineDouble
) -> None:
    engine = own_engine
    engine.loaded = [{"name": "small:latest", "size": 5}, {"name": "hidden", "size": 1}]
    lab = make_lab(engine.url)
    listed = json.loads(lab.ask("GET", "/v1/models")[1])["data"]
    assert [m["id"] for m in listed] == ["small"]
    tags = json.loads(lab.ask("GET", "/api/tags")[1])["models"]
    assert tags[0]["digest"] == "ab" * 32
    running = json.loads(lab.ask("GET", "/api/ps")[1])["models"]
    assert [m["name"] for m in running] == ["small"]
    loaded = 'model_loaded_bytes{backend="local",model="small",tier="II"}'
    assert lab.metrics()[f"clawlaw_inference_{loaded}"] == 5.0
    engine.stop()
    down = {"local": False}
    lab.eventually(lambda: json.loads(lab.ask("GET", "/healthz")[1]) == down)
    assert lab.chat()[0] == 503


def test_a_small_answer_that_comes_in_pieces_is_passed_on_whole(
    lab: Lab, engine: EngineDouble
) -> None:
    said = json.dumps({"details": {"family": "x" * 100_000}}).encode()
    engine.pieces = [said[:4000], said[4000:]]
    engine.pause = 0.2
    assert lab.ask("POST", "/api/show", {"model": "small"}) == (200, said)


def test_a_refusal_that_comes_in_pieces_is_read_whole(
    lab: Lab, engine: EngineDouble
) -> None:
    engine.status, engine.pause = 400, 0.2
    engine.pieces = [b'{"error": "the prompt is', b' too long"}']
    status, said = lab.chat()
    assert status == 400
    assert b"the prompt is too long" in said


def test_a_small_answer_that_has_no_end_is_none(lab: Lab, engine: EngineDouble) -> None:
    engine.pieces = [b"x" * (1 << 20)] * 6
    status, said = lab.ask("POST", "/api/show", {"model": "small"})
    assert status == 502
    assert b"4 MiB" in said


def test_labels_of_the_prompt_are_judged_and_carried(
    lab: Lab, engine: EngineDouble
) -> None:
    engine.pieces = openai_whole("ok")
    secret = "my key is AKIA" + "ABCDEFGHIJKLMNOP"
    messages = [
        {"role": "user", "content": secret},
        {"role": "tool", "tool_call_id": "a", "content": "a page"},
    ]
    assert lab.chat(messages=messages)[0] == 200
    [decided] = lab.decided()
    assert decided.record.proposal.arguments["labels"] == ["untrusted", "secret"]
    assert "AKIA" not in repr(list(lab.house.entries()))
    assert lab.chat(headers={"X-ClawLaw-Labels": "invented"})[0] == 400


def test_numbers_by_model_and_tier(lab: Lab, engine: EngineDouble) -> None:
    engine.pieces = openai_stream("one", " two")
    before = lab.metrics()
    lab.chat(stream=True)
    after = lab.metrics()
    by = 'model="small",tier="II"'
    staged = 'model="small",stage="record",tier="II"'
    for name, more in {
        f'tokens_total{{kind="completion",{by}}}': 2,
        f'tokens_total{{kind="prompt",{by}}}': 7,
        f'requests_total{{end="done",{by}}}': 1,
        f"first_token_seconds_count{{{by}}}": 1,
        f"governance_seconds_count{{{staged}}}": 1,
    }.items():
        whole = f"clawlaw_inference_{name}"
        assert after[whole] - before.get(whole, 0) == more, name
    assert after['clawlaw_inference_host_memory_bytes{kind="total"}'] > 0
