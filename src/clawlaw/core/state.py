"""What is remembered of a session and of the room, and how a decision changes it.

Two records: the session's and the room's, which its agents share. Tables never
evict: a full table takes coarser keys (file, then directory, then one for
everything), so that it can say too much and never too little. All work is
proportional to the action, whatever the length of the session.
"""

from enum import IntFlag

from msgspec import Struct, field

from clawlaw.core.errors import StateError

TABLE_CAP = 4096  # entries of one grain before a table takes coarser keys
ROOM_CAP = 65_536  # the same for the room, which outlives its sessions
GRAINS = ("file", "directory", "workspace")
SHIFT = 16  # labels below, number of the action that set them above
MARKS_CAP = 64  # newest actions that a pattern can count
COUNTS_CAP = 1000  # effects of the profile before every family is halved

# Tables that the room keeps as well.
SHARED = frozenset({"files", "trees", "any", "asked", "infra", "kube"})
# Of those, what only counts once it was allowed.
ALLOWED_ONLY = frozenset({"infra", "kube"})
COUNTED = frozenset({"sends", "bytes", "amounts"})  # of two values the larger counts
EXACT = frozenset({"trusted"})  # a full table takes nothing more: it must not say more
LATEST = frozenset(
    {"asked", "infra", "kube"}
)  # the last value counts, unless a key stands for many
RECENT = frozenset({"denied"})  # a key is as new as its last action


class Label(IntFlag):
    """What is known of a file, a value or a session."""

    UNTRUSTED = 1  # written by others: web pages, mail, issues
    SECRET = 2
    DOWNLOADED = 4
    WRITTEN = 8  # by an agent of this room
    PERSONAL = 16
    INTERNAL = 32
    EXECUTABLE = 64
    CODE = 128  # written by an agent and not known to be inert
    STAGED = 256  # copied, packed or encoded from something labelled


_LABELS = (1 << SHIFT) - 1
_ORIGINS = _LABELS & ~int(Label.EXECUTABLE)


def pack(labels: int, action: int) -> int:
    """One table value: labels and the number of the action that set them."""
    return action << SHIFT | labels


def unpack(value: int) -> tuple[int, int]:
    """(labels, number of the action)."""
    return value & _LABELS, value >> SHIFT


class Table(Struct):
    """Labels by key, bounded.

    Attributes:
        entries: Packed values by key; keys are folded paths, hosts or digests, with
            a slash where a coarser key ends.
        grain: Index in `GRAINS` of the keys that are written now.
        cap: Entries of one grain.
    """

    entries: dict[str, int] = field(default_factory=dict)
    grain: int = 0
    cap: int = TABLE_CAP


class Scope(Struct, frozen=True):
    """What a session may touch: declared by it, cut to its principal's ceiling.

    Attributes:
        purpose: Of the policy's closed list.
        paths: Absolute directories, without links.
        hosts: Names; a leading dot takes subdomains.
        programs: Names; empty: those of the purpose.
        budgets: By unit; an absent unit has the principal's ceiling.
        expires: Milliseconds since the epoch; 0: with the session.
        namespaces: Of the cluster; none: it changes nothing there by itself.
    """

    purpose: str
    paths: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    programs: tuple[str, ...] = ()
    budgets: dict[str, int] = {}
    expires: int = 0
    namespaces: tuple[str, ...] = ()


class Session(Struct):
    """One agent's session.

    Attributes:
        actions: Decided so far, whatever the verdict.
        spend: By budget unit.
        labels: Bits that the session's context carries (it read a secret ...).
        labelled: Number of the action that first set each label.
        tables: files, hosts, values, denied, ... by name.
        marks: Numbers of recent actions by pattern, newest last, bounded by pattern.
        counts: Profile of the session for behaviour drift, by effect family.
    """

    id: str
    principal: str
    scope: Scope
    parent: str = ""
    depth: int = 0
    actions: int = 0
    spend: dict[str, int] = field(default_factory=dict)
    labels: int = 0
    labelled: dict[str, int] = field(default_factory=dict)
    level: str = "normal"
    tables: dict[str, Table] = field(default_factory=dict)
    marks: dict[str, list[int]] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)


