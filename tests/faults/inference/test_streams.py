"""What happens to answers when something breaks: none without a record, no leak."""

import contextlib
import http.client
import json
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.integration.inference.engine_double import EngineDouble, openai_stream
from tests.integration.inference.lab import TOKEN, Lab, data_of

SAID = {"model": "small", "messages": [{"role": "user", "content": "hello"}]}
PATH = "/v1/chat/completions"


@pytest.fixture
def lab(make_lab: Callable[..., Lab], own_engine: EngineDouble) -> Lab:
    return make_lab(own_engine.url)


@contextlib.contextmanager
def begun(lab: Lab) -> Iterator[http.client.HTTPResponse]:
    """An answer of which the first line came; at the end the client is gone."""
    own = http.client.HTTPConnection("127.0.0.1", lab.port, timeout=120)
    own.connect()
    # A client that does not read holds little: else the kernel's buffer grows to 32 MB.
    own.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    body = json.dumps(SAID | {"stream": True})
    own.request("POST", PATH, body, {"Authorization": f"Bearer {TOKEN}"})
    answer = own.getresponse()
    try:
        assert answer.readline().startswith(b"data: ")
        yield answer
    finally:
        answer.close()
        own.close()


def test_an_engine_that_dies_in_mid_stream(lab: Lab, own_engine: EngineDouble) -> None:
    own_engine.pieces, own_engine.dies = openai_stream("one", " two", " three"), 2
    _, body = lab.chat(stream=True)
    *_, last = data_of(body)
    assert last["error"]["type"] == "server_error"
    assert b"[DONE]" not in body
    [outcome] = lab.outcomes().values()
    assert (outcome.status, outcome.outcome.released) == ("failed", {})
    assert outcome.exchange is not None
    assert outcome.exchange.response.startswith("sha256:")
    own_engine.dies = -1
    assert lab.chat(stream=True)[1].endswith(b"data: [DONE]\n\n")


def test_a_client_that_goes_away_is_recorded_and_the_engine_told(
    lab: Lab, own_engine: EngineDouble
) -> None:
    own_engine.pieces = openai_stream(*["word "] * 400)
    own_engine.pause = 0.02
    with begun(lab):
        pass
    lab.eventually(lambda: own_engine.gone == 1)
    lab.eventually(lambda: len(lab.outcomes()) == 1)
    [outcome] = lab.outcomes().values()
    assert outcome.status == "failed"
    lab.eventually(lambda: lab.metrics()["clawlaw_inference_streams"] == 0)


def test_a_gate_that_restarts_in_mid_stream_gets_its_outcome(
    lab: Lab, own_engine: EngineDouble
) -> None:
    own_engine.pieces = openai_stream(*["word "] * 20)
    own_engine.pause = 0.05
    with begun(lab) as answer:
        lab.house.stop(signal.SIGKILL)
        back = threading.Timer(2, lab.house.start)
        back.start()
        body = answer.read()
    back.join()
    assert body.endswith(b"data: [DONE]\n\n")
    [outcome] = lab.outcomes().values()
    # The permit's digest is in the log, so that the budget still settles.
    assert outcome.outcome.released["tokens"] > 0
    lab.house.wait()
    assert lab.chat(stream=True)[0] == 200


def test_an_answer_does_not_end_without_its_record(
    make_lab: Callable[..., Lab], own_engine: EngineDouble
) -> None:
    lab = make_lab(own_engine.url, limits={"settle": 1})
    own_engine.pieces = openai_stream(*["word "] * 10)
    own_engine.pause = 0.05
    with begun(lab) as answer:
        lab.house.stop(signal.SIGKILL)
        body = answer.read()
    assert b"[DONE]" not in body
    assert b'"finish_reason": "stop"' not in body
    *_, last = data_of(body)
    assert "could not be recorded" in last["error"]["message"]
    assert lab.chat()[0] == 503
    lab.house.start()
    lab.eventually(lambda: len(lab.outcomes()) == 1)


