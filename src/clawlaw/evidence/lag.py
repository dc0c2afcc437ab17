"""How far the witnesses are behind the log, from cosignatures that were verified.

The gate signs its head every so often. What it signed and too few witnesses co-signed
is unprotected: whoever owns the machine could still take it back. The age of the oldest
such head is the lag; beyond the limit the gate denies. A gate where nothing happens
signs nothing, and is not late.
"""

from collections import deque
from collections.abc import Callable, Iterable

from msgspec import Struct

from clawlaw.evidence.errors import EvidenceError, NoteError
from clawlaw.evidence.note import (
    COSIGNATURE,
    Checkpoint,
    Verifier,
    open_note,
    parse_checkpoint,
    split_note,
)


class Head(Struct, frozen=True, forbid_unknown_fields=True):
    """A head that was signed and waits, with its time in milliseconds."""

    size: int
    root: str  # hex
    time: int


class Heads(Struct, frozen=True, forbid_unknown_fields=True):
    """What a lag is counted from, as plain data.

    Attributes:
        witnessed: Entries of the largest head that enough witnesses co-signed.
        signed: Entries of the largest head that was signed.
        waiting: Heads that wait, the oldest first.
    """

    witnessed: int
    signed: int
    waiting: tuple[Head, ...]


class WitnessLag:
    """What was signed and what of it was co-signed.

    Attributes:
        witnessed: The largest head that enough witnesses co-signed; `None`: none yet.
        fork: Why nothing may be allowed any more, "" as long as all is one history.
    """

    def __init__(
        self,
        log: Verifier,
        witnesses: Iterable[Verifier],
        needed: int,
        limit: int,
        root: Callable[[int], bytes] | None = None,
    ) -> None:
        """Begin with nothing signed.

        Args:
            log: Key of the log itself.
            witnesses: Keys of the cosignatures that count.
            needed: How many of them make a head protected, at least 1.
            limit: Milliseconds that a head may wait for them.
            root: Of the tree over so many entries of the log; asked for a witnessed
                head that is none of those told to :meth:`signed`.

        Raises:
            EvidenceError: Fewer witnesses than are needed, one of them twice, or a key
                that does not cosign.
        """
        known = list(witnesses)
        names = {log.name, *(w.name for w in known)}
        keys = {w.encode().rpartition("+")[2] for w in known}
        if not 1 <= needed <= len(keys) == len(known) == len(names) - 1:
            raise EvidenceError(
                f"{needed} of {len(known)} witnesses are needed; at least one, at most "
                "all of them, each with a name and a key of its own"
            )
        if any(w.type != COSIGNATURE for w in known):
            raise EvidenceError("a witness's key is that of its cosignatures")
        self.witnessed: Checkpoint | None = None
        self.fork = ""
        self._log = log
        self._known = known
        self._names = frozenset(w.name for w in known)
        self._needed = needed
        self._limit = limit
        self._waiting: deque[tuple[Checkpoint, int]] = deque()
        self._signed = 0
        self._root = root
        self._unproven = False  # whether the witnessed head is on this history

    def signed(self, note: bytes, time: int) -> None:
        """A head was signed and recorded.

        Args:
            note: As recorded.
            time: Milliseconds since the epoch.
        """
        head = parse_checkpoint(split_note(note)[0])
        self._signed = max(self._signed, head.size)
        if self.witnessed is not None and head.size == self.witnessed.size:
            self._proven(head.root)
        if self.witnessed is None or head.size > self.witnessed.size:
            self._waiting.append((head, time))

    def seen(self, note: bytes) -> bool:
        """Take what an uploader brought back from the witnesses.

        Args:
            note: A head of this log with cosignatures; nothing of it is believed that
                is not verified.

        Returns:
            Whether enough of the witnesses co-signed it.

        Raises:
            NoteError: No head of this log.
        """
        found = open_note(note, [self._log, *self._known])
        if self._log.name not in found.names:
            raise NoteError("the log itself did not sign this note")
        if len(self._names.intersection(found.names)) < self._needed:
            return False
        head = found.checkpoint
        own = next((own for own, _ in self._waiting if own.size == head.size), None)
        if self.witnessed is None or head.size > self.witnessed.size:
            self.witnessed = head
            self._unproven = True
            if own is not None:
                self._proven(own.root)
        while self._waiting and self._waiting[0][0].size <= self.witnessed.size:
            self._waiting.popleft()
        return True

    def heads(self) -> Heads:
        """How it stands."""
        return Heads(
            0 if self.witnessed is None else self.witnessed.size,
            self._signed,
            tuple(Head(h.size, h.root.hex(), time) for h, time in self._waiting),
        )

    def resume(self, heads: Heads) -> bool:
        """Go on as it stood, with nothing signed yet.

        Returns:
            Whether the witnesses are known to have what they had then; where they are
            not, nothing changes.
        """
        seen = 0 if self.witnessed is None else self.witnessed.size
        if heads.witnessed > seen:
            return False
        self._signed = heads.signed
        for said in heads.waiting:
            root = bytes.fromhex(said.root)
            if said.size > seen:
                head = Checkpoint(self._log.name, said.size, root)
                self._waiting.append((head, said.time))
            elif said.size == seen:
                self._proven(root)
        return True

    def lag(self, now: int) -> int:
        """Age of the oldest head that waits, milliseconds; 0: none does."""
        return max(now - self._waiting[0][1], 0) if self._waiting else 0

    def late(self, now: int) -> str:
        """Why the gate must deny now; "" where it need not."""
        self._prove()
        if self.fork:
            return self.fork
        if self.witnessed is not None and self.witnessed.size > self._signed:
            return (
                f"witnesses saw {self.witnessed.size} entries and this log signed "
                f"{self._signed}: it went back"
            )
        lag = self.lag(now)
        if lag <= self._limit:
            return ""
        return f"the witnesses are {lag} ms behind, at most {self._limit}"

    def _prove(self) -> None:
        """Look in the log for a witnessed head that it did not tell of."""
        head = self.witnessed
        if not self._unproven or head is None or head.size > self._signed:
            return
        if self._root is None:
            self._unproven = False
            return
        try:
            self._proven(self._root(head.size))
        except (EvidenceError, OSError) as error:
            self.fork = f"a witnessed head cannot be compared: {error}"

    def _proven(self, root: bytes) -> None:
        """The log's own root at the size of the witnessed head is known."""
        self._unproven = False
        if self.witnessed is not None and self.witnessed.root != root:
            self.fork = f"witnesses saw another log of size {self.witnessed.size}"


def last_witnessed(
    note: bytes, log: Verifier, witnesses: Iterable[Verifier], needed: int
) -> Checkpoint:
    """The head that a log must extend when it is opened again.

    Args:
        note: What the uploader left.
        log: Key of the log itself.
        witnesses: Keys of the cosignatures that count.
        needed: How many of them make a head protected.

    Raises:
        NoteError: The log did not sign it, or too few witnesses did.
        EvidenceError: The witnesses are none; see :class:`WitnessLag`.
    """
    lag = WitnessLag(log, witnesses, needed, 0)
    lag.seen(note)
    if lag.witnessed is None:
        raise NoteError(f"fewer than {needed} witnesses signed this head")
    return lag.witnessed
