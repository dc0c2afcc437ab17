"""Real S3 servers, a bucket of its own and a log for every test."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.integration.s3.servers import SERVERS, Server, running

from clawlaw.evidence.anchor_config import StorePart
from clawlaw.evidence.log import Log
from clawlaw.evidence.note import Signer
from clawlaw.evidence.objects import Store

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

ORIGIN = "gate.test/log"


@pytest.fixture(scope="session", params=list(SERVERS))
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """A server of each kind, with its data in a folder of the test run."""
    with running(request.param, tmp_path_factory.mktemp(request.param)) as found:
        yield found


@pytest.fixture
def client(server: Server) -> "Iterator[S3Client]":
    """The attacker: all rights of the account."""
    made = server.client()
    yield made
    made.close()


@pytest.fixture
def part(server: Server, tmp_path: Path) -> StorePart:
    """A bucket of its own, made with Object Lock."""
    return server.bucket(tmp_path)


@pytest.fixture
def store(part: StorePart) -> Iterator[Store]:
    made = Store(part)
    yield made
    made.close()


@pytest.fixture(scope="session")
def signer() -> Callable[[str, int], Signer]:
    """Loader of a key by name and seed."""
    return lambda name, seed: Signer(
        name, Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)
    )


@pytest.fixture
def log(tmp_path: Path, signer: Callable[[str, int], Signer]) -> Iterator[Log]:
    """An empty log that rotates after a few entries."""
    with Log.open(
        tmp_path / "log", ORIGIN, signer(ORIGIN, 1), segment_bytes=4096
    ) as opened:
        yield opened
