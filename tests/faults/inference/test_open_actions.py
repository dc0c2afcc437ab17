"""A long answer keeps its outcome, however many calls are judged beside it."""

import http.client
import json
import signal
from collections.abc import Callable

import pytest
from tests.integration.inference.engine_double import EngineDouble, openai_stream
from tests.integration.inference.lab import TOKEN, Lab

CALLS = 30  # in one answer; more than 32 are refused
ANSWERS = 10
WORDS = 20


def calls() -> list[dict[str, object]]:
    """Reads of one file each."""
    return [
        {
            "index": number,
            "id": f"call_{number}",
            "type": "function",
            "function": {"name": "read", "arguments": f'{{"path": "{number}.md"}}'},
        }
        for number in range(CALLS)
    ]


@pytest.mark.parametrize("killed", [False, True], ids=["", "gate-killed"])
def test_three_hundred_calls_beside_a_long_answer(
    make_lab: Callable[..., Lab], own_engine: EngineDouble, *, killed: bool
) -> None:
    lab = make_lab(own_engine.url)
    lab.session = "long"
    own_engine.pieces, own_engine.held = openai_stream(*["word "] * WORDS), {0}
    said = {"model": "small", "messages": [{"role": "user", "content": "hello"}]}
    headers = {"Authorization": f"Bearer {TOKEN}", "X-ClawLaw-Session": "long"}
    own = http.client.HTTPConnection("127.0.0.1", lab.port, timeout=120)
    path = "/v1/chat/completions"
    own.request("POST", path, json.dumps(said | {"stream": True}), headers)
    answer = own.getresponse()
    assert answer.readline().startswith(b"data: ")
    [long] = lab.decided()
    own_engine.pieces = openai_stream("Look.", tool_calls=calls())
    for _ in range(ANSWERS):
        status, body = lab.chat(stream=True)
        assert (status, body[-14:]) == (200, b"data: [DONE]\n\n")
    if killed:
        lab.house.stop(signal.SIGKILL)
        lab.house.start()
    own_engine.held.clear()
    body = answer.read()
    own.close()
    assert body.endswith(b"data: [DONE]\n\n")
    assert len(lab.decided("read")) == CALLS * ANSWERS
    outcomes = lab.outcomes()
    assert outcomes[long.id].status == "done"
    assert outcomes[long.id].outcome.released["tokens"] > 0
    # Every request has its outcome, and what nobody performed has none.
    assert outcomes.keys() == {body.id for body in lab.decided()}
