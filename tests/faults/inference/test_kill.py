"""A proxy that is killed owes outcomes; the next one reports them."""

import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.faults.inference.test_streams import begun
from tests.integration.gate.house import TOKENS
from tests.integration.inference.engine_double import EngineDouble, openai_stream
from tests.integration.inference.lab import TOKEN, Lab


def files(lab: Lab) -> list[Path]:
    return list((lab.house.folder / "journal").iterdir())


@pytest.fixture
def lab(make_lab: Callable[..., Lab], own_engine: EngineDouble) -> Lab:
    made = make_lab(own_engine.url)
    made.stop()
    made.more = {"journal": str(made.house.folder / "journal")}
    made.start()
    return made


def test_a_killed_proxy_s_answers_get_their_outcome(
    lab: Lab, own_engine: EngineDouble
) -> None:
    own_engine.pieces = openai_stream(*["word "] * 20)
    assert lab.chat(stream=True)[0] == 200
    assert files(lab) == []  # its outcome is recorded
    own_engine.held = {1, 2}
    with begun(lab), begun(lab):
        noted = files(lab)
        assert len(noted) == 2
        for path in noted:
            assert path.stat().st_mode & 0o777 == 0o600
            assert TOKEN not in path.read_text()
        lab.stop(signal.SIGKILL)
    own_engine.held.clear()
    assert len(lab.outcomes()) == 1
    lab.start()
    # Another agent is not told of them, and does not report them.
    assert lab.ask("GET", "/v1/models", token=TOKENS["operator"])[0] == 200
    assert len(lab.outcomes()) == 1
    assert lab.ask("GET", "/v1/models")[0] == 200
    lab.eventually(lambda: len(lab.outcomes()) == 3)
    lab.eventually(lambda: files(lab) == [])
    first, *owed = lab.outcomes().values()
    assert first.status == "done"
    for outcome in owed:
        # What they used is not known, so what was reserved for them stands.
        assert (outcome.status, outcome.outcome.released) == ("failed", {})
        assert outcome.exchange is not None
        assert outcome.exchange.prompt.startswith("sha256:")
    assert lab.outcomes().keys() == {body.id for body in lab.decided()}


def test_what_the_gate_knows_already_is_forgotten(
    lab: Lab, own_engine: EngineDouble
) -> None:
    own_engine.pieces, own_engine.held = openai_stream("a", "b"), {0}
    with begun(lab):
        [path] = files(lab)
        kept = path.read_bytes()
        own_engine.held.clear()
        lab.eventually(lambda: files(lab) == [])
    lab.stop(signal.SIGKILL)
    path.write_bytes(kept)  # as if the kill had come before the file was gone
    path.chmod(0o600)
    lab.start()
    assert lab.ask("GET", "/v1/models")[0] == 200
    lab.eventually(lambda: files(lab) == [])
    [outcome] = lab.outcomes().values()
    assert outcome.status == "done"


def test_without_its_note_no_engine_is_asked(
    lab: Lab, own_engine: EngineDouble
) -> None:
    own_engine.pieces = openai_stream("a")
    folder = lab.house.folder / "journal"
    folder.rmdir()
    status, body = lab.chat()
    assert (status, b"journal" in body) == (503, True)
    assert own_engine.asked == []
    [outcome] = lab.outcomes().values()
    assert outcome.status == "failed"
