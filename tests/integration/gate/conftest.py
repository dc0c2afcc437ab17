"""Real gates, ended with their test."""

import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.integration.gate.house import House
from tests.integration.gate.tls_house import TlsHouse


@pytest.fixture
def make_house() -> Iterator[Callable[..., House]]:
    """Loader of a gate that is not started, in a folder that any account enters."""
    made: list[House] = []

    def make(**more: object) -> House:
        folder = Path(tempfile.mkdtemp(prefix="clawlaw-gate-"))
        folder.chmod(0o755)
        made.append(House(folder, more))
        return made[-1]

    yield make
    for house in made:
        if house.process is not None:
            house.stop(signal.SIGKILL)
        shutil.rmtree(house.folder, ignore_errors=True)


@pytest.fixture
def house(make_house: Callable[..., House]) -> House:
    """A gate that serves."""
    found = make_house()
    found.start()
    return found


@pytest.fixture
def tls(make_house: Callable[..., House], tmp_path: Path) -> TlsHouse:
    """Not started."""
    return TlsHouse(make_house(), tmp_path)
