"""A log in a temporary folder, and what it takes to look into its files."""

from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from clawlaw.core.actions import Proposal
from clawlaw.core.facts import Facts
from clawlaw.evidence.log import Log
from clawlaw.evidence.note import Checkpoint, Signer
from clawlaw.evidence.schema import (
    AnyBody,
    Checkpointed,
    Decided,
    Entry,
    encode_entry,
)
from clawlaw.record import Bound, DecisionRecord, Opening

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


def decided(number: int, *, observe: bool = False) -> Decided:
    """A decision, without the engine that would make one."""
    record = DecisionRecord(
        1,
        "sha256:" + "0" * 64,
        Bound(("/work",), "/home/agent"),
        Opening("agent", f"session-{number % 3}"),
        Proposal("agent", f"session-{number % 3}", "Bash", {"command": "ls"}, "/work"),
        (),
        Facts(now=number),
        {"verdict": "allow", "reason": "x"},
    )
    return Decided(f"d-{number}", record, observe=observe)


class Writer:
    """Appends bodies as entries, as a gate would."""

    def __init__(self, log: Log) -> None:
        self.log = log

    def write(self, *bodies: AnyBody) -> None:
        first = self.log.size
        self.log.append(
            [
                encode_entry(
                    Entry(1, first + i, 1_790_000_000_000 + first + i, "b", body)
                )
                for i, body in enumerate(bodies)
            ]
        )

    def sign(self) -> bytes:
        note = self.log.checkpoint()
        self.write(Checkpointed(note.decode()))
        return note
