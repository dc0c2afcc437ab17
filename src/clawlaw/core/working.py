"""State while one proposal is decided: reads see what its earlier effects would do."""

from clawlaw.core.decision import Delta, Verdict
from clawlaw.core.state import GRAINS, State, Table, pack, unpack

_NO_TABLE = Table()


def coarser(key: str, grain: int) -> str:
    """The key under which a table of this grain keeps a value."""
    if grain == 0:
        return key
    return key.rpartition("/")[0] + "/" if grain < len(GRAINS) - 1 else "*"


class Working:
    """A state that is read, and changes that are only collected.

    What a proposal would leave behind counts for its own later effects at once (a
    file that it downloads is downloaded when it runs it) and for the state only when
    `apply` takes the delta.
    """

    __slots__ = ("_allowed", "_labels", "_marks", "_refused", "_spend", "state")

    def __init__(self, state: State) -> None:
        """Read from `state`, which is never changed here."""
        self.state = state
        self._allowed: dict[tuple[str, str], int] = {}
        self._refused: dict[tuple[str, str], int] = {}
        self._marks: list[tuple[str, bool]] = []
        self._labels = 0
        self._spend: dict[str, int] = {}

    @property
    def action(self) -> int:
        """Number of this action in its session, from 1."""
        return self.state.session.actions + 1

    @property
    def labels(self) -> int:
        """Bits that the session carries, this proposal's earlier effects included."""
        return self.state.session.labels | self._labels

    def get(self, table: str, key: str) -> tuple[int, int]:
        """(labels, number of the action that last set them) of a key, all grains."""
        value = self._allowed.get((table, key), 0)
        labels, action = unpack(value)
        for record in (self.state.session, self.state.room):
            entries = record.tables.get(table, _NO_TABLE).entries
            if not entries:
                continue
            for grain in range(len(GRAINS)):
                more, when = unpack(entries.get(coarser(key, grain), 0))
                labels |= more
                action = max(action, when)
        return labels, action

    def put(self, table: str, key: str, labels: int) -> None:
        """Add labels to a key; takes effect where the proposal is allowed."""
        before, _ = unpack(self._allowed.get((table, key), 0))
        self._allowed[table, key] = pack(before | labels, self.action)

    def put_refused(self, table: str, key: str, labels: int) -> None:
        """Add labels to a key; takes effect where the proposal is not allowed."""
        self._refused[table, key] = pack(labels, self.action)

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

    def delta(self, verdict: Verdict, consumed: tuple[str, ...] = ()) -> Delta:
        """The changes that belong to this verdict."""
        allowed = verdict is Verdict.ALLOW
        changes = self._allowed if allowed else self._refused
        return Delta(
            spend=dict(self._spend) if allowed else {},
            tables=tuple((t, k, v) for (t, k), v in changes.items()),
            marks=tuple(name for name, refused in self._marks if refused != allowed),
            labels=self._labels if allowed else 0,
            denied=not allowed,
            consumed=consumed if allowed else (),
        )