def test_a_slow_reader_slows_the_engine_and_fills_no_memory(
    make_lab: Callable[..., Lab], own_engine: EngineDouble
) -> None:
    lab = make_lab(own_engine.url, limits={"answer_bytes": 1 << 25})
    own_engine.pieces = openai_stream(*["word " * 2000] * 2000)  # 20 MB
    before = lab.resident()
    with begun(lab) as answer:
        time.sleep(2)
        # Sockets on the way hold some of it; the proxy holds next to nothing.
        assert len(own_engine.sent[0]) < 16_000_000
        assert lab.resident() - before < 4_000_000
        body = answer.read()
    assert body.endswith(b"data: [DONE]\n\n")
    assert len(body) > 19_000_000


def test_a_hundred_streams_at_once_leave_nothing_behind(
    make_lab: Callable[..., Lab], own_engine: EngineDouble
) -> None:
    lab = make_lab(own_engine.url, limits={"streams": 100, "queue": 100})
    own_engine.pieces = openai_stream(*["word "] * 30)

    def run(rounds: int) -> None:
        with ThreadPoolExecutor(100) as pool:
            bodies = list(
                pool.map(lambda _: lab.chat(stream=True)[1], range(100 * rounds))
            )
        assert all(body.endswith(b"data: [DONE]\n\n") for body in bodies)

    run(1)
    lab.eventually(lambda: lab.metrics()["clawlaw_inference_outcomes_pending"] == 0)
    memory, sockets = lab.resident(), lab.sockets()
    own_engine.pause = 0.01
    run(3)
    lab.eventually(lambda: lab.sockets() <= sockets + 4)
    grown = lab.resident() - memory
    assert grown < 8_000_000, f"{grown} bytes more after 300 streams"
    decided, outcomes = lab.decided(), lab.outcomes()
    assert len(decided) == 400
    assert {body.id for body in decided} == outcomes.keys()
    metrics = lab.metrics()
    by = 'model="small",tier="II"'
    tokens = [
        metrics[f'clawlaw_inference_tokens_total{{kind="{kind}",{by}}}']
        for kind in ("prompt", "completion")
    ]
    assert tokens == [400 * 7, 400 * 30]
    used = sum(
        int(str(body.record.proposal.arguments["tokens"]))
        - outcomes[body.id].outcome.released["tokens"]
        for body in decided
    )
    assert used == sum(tokens)
    print(f"\n400 streams: {grown} bytes, {lab.sockets() - sockets} sockets more")  # noqa: T201  # measured


def test_more_than_can_wait_is_turned_away(
    make_lab: Callable[..., Lab], own_engine: EngineDouble
) -> None:
    lab = make_lab(own_engine.url, limits={"streams": 1, "queue": 0})
    own_engine.pieces = openai_stream(*["word "] * 20)
    own_engine.pause = 0.05
    with begun(lab) as answer:
        assert lab.chat()[0] == 429
        assert answer.read().endswith(b"data: [DONE]\n\n")


def test_a_deadline_ends_an_answer(
    make_lab: Callable[..., Lab], own_engine: EngineDouble
) -> None:
    lab = make_lab(own_engine.url, limits={"seconds": 1})
    own_engine.pieces = openai_stream(*["word "] * 200)
    own_engine.pause = 0.05
    _, body = lab.chat(stream=True)
    *_, last = data_of(body)
    assert "longer than 1 s" in last["error"]["message"]
    lab.eventually(lambda: own_engine.gone == 1)
    [outcome] = lab.outcomes().values()
    assert outcome.status == "failed"


def test_a_stop_lets_answers_end(lab: Lab, own_engine: EngineDouble) -> None:
    own_engine.pieces = openai_stream(*["word "] * 20)
    own_engine.pause = 0.05
    with begun(lab) as answer:
        assert lab.process is not None
        lab.process.send_signal(signal.SIGTERM)
        assert answer.read().endswith(b"data: [DONE]\n\n")
    assert lab.process.wait(30) == 0
    assert len(lab.outcomes()) == 1
