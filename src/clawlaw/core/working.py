"""State while one proposal is decided: reads see what its earlier effects would do."""

from clawlaw.core.decision import Delta, Level, Verdict
from clawlaw.core.state import (
    ALLOWED_ONLY,
    SHARED,
    SHIFT,
    State,
    counted,
    find,
    merged,
    pack,
    unpack,
)


class Working:
    """A state that is read, and changes that are only collected.

    What a proposal would leave behind counts for its own later effects at once (a
    file that it downloads is downloaded when it runs it) and for the state only when
    `apply` takes the delta.

    Attributes:
        state: Never changed here.
        flow: Labels of what this proposal's earlier effects read.
        steps: What the patterns keep between the effects of this proposal.
    """

    __slots__ = (
        "_allowed",
        "_counts",
        "_labels",
        "_marks",
        "_refused",
        "_spend",
        "flow",
        "state",
        "steps",
    )

    def __init__(self, state: State) -> None:
        """Read from `state`."""
        self.state = state
        self.flow = 0
        self.steps: dict[str, int] = {}
        self._allowed: dict[tuple[str, str], int] = {}
        self._refused: dict[tuple[str, str], int] = {}
        self._marks: list[tuple[str, bool]] = []
        self._labels = 0
        self._spend: dict[str, int] = {}
        self._counts: dict[str, int] = {}

    @property
    def action(self) -> int:
        """Number of this action in its session, from 1."""
        return self.state.session.actions + 1

    @property
    def labels(self) -> int:
        """Bits that the session carries, this proposal's earlier effects included."""
        return self.state.session.labels | self._labels

    def get(self, table: str, key: str) -> tuple[int, int]:
        """(labels, action that last added one) of a key in this session, all grains."""
        kept = self.state.session.tables.get(table)
        value = 0 if kept is None else find(kept, key)
        if self._allowed:
            value = merged(value, self._allowed.get((table, key), 0))
        return unpack(value)

    def shared(self, table: str, key: str) -> tuple[int, str]:
        """(labels, "session#action" that last added one) of a key in the room."""
        room = self.state.room
        kept = room.tables.get(table)
        if kept is None:
            return 0, ""
        value = find(kept, key)
        return value & ((1 << SHIFT) - 1), room.authors.get(key, "") if value else ""

    def of_room(self, table: str, key: str) -> int | None:
        """Number that any session of the room last set a key to, 0 where none did.

        Returns:
            `None` where the table is too full to tell one key from another.
        """
        value = self._allowed.get((table, key))
        if value is not None:
            return value
        kept = self.state.room.tables.get(table)
        if kept is None:
            return 0
        return None if kept.grain else kept.entries.get(key, 0)

    def counted(self, table: str, key: str) -> int:
        """Value of a key in one of the tables that count."""
        value = self._allowed.get((table, key), 0)
        kept = self.state.session.tables.get(table)
        return value if kept is None else max(value, counted(kept, key))

    def put(self, table: str, key: str, labels: int) -> None:
        """Add labels to a key; takes effect where the proposal is allowed."""
        before, _ = unpack(self._allowed.get((table, key), 0))
        self._allowed[table, key] = pack(before | labels, self.action)

    def put_value(self, table: str, key: str, value: int) -> None:
        """Set a key, whatever it was; takes effect where the proposal is allowed."""
        self._allowed[table, key] = value

    def put_refused(self, table: str, key: str, labels: int) -> None:
        """Add labels to a key; takes effect where the proposal is not allowed."""
        before, _ = unpack(self._refused.get((table, key), 0))
        self._refused[table, key] = pack(before | labels, self.action)

    def label(self, bits: int) -> None:
        """Add labels to the session; takes effect where the proposal is allowed."""
        self._labels |= bits

    def mark(self, pattern: str, *, refused: bool = False) -> None:
        """Note this action for a pattern that counts them."""
        self._marks.append((pattern, refused))

    def marks(self, pattern: str, window: int) -> list[int]:
        """Numbers of the earlier actions that a pattern noted in its last `window`."""
        since = self.action - window
        return [n for n in self.state.session.marks.get(pattern, ()) if n > since]

    def spend(self, unit: str, amount: int) -> None:
        """Reserve of a budget; takes effect where the proposal is allowed."""
        self._spend[unit] = self._spend.get(unit, 0) + amount

    def count(self, family: str) -> None:
        """Add an effect to the session's profile; takes effect where allowed."""
        self._counts[family] = self._counts.get(family, 0) + 1

    def delta(
        self,
        verdict: Verdict,
        consumed: tuple[str, ...] = (),
        level: Level = "normal",
    ) -> Delta:
        """The changes that belong to this verdict.

        Labels of files are kept for an escalation too: a steward may approve it after
        later actions were judged, and a label that was early is a question more,
        one that was late is a harm. Those of the session wait in `pending` for the
        result that shows that the action was performed.
        """
        allowed = verdict is Verdict.ALLOW
        if allowed:
            changes = self._allowed
        elif verdict is Verdict.ESCALATE:
            early = SHARED - ALLOWED_ONLY
            changes = {k: v for k, v in self._allowed.items() if k[0] in early}
            changes |= self._refused
            if self._labels:
                pending = pack(self._labels, self.action)
                changes["pending", str(self.action)] = pending
        else:
            changes = self._refused
        return Delta(
            spend=dict(self._spend) if allowed else {},
            tables=tuple([(t, k, v) for (t, k), v in changes.items()]),
            marks=tuple([name for name, refused in self._marks if refused != allowed]),
            labels=self._labels if allowed else 0,
            counts=dict(self._counts) if allowed else {},
            denied=not allowed,
            consumed=consumed if allowed else (),
            level=level,
        )
