"""A snapshot of how the gate stands, so that a start need not replay the whole log.

The log stays the authority. A snapshot is bound to a head of the log, a policy, a
kernel and a version, and signed with the log's key; it counts only where all of that is
what the start finds, and the entries after it are replayed. Of anything else the start
says why, and replays everything. A file is one line of signature and one of JSON.

What lies before the head is not read at such a start: its root binds it, and `clawlaw
verify` looks at it.
"""

from hashlib import sha256
from hmac import compare_digest
from pathlib import Path
from typing import Final, Literal

import msgspec
from msgspec import Struct

from clawlaw import __version__
from clawlaw.core.errors import ClawLawError
from clawlaw.core.policy import Policy
from clawlaw.evidence.lag import Heads
from clawlaw.evidence.note import Signer
from clawlaw.gate.standing import Standing
from clawlaw.private import read_private, replace_private

NAME: Final = "snapshot"
MAX_BYTES: Final = 1 << 30
_SAID: Final = b"clawlaw snapshot 1\n"


class SnapshotError(ClawLawError):
    """A snapshot does not count; the message says why."""


class Snapshot(Struct, frozen=True, forbid_unknown_fields=True):
    """One snapshot.

    Attributes:
        version: Of the `clawlaw` wheel that took it.
        origin: Names the log.
        size: Entries that it stands for.
        root: Of the tree over them, hex.
        policy: Digest of the policy in force, for which the standing was made.
        kernel: Digest of what judged.
        clean: The last of the entries is `stopped`.
        heads: What the witnesses had; `None`: the gate had none.
    """

    form: Literal[1]
    version: str
    origin: str
    size: int
    root: str
    policy: str
    kernel: str
    clean: bool
    heads: Heads | None
    standing: Standing


_DECODER: Final = msgspec.json.Decoder(Snapshot)


def encode(snapshot: Snapshot) -> bytes:
    """Bytes of a snapshot, without its signature.

    Raises:
        SnapshotError: It holds what has no such form.
    """
    try:
        return msgspec.json.encode(snapshot)
    except (msgspec.MsgspecError, TypeError, UnicodeEncodeError) as error:
        raise SnapshotError(f"cannot be written: {error}") from error


class Snapshots:
    """The snapshot of one gate, which the next one replaces.

    Attributes:
        every: Entries between two of them.
    """

    def __init__(self, folder: Path, signer: Signer, every: int) -> None:
        """Keep it in a folder of the gate's own.

        Args:
            folder: Made by the gate, with mode 0700.
            signer: Of the log.
            every: Entries between two of them.
        """
        self.every = every
        self._path = folder / NAME
        self._signer = signer

    @property
    def origin(self) -> str:
        """Names the log."""
        return self._signer.name

    def write(self, data: bytes) -> None:
        """Put a snapshot in the place of the last; on the disk when this returns.

        Raises:
            PrivateFileError: It cannot be written; the last one is still there.
        """
        line = self._signer.line(_text(data))
        replace_private(self._path, line + data)

    def read(self, policy: Policy) -> Snapshot | None:
        """The snapshot, if there is one.

        Args:
            policy: In force at this start.

        Raises:
            ClawLawError: It is not the gate's own, or for something else.
        """
        if not self._path.exists():
            return None
        line, end, data = read_private(self._path, MAX_BYTES).partition(b"\n")
        # Ed25519 signs the same text the same way, so signing again verifies.
        if not compare_digest(line + end, self._signer.line(_text(data))):
            raise SnapshotError(f"{self._path}: the log's key did not sign this")
        return self._counts(data, policy)

    def _counts(self, data: bytes, policy: Policy) -> Snapshot:
        try:
            found = _DECODER.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise SnapshotError(f"{self._path}: {error}") from error
        wanted = {
            "version": __version__,
            "origin": self._signer.name,
            "policy": policy.digest,
            "kernel": policy.kernel,
        }
        for name, value in wanted.items():
            if getattr(found, name) != value:
                raise SnapshotError(f"{self._path}: it is of another {name}")
        return found


def _text(data: bytes) -> bytes:
    """What is signed: no checkpoint of a log has this form."""
    return _SAID + sha256(data).hexdigest().encode() + b"\n"
