"""A log in a temporary folder, and what it takes to look into its files."""

from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from clawlaw.evidence.log import Log
from clawlaw.evidence.note import Checkpoint, Signer

ORIGIN = "forge.test/gate"
SMALL = 4096  # bytes of a segment that is soon full

type Opener = Callable[..., Log]


@pytest.fixture(scope="session")
def signer() -> Signer:
    return Signer("forge.test/gate", Ed25519PrivateKey.from_private_bytes(bytes(32)))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "log"


@pytest.fixture
def open_log(folder: Path, signer: Signer) -> Opener:
    """Opens the log of the test, again and again."""

    def again(
        *,
        origin: str = ORIGIN,
        segment_bytes: int = 1 << 16,
        minimum: Checkpoint | None = None,
    ) -> Log:
        return Log.open(
            folder, origin, signer, segment_bytes=segment_bytes, minimum=minimum
        )

    return again


def payloads(count: int, start: int = 0, size: int = 100) -> list[bytes]:
    return [
        f"entry {i} ".encode().ljust(size, b".") for i in range(start, start + count)
    ]
