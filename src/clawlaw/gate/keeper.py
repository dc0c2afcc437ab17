"""When snapshots are taken and written, and what a start makes of the last one.

Taking one encodes the state between two turns of the loop; signing and writing it is a
thread's work. A run that changed its policy takes none any more: its memory went
another way than a replay under the new policy would.
"""

from collections.abc import Callable
from threading import Thread

from clawlaw import __version__
from clawlaw.core.errors import ClawLawError
from clawlaw.gate.journal import note
from clawlaw.gate.ledger import RootedLog
from clawlaw.gate.protection import Protection
from clawlaw.gate.rebuild import Rebuilt, rebuild
from clawlaw.gate.snapshot import Snapshot, Snapshots, encode
from clawlaw.gate.standing import standing
from clawlaw.gate.state import GateState


class Keeper:
    """Keeps the snapshot of one run of the gate."""

    def __init__(
        self,
        snapshots: Snapshots | None,
        log: RootedLog,
        state: GateState,
        protection: Protection,
    ) -> None:
        """Begin with a state that has nothing yet.

        Args:
            snapshots: Where they are; `None`: nowhere.
            log: Open.
            state: Under the policy in force.
            protection: That has looked what is witnessed.
        """
        self._snapshots = snapshots
        self._log = log
        self._state = state
        self._protection = protection
        self._size = 0  # entries that the newest snapshot stands for
        self._writing: Thread | None = None

    def rebuild(self) -> Rebuilt:
        """Let the state stand as the log says.

        Raises:
            RebuildError: The log does not say how the gate stood.
        """
        told = rebuild(self._state, self._log, self._read(), self._resume)
        for signed, time in told.heads:
            self._protection.signed(signed, time)
        self._size = told.known
        return told

    def _read(self) -> Snapshot | None:
        if self._snapshots is None:
            return None
        try:
            return self._snapshots.read(self._state.evaluator.policy)
        except (ClawLawError, OSError) as error:
            note("snapshot not used", problem=str(error))
            return None

    def _resume(self, snapshot: Snapshot) -> bool:
        return self._protection.resume(snapshot.heads)

    def take(self, *, clean: bool) -> bytes:
        """A snapshot of now; nothing may wait for a flush.

        Args:
            clean: The newest entry is `stopped`.

        Raises:
            SnapshotError: The state cannot be encoded.
        """
        log, policy = self._log, self._state.evaluator.policy
        found = Snapshot(
            1,
            __version__,
            "" if self._snapshots is None else self._snapshots.origin,
            log.size,
            log.root().hex(),
            policy.digest,
            policy.kernel,
            clean,
            self._protection.heads(),
            standing(self._state),
        )
        return encode(found)

    def ticked(self) -> None:
        """Take and write one, where the log has grown enough since the last."""
        snapshots, size = self._snapshots, self._log.size
        busy = self._writing is not None and self._writing.is_alive()
        if snapshots is None or busy or size - self._size < snapshots.every:
            return
        write = self._taken(snapshots, clean=False)
        if write is not None:
            self._size = size
            self._writing = Thread(target=write, daemon=True, name="snapshot")
            self._writing.start()

    def stop(self) -> None:
        """Take and write the last one of this run."""
        if self._snapshots is None:
            return
        if self._writing is not None:
            self._writing.join()
        write = self._taken(self._snapshots, clean=True)
        if write is not None:
            write()

    def _taken(self, snapshots: Snapshots, *, clean: bool) -> Callable[[], None] | None:
        """What writes a snapshot of now; `None`: none may be taken."""
        ledger = self._state.ledger
        if ledger.latched or ledger.pending or self._state.evaluator.changed:
            return None
        try:
            data = self.take(clean=clean)
        except ClawLawError as error:
            note("no snapshot", problem=str(error))
            return None

        def write() -> None:
            try:
                snapshots.write(data)
            except (ClawLawError, OSError) as error:
                note("no snapshot", problem=str(error))

        return write
