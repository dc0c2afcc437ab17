"""`clawlaw drill inference` against a real gate and proxy; the engines are a double."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from tests.integration.gate.house import AGENT_UID, House
from tests.integration.inference.engine_double import (
    EngineDouble,
    ollama_stream,
    openai_stream,
)
from tests.integration.inference.lab import Lab

from clawlaw.cli.agent_exercise import Door
from clawlaw.cli.drill_inference import Drill, run

UID = AGENT_UID if os.geteuid() == 0 else os.geteuid()
TOKEN = "t" * 43  # as long as those that are made
MODELS = [
    {"name": "small", "backend": "near", "context": 4096, "max_tokens": 512},
    {"name": "noise@studio", "backend": "far", "context": 4096, "max_tokens": 512},
]


def fits(asked: dict[str, Any]) -> list[bytes]:
    """What an engine answers that keeps to the schema of a request."""
    if "format" not in asked:
        return openai_stream("red", " green")
    parts = asked["format"]["properties"]
    given = parts["arguments"]["properties"]
    call = {
        "name": parts["name"]["enum"][0],
        "arguments": {name: given[name]["enum"][0] for name in given},
    }
    return whole(json.dumps(call, indent=1))


def whole(text: str) -> list[bytes]:
    """An answer of Ollama in one piece."""
    data = json.loads(ollama_stream("x")[-1])
    data["message"]["content"] = text
    return [json.dumps(data).encode()]


@pytest.fixture(scope="module")
def served(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Lab, EngineDouble]]:
    """A gate, a proxy and a double that is both engines."""
    folder = tmp_path_factory.mktemp("drill")
    folder.chmod(0o755)
    digest = "sha256:" + hashlib.sha256(TOKEN.encode()).hexdigest()
    agent = {"principal": "developer", "uid": UID, "tokens": [digest]}
    house, double = House(folder, {"agents": [agent]}), EngineDouble()
    tokens = folder / "agents"
    tokens.mkdir()
    (tokens / "developer.token").write_text(TOKEN + "\n")
    (tokens / "developer.token").chmod(0o600)
    os.chown(tokens / "developer.token", UID, -1)
    house.start()
    double.start()
    backends = [
        {"name": "near", "engine": "ollama", "url": double.url, "tier": "II"},
        {"name": "far", "engine": "mlx", "url": double.url, "tier": "III"},
    ]
    lab = Lab(house, backends, MODELS)
    lab.start()
    yield lab, double
    lab.stop()
    double.stop()
    house.stop()


@pytest.fixture
def lab(served: tuple[Lab, EngineDouble]) -> Lab:
    return served[0]


@pytest.fixture
def engine(served: tuple[Lab, EngineDouble]) -> EngineDouble:
    double = served[1]
    double.choose, double.dies, double.asked = fits, -1, []
    return double


def clawlaw(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "clawlaw", *words],
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip


def drill(lab: Lab, *words: str) -> subprocess.CompletedProcess[str]:
    folder = lab.house.folder
    return clawlaw(
        "drill", "inference", "developer", "--config", str(lab.house.config),
        "--credentials", str(folder / "agents"),
        "--proxy", str(folder / "inference.yaml"), "--json", *words,
    )  # fmt: skip


def ran(lab: Lab) -> Drill:
    house = lab.house
    here = Door(f"127.0.0.1:{house.port}", TOKEN, UID, str(house.workspace))
    return run(here, house.folder / "inference.yaml", "develop")


def failed(done: Drill) -> dict[str, str]:
    return {step.name: step.said for step in done.steps if not step.good}


def test_every_model_answers_and_the_rest_is_stopped(
    lab: Lab, engine: EngineDouble
) -> None:
    done = drill(lab)
    said = json.loads(done.stdout)
    assert (done.returncode, said["good"]) == (0, True), said
    assert {step["name"]: step["said"] for step in said["steps"]} == {
        "small": "streamed",
        "noise@studio": "streamed",
        "too long an answer": "refused",
        "unknown model": "denied",
        "model management": "denied",
        "over budget": "denied",
        "forged tool call": "denied",
    }
    assert [(m["name"], m["tier"]) for m in said["models"]] == [
        ("small", "II"),
        ("noise@studio", "III"),
    ]
    assert len(engine.asked) == 3  # two answers and the forged one
    for model in said["models"]:
        words = ("trace", model["decision"], "--log", str(lab.house.log))
        chain = clawlaw(*words).stdout
        assert "ALLOW" in chain
        assert " done, 7+2 tokens" in chain.replace("\n", " ")


def test_a_stream_that_breaks_off_is_none(lab: Lab, engine: EngineDouble) -> None:
    engine.choose = lambda asked: (
        fits(asked) if "format" in asked else openai_stream("red")[:-1]
    )
    assert failed(ran(lab)).keys() == {"small", "noise@studio"}


def test_a_model_that_writes_nothing_is_none(lab: Lab, engine: EngineDouble) -> None:
    engine.choose = lambda asked: fits(asked) if "format" in asked else openai_stream()
    silent = "no token was written"
    assert failed(ran(lab)) == {"small": silent, "noise@studio": silent}


def test_an_answer_without_the_forged_call_proves_nothing(
    lab: Lab, engine: EngineDouble
) -> None:
    engine.choose = lambda asked: whole("no") if "format" in asked else fits(asked)
    told = failed(ran(lab))
    assert told.keys() == {"forged tool call"}
    assert told["forged tool call"].startswith("answered 200")


def test_a_call_that_may_be_made_proves_nothing(lab: Lab, engine: EngineDouble) -> None:
    notes = {"path": str(lab.house.workspace / "notes.txt")}
    call = whole(json.dumps({"name": "read", "arguments": notes}))
    engine.choose = lambda asked: call if "format" in asked else fits(asked)
    assert failed(ran(lab)).keys() == {"forged tool call"}


def test_without_models_nothing_is_proven() -> None:
    assert not Drill((), (), forged=False).good


def test_what_cannot_be_asked_is_an_error(lab: Lab, engine: EngineDouble) -> None:
    engine.choose = fits
    done = drill(lab, "--purpose", "conquer")
    assert done.returncode == 2
    assert "--purpose" in done.stderr + done.stdout
    none = drill(lab, "--proxy", "/nonexistent/inference.yaml")
    assert none.returncode == 2
