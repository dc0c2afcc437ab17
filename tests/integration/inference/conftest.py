"""Gates, proxies and engines, ended with their test."""

import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.integration.gate.conftest import make_house
from tests.integration.gate.house import House
from tests.integration.inference.engine_double import EngineDouble
from tests.integration.inference.lab import Lab

__all__ = ["make_house"]


MODEL = {
    "name": "small",
    "backend": "local",
    "context": 4096,
    "max_tokens": 512,
    "digest": "sha256:" + "ab" * 32,
}


@pytest.fixture
def own_engine() -> Iterator[EngineDouble]:
    """A double of an engine, that a test may break."""
    double = EngineDouble()
    double.start()
    yield double
    double.stop()


@pytest.fixture
def make_lab(make_house: Callable[..., House]) -> Iterator[Callable[..., Lab]]:
    """Loader of a proxy that serves, before engines at the given addresses."""
    made: list[Lab] = []

    def make(url: str, **more: object) -> Lab:
        house = make_house()
        house.start()
        backends = [{"name": "local", "engine": "ollama", "url": url, "tier": "II"}]
        models = [MODEL]
        given = {"backends": backends, "models": models} | more
        chosen = {k: given.pop(k) for k in ("backends", "models")}
        lab = Lab(house, chosen["backends"], chosen["models"], given)  # type: ignore[arg-type]  # as above
        made.append(lab)
        lab.start()
        return lab

    yield make
    for lab in made:
        if lab.process is not None:
            lab.stop(signal.SIGKILL)


@pytest.fixture(scope="module")
def shared() -> Iterator[tuple[Lab, EngineDouble]]:
    """A proxy before a double, for all tests of a module."""
    folder = Path(tempfile.mkdtemp(prefix="clawlaw-inference-"))
    folder.chmod(0o755)
    house, double = House(folder), EngineDouble()
    house.start()
    double.start()
    backend = {"name": "local", "engine": "ollama", "url": double.url, "tier": "II"}
    lab = Lab(house, [backend], [MODEL])
    lab.start()
    yield lab, double
    lab.stop()
    double.stop()
    house.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def lab(shared: tuple[Lab, EngineDouble]) -> Iterator[Lab]:
    """That proxy, with a session of the test's own."""
    lab, _ = shared
    lab.since = sum(1 for _ in lab.house.entries())
    lab.session = f"session-{lab.since}"
    yield lab
    lab.house.ask("POST", "/v1/sessions/close", {"session": lab.session})


@pytest.fixture
def engine(shared: tuple[Lab, EngineDouble]) -> EngineDouble:
    """Its double, which has answered nothing yet."""
    double = shared[1]
    double.pieces, double.asked, double.sent = [], [], []
    double.pause, double.status = 0, 200
    return double
