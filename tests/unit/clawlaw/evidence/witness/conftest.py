"""A real log with its key, and keys of witnesses."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from clawlaw.evidence.log import Log
from clawlaw.evidence.note import Signer

ORIGIN = "gate.test/log"


def _signer(name: str, seed: int) -> Signer:
    return Signer(name, Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32))


@pytest.fixture
def signer() -> Callable[[str, int], Signer]:
    """Loader of a key by name and seed."""
    return _signer


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    """An empty log that rotates after a few entries."""
    with Log.open(
        tmp_path / "log", ORIGIN, _signer(ORIGIN, 1), segment_bytes=4096
    ) as opened:
        yield opened
