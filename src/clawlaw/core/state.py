"""What is remembered of a session and of the room, and how a decision changes it.

Two records: the session's and the room's, which its agents share. Tables never
evict: a full table takes coarser keys (file, then directory, then one for
everything), so that it can say too much and never too little. All work is
proportional to the action, whatever the length of the session.
"""

from enum import IntFlag

from msgspec import Struct, field

TABLE_CAP = 4096  # entries before a table takes coarser keys
GRAINS = ("file", "directory", "workspace")
SHIFT = 16  # labels below, number of the action that set them above


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


def pack(labels: int, action: int) -> int:
    """One table value: labels and the number of the action that set them."""
    return action << SHIFT | labels


def unpack(value: int) -> tuple[int, int]:
    """(labels, number of the action)."""
    return value & ((1 << SHIFT) - 1), value >> SHIFT


class Table(Struct):
    """Labels by key, bounded.

    Attributes:
        entries: Packed values by key; keys are folded paths, hosts or digests.
        grain: Index in `GRAINS` of the keys that are written now.
    """

    entries: dict[str, int] = field(default_factory=dict)
    grain: int = 0


class Scope(Struct, frozen=True):
    """What a session may touch: declared by it, cut to its principal's ceiling.

    Attributes:
        purpose: Of the policy's closed list.
        paths: Absolute directories, without links.
        hosts: Names; a leading dot takes subdomains.
        programs: Names; empty: those of the purpose.
        budgets: By unit; an absent unit has the principal's ceiling.
        expires: Milliseconds since the epoch; 0: with the session.
    """

    purpose: str
    paths: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    programs: tuple[str, ...] = ()
    budgets: dict[str, int] = {}
    expires: int = 0


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
        spend: "principal/unit" across sessions.
        sessions: Open ones by principal.
    """

    tables: dict[str, Table] = field(default_factory=dict)
    spend: dict[str, int] = field(default_factory=dict)
    sessions: dict[str, int] = field(default_factory=dict)


class State(Struct):
    """Everything that a decision may depend on besides effects, facts and policy."""

    session: Session
    room: Room
