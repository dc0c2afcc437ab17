"""Real engines, real client libraries, a real gate."""

import hashlib
import http.client
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ollama
import openai
import pytest
from tests.integration.gate.house import House
from tests.integration.inference.lab import TOKEN, Lab

from clawlaw.cli.agent_exercise import Door
from clawlaw.cli.drill_inference import run
from forge.bench import engines

MESSAGES: Any = [{"role": "user", "content": "Name three colours."}]
MODELS = ["gemma", "noise"]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A proxy before Ollama and MLX."""
    folder = tmp_path_factory.mktemp("engines")
    folder.chmod(0o755)
    home = folder / "gate"
    home.mkdir()
    with engines.ollama(folder) as first, engines.mlx(folder) as second:
        house = House(home)
        house.start()
        backends = [
            {"name": "ollama", "engine": "ollama", "url": first.url, "tier": "II"},
            {"name": "mlx", "engine": "mlx", "url": second.url, "tier": "III"},
        ]
        shared = {"context": engines.CONTEXT, "max_tokens": 64}
        models = [
            {"name": "gemma", "backend": "ollama", "served": first.model, **shared},
            {"name": "noise", "backend": "mlx", "served": second.model, **shared},
        ]
        lab = Lab(house, backends, models)
        lab.start()
        yield lab
        lab.stop()
        house.stop()


@pytest.fixture
def lab(served: Lab) -> Iterator[Lab]:
    served.since = sum(1 for _ in served.house.entries())
    served.session = f"session-{served.since}"
    yield served
    closing = {"session": served.session}
    served.house.ask("POST", "/v1/sessions/close", closing)


@pytest.fixture
def client(lab: Lab) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(
        base_url=f"{lab.url}/v1",
        api_key=TOKEN,
        max_retries=0,
        default_headers={"X-ClawLaw-Session": lab.session},
    ) as made:
        yield made


@pytest.mark.parametrize("model", MODELS)
def test_openai_s_library_streams(lab: Lab, client: openai.OpenAI, model: str) -> None:
    stream = client.chat.completions.create(
        model=model,
        messages=MESSAGES,
        max_tokens=16,
        temperature=0,
        stream=True,
        stream_options={"include_usage": True},
    )
    pieces = list(stream)
    text = "".join(
        piece.choices[0].delta.content or "" for piece in pieces if piece.choices
    )
    usage = pieces[-1].usage
    assert text
    assert usage is not None
    [decided] = lab.decided()
    exchange = lab.outcomes()[decided.id].exchange
    assert exchange is not None
    reported = (exchange.prompt_tokens, exchange.completion_tokens)
    assert reported == (usage.prompt_tokens, usage.completion_tokens)
    wanted: Any = decided.record.proposal.arguments["tokens"]
    assert sum(reported) <= wanted
    released = lab.outcomes()[decided.id].outcome.released
    assert released == {"tokens": wanted - sum(reported)}


@pytest.mark.parametrize("model", MODELS)
def test_openai_s_library_waits(client: openai.OpenAI, model: str) -> None:
    said = client.chat.completions.create(
        model=model, messages=MESSAGES, max_completion_tokens=8, temperature=0
    )
    assert said.choices[0].finish_reason
    assert said.usage is not None
    told = client.completions.create(model=model, prompt="One, two,", max_tokens=4)
    assert told.choices[0].text is not None
    assert [m.id for m in client.models.list()] == MODELS
    with pytest.raises(openai.NotFoundError, match="declared"):
        client.chat.completions.create(model="stranger", messages=MESSAGES)
    tools: Any = [{"type": "web_search"}]
    with pytest.raises(openai.PermissionDeniedError, match="run at a host"):
        client.chat.completions.create(model=model, messages=MESSAGES, tools=tools)


def test_ollama_s_library(lab: Lab) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}", "X-ClawLaw-Session": lab.session}
    client = ollama.Client(lab.url, headers=headers)
    options = {"num_predict": 12, "repeat_penalty": 1.3}
    pieces = list(client.chat("gemma", MESSAGES, stream=True, options=options))
    assert "".join(piece.message.content or "" for piece in pieces)
    assert pieces[-1].eval_count
    assert client.generate("gemma", "Say hello.", options=options).response
    assert [m.model for m in client.list().models] == MODELS
    assert client.show("gemma").details is not None
    assert [m.model for m in client.ps().models] == ["gemma"]
    for act in (client.pull, client.delete):
        with pytest.raises(ollama.ResponseError, match="declared in the inventory"):
            act("gemma")
    with pytest.raises(ollama.ResponseError, match="served by MLX"):
        client.chat("noise", MESSAGES)
    assert len(lab.outcomes()) == 2
    client._client.close()


@pytest.mark.parametrize(
    ("path", "said"),
    [
        (
            "/v1/chat/completions",
            {"model": "gemma", "stream_options": {"include_usage": True}},
        ),
        (
            "/v1/chat/completions",
            {"model": "noise", "stream_options": {"include_usage": True}},
        ),
        ("/api/chat", {"model": "gemma"}),
    ],
)
def test_a_stream_has_the_bytes_of_the_engine(
    lab: Lab, path: str, said: dict[str, Any]
) -> None:
    said = {"messages": MESSAGES, "stream": True, **said}
    status, body = lab.ask("POST", path, said)
    assert status == 200
    [outcome] = lab.outcomes().values()
    assert outcome.exchange is not None
    # The digest is taken of what came from the engine, before anything looks at it.
    assert outcome.exchange.response == "sha256:" + hashlib.sha256(body).hexdigest()


def test_a_client_that_leaves_stops_the_engine(lab: Lab) -> None:
    said = {"model": "gemma", "messages": MESSAGES, "stream": True}
    own = http.client.HTTPConnection("127.0.0.1", lab.port, timeout=60)
    headers = {"Authorization": f"Bearer {TOKEN}", "X-ClawLaw-Session": lab.session}
    own.request("POST", "/api/chat", json.dumps(said), headers)
    answer = own.getresponse()
    assert answer.readline()
    answer.close()
    own.close()
    lab.eventually(lambda: bool(lab.outcomes()))
    [outcome] = lab.outcomes().values()
    assert outcome.status == "failed"
    assert outcome.exchange is not None
    assert not outcome.exchange.reported
    assert outcome.outcome.released == {}


def test_the_evidence_of_one_completion_is_printed(lab: Lab, tmp_path: Path) -> None:
    lab.chat(model="gemma", max_tokens=8)
    [decided] = lab.decided()
    command = [sys.executable, "-m", "clawlaw", "trace", decided.id]
    command += ["--log", str(lab.house.log), "--index", str(tmp_path / "index")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    parts = ("intent", "authority", "execution", "outcome")
    at = [done.stdout.index(f"{part}\n") for part in parts]
    assert at == sorted(at)
    exchange = lab.outcomes()[decided.id].exchange
    assert exchange is not None
    for word in (exchange.prompt, exchange.response, "by ollama", "given back"):
        assert word in done.stdout


def test_the_drill_passes_and_forces_a_call_that_is_denied(lab: Lab) -> None:
    house = lab.house
    here = Door(f"127.0.0.1:{house.port}", TOKEN, 0, str(house.workspace))
    done = run(here, house.folder / "inference.yaml", "develop")
    assert {step.name: step.said for step in done.steps if not step.good} == {}
    assert (done.good, done.forged) == (True, True)
    [forged] = lab.decided("write")
    assert forged.record.proposal.arguments["path"] == "/etc/hosts"
    assert forged.record.decision["verdict"] == "deny"