class Room(Struct):
    """What the agents of one boundary share.

    Attributes:
        tables: files: labels of what any agent wrote or fetched.
        authors: "session#action" that last labelled a key of these tables.
        spend: "principal/unit" across sessions.
        sessions: Open ones by principal.
    """

    tables: dict[str, Table] = field(default_factory=dict)
    authors: dict[str, str] = field(default_factory=dict)
    spend: dict[str, int] = field(default_factory=dict)
    sessions: dict[str, int] = field(default_factory=dict)


class State(Struct):
    """Everything that a decision may depend on besides effects, facts and policy."""

    session: Session
    room: Room


def coarser(key: str, grain: int) -> str:
    """The key under which a table of this grain keeps a value."""
    if grain == 0:
        return key
    return key.rpartition("/")[0] + "/" if grain < len(GRAINS) - 1 else "*"


def merged(old: int, new: int) -> int:
    """Labels of both, and the action that last added one.

    An execute bit says nothing of where a file comes from, so it moves no action.
    """
    if not old:
        return new
    grown = new & ~old & _ORIGINS
    return (new if grown else old) >> SHIFT << SHIFT | (old | new) & _LABELS


def find(table: Table, key: str) -> int:
    """Packed value of a key: what any grain of the table says of it."""
    entries = table.entries
    value = entries.get(key, 0)
    if table.grain != 0:
        for grain in _coarse(table.grain):
            more = entries.get(coarser(key, grain))
            if more:
                value = merged(value, more)
    return value


def counted(table: Table, key: str) -> int:
    """Value of a key in a table that counts: the largest of its grains."""
    entries = table.entries
    value = entries.get(key, 0)
    if table.grain != 0:
        for grain in _coarse(table.grain):
            value = max(value, entries.get(coarser(key, grain), 0))
    return value


def _coarse(grain: int) -> range:
    """Grains above the finest that a table has; never more than there are."""
    if type(grain) is not int or not 0 < grain < len(GRAINS):
        raise StateError(f"the grain of a table is not 0 to {len(GRAINS) - 1}")
    return range(1, grain + 1)


def insert(state: State, table: str, key: str, value: int) -> None:
    """Add a packed value to a table of the session and, where shared, of the room.

    Changes `state`; O(1), whatever the tables hold.
    """
    session, room = state.session, state.room
    _insert(session.tables, table, key, value, TABLE_CAP)
    if table in SHARED:
        kept = _insert(room.tables, table, key, value, ROOM_CAP)
        if kept:
            room.authors[kept] = f"{session.id}#{value >> SHIFT}"


def note(session: Session, pattern: str) -> None:
    """Keep the number of the action just counted as one that a pattern counts."""
    marks = session.marks.setdefault(pattern, [])
    marks.append(session.actions)
    if len(marks) > MARKS_CAP:
        del marks[0]


def label(session: Session, bits: int) -> None:
    """Add labels to a session, noting the action just counted for the new ones."""
    fresh = bits & ~session.labels
    session.labels |= bits
    while fresh:
        lowest = fresh & -fresh
        session.labelled[Label(lowest).name or str(lowest)] = session.actions
        fresh ^= lowest


def count(session: Session, families: dict[str, int]) -> None:
    """Add effects to the session's profile, which forgets by halves.

    A profile of everything would not move any more after a long session; halving
    keeps the last few hundred effects heaviest, in one pass over a closed list of
    families each time `COUNTS_CAP` is reached.
    """
    counts = session.counts
    for family, more in families.items():
        counts[family] = counts.get(family, 0) + more
    if sum(counts.values()) > COUNTS_CAP:
        for family in counts:
            counts[family] //= 2


def _insert(tables: dict[str, Table], name: str, key: str, value: int, cap: int) -> str:
    """Key under which the value is new, "" where it was known."""
    table = tables.get(name)
    if table is None:
        table = tables[name] = Table(cap=cap)
    entries = table.entries
    kept = coarser(key, table.grain)
    old = entries.get(kept)
    if old is None and name in EXACT and len(entries) >= table.cap:
        return ""
    last = len(GRAINS) - 1
    while (
        old is None
        and table.grain < last
        and len(entries) >= table.cap * (table.grain + 1)
    ):
        table.grain += 1
        kept = coarser(key, table.grain)
        old = entries.get(kept)
    if name in COUNTED:
        new = max(old or 0, value)
    elif name in LATEST and not table.grain:
        new = value
    elif name in RECENT and old:
        new = max(old, value) >> SHIFT << SHIFT | (old | value) & _LABELS
    else:
        new = merged(old or 0, value)
    if new == old:
        return ""
    entries[kept] = new
    return kept
