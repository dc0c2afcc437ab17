"""A whole chain on real servers, ended with its test."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.integration.certificates import Authority
from tests.integration.chain.processes import Chain
from tests.integration.gate.conftest import make_house
from tests.integration.gate.house import House
from tests.integration.s3.servers import Server, Tls, running

__all__ = ["make_house"]


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """SeaweedFS under TLS of an authority of its own."""
    folder = tmp_path_factory.mktemp("store")
    authority = Authority(folder)
    files = authority.issue("s3", server=True)
    with running("seaweedfs", folder, Tls(*files, authority.file)) as found:
        yield found


@pytest.fixture
def chain(
    make_house: Callable[..., House], server: Server, tmp_path: Path
) -> Iterator[Chain]:
    """Witness and uploader run; the gate is not started."""
    made = Chain(make_house(), server, tmp_path)
    made.start("witness")
    made.start("anchor")
    yield made
    made.end()
