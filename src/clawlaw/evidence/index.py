"""An index over the log in SQLite: made from it, thrown away and made again at will.

The log is the authority; the index only says where to look. It remembers the root of
the log up to where it has read, and an index of another log, or of one that was
replaced, is emptied and begun again.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from clawlaw.evidence.errors import EvidenceError, LogDamaged
from clawlaw.evidence.frame import ENTRY, FrameError
from clawlaw.evidence.reader import frames_from, root_at
from clawlaw.evidence.schema import (
    Answered,
    AnyBody,
    Certified,
    Consumed,
    Decided,
    Entry,
    Escalated,
    Opened,
    Performed,
    Refused,
    decode_entry,
)
from clawlaw.evidence.segment import read_frames, segment_path

_FORM: Final = 1
_BATCH: Final = 5_000  # entries between two commits
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS entries (
    seq INTEGER PRIMARY KEY, time INTEGER NOT NULL, kind TEXT NOT NULL,
    id TEXT NOT NULL, session TEXT NOT NULL, principal TEXT NOT NULL,
    tool TEXT NOT NULL, verdict TEXT NOT NULL,
    segment INTEGER NOT NULL, offset INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS by_kind ON entries (kind, time);
CREATE INDEX IF NOT EXISTS by_session ON entries (session);
CREATE TABLE IF NOT EXISTS links (id TEXT NOT NULL, seq INTEGER NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS by_id ON links (id);
CREATE TABLE IF NOT EXISTS state (
    form INTEGER NOT NULL, size INTEGER NOT NULL, root BLOB NOT NULL
) STRICT;
"""


@dataclass(frozen=True, slots=True)
class Query:
    """What to look for; empty fields do not matter.

    Attributes:
        since: Milliseconds since the epoch.
        until: As well; entries at it are not found.
        limit: The newest are found first.
    """

    kind: str = ""
    session: str = ""
    principal: str = ""
    tool: str = ""
    verdict: str = ""
    since: int = 0
    until: int = 2**53
    limit: int = 100


class Index:
    """An open index of one log; `Index.open` makes one."""

    def __init__(self, folder: Path, database: sqlite3.Connection) -> None:
        """Keep the log's folder and the connection."""
        self._folder = folder
        self._database = database

    @classmethod
    def open(cls, folder: Path, file: Path | None = None) -> Self:
        """Open an index, in memory where no file is given, and read what is new.

        Raises:
            LogDamaged: The log is not what was written.
            EvidenceError: The file is no index.
        """
        database = sqlite3.connect(str(file) if file else ":memory:")
        try:
            database.executescript(_SCHEMA)
        except sqlite3.DatabaseError as error:
            database.close()
            raise EvidenceError(f"{file}: not an index ({error}); remove it") from error
        index = cls(folder, database)
        try:
            index.refresh()
        except BaseException:
            database.close()
            raise
        return index

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def rebuild(self, progress: Callable[[int], None] = lambda _: None) -> int:
        """Empty the index and read the whole log; how many entries it has."""
        for table in ("entries", "links", "state"):
            self._database.execute(f"DELETE FROM {table}")  # noqa: S608  # fixed names
        self._database.commit()
        return self._read(0, progress)

    def refresh(self) -> int:
        """Read what was appended; all of it where the index is of another log."""
        row = self._database.execute("SELECT form, size, root FROM state").fetchone()
        if row is None:
            return self.rebuild()
        form, size, root = row
        try:
            same = form == _FORM and root_at(self._folder, size) == root
        except EvidenceError as error:
            if isinstance(error, LogDamaged):
                raise
            same = False
        return self._read(size, lambda _: None) if same else self.rebuild()

    def find(self, query: Query) -> list[Entry]:
        """Entries that a query asks for, newest first, as the log has them."""
        where = ["time >= ?", "time < ?"]
        values: list[str | int] = [query.since, query.until]
        for name in ("kind", "session", "principal", "tool", "verdict"):
            wanted = getattr(query, name)
            if wanted:
                where.append(f"{name} = ?")
                values.append(wanted)
        chosen = " AND ".join(where)
        return self._entries(
            f"SELECT segment, offset FROM entries WHERE {chosen} "  # noqa: S608  # names
            "ORDER BY seq DESC LIMIT ?",
            [*values, query.limit],
        )

    def named(self, name: str) -> list[Entry]:
        """Entries that an id links, in the order of the log."""
        return self._entries(
            "SELECT segment, offset FROM entries WHERE seq IN "
            "(SELECT seq FROM links WHERE id = ?) ORDER BY seq",
            [name],
        )

    def _entries(self, statement: str, values: list[str | int]) -> list[Entry]:
        with closing(self._database.execute(statement, values)) as rows:
            return [self._entry(*row) for row in rows.fetchall()]

    def _entry(self, segment: int, offset: int) -> Entry:
        path = segment_path(self._folder, segment)
        try:
            frame = next(read_frames(path, offset))
        except (FrameError, StopIteration) as error:
            raise LogDamaged(f"{path}: offset {offset}: {error}") from error
        return decode_entry(frame.payload)

    def _read(self, start: int, progress: Callable[[int], None]) -> int:
        size, root = start, None
        for chain, frame in frames_from(self._folder, start):
            if frame.kind != ENTRY or frame.place.entry < start:
                continue
            entry = decode_entry(frame.payload)
            self._add(entry, frame.place.segment, frame.place.offset)
            size = chain.size
            if size % _BATCH == 0:
                self._reached(size, chain.frontier.root())
                progress(size)
            root = chain.frontier
        if root is not None:
            self._reached(size, root.root())
        return size

    def _reached(self, size: int, root: bytes) -> None:
        self._database.execute("DELETE FROM state")
        self._database.execute(
            "INSERT INTO state VALUES (?, ?, ?)", (_FORM, size, root)
        )
        self._database.commit()

    def _add(self, entry: Entry, segment: int, offset: int) -> None:
        body = entry.body
        kind = str(body.__struct_config__.tag)
        own = getattr(body, "id", "")
        session, principal, tool, verdict = _about(body)
        self._database.execute(
            "INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                entry.seq, entry.time, kind, own, session, principal, tool, verdict,
                segment, offset,
            ),
        )  # fmt: skip
        self._database.executemany(
            "INSERT INTO links VALUES (?, ?)",
            [(name, entry.seq) for name in set(_links(body)) if name],
        )


def _about(body: AnyBody) -> tuple[str, str, str, str]:
    """Session, principal, tool and verdict of an entry, "" where it has none."""
    match body:
        case Decided(record=record):
            proposal = record.proposal
            verdict = str(record.decision.get("verdict", ""))
            return proposal.session, proposal.principal, proposal.tool, verdict
        case Refused(principal=principal):
            return "", principal, "", "deny"
        case Opened(opening=opening):
            return opening.session, opening.principal, "", ""
    steward = getattr(body, "steward", "")
    said = getattr(body, "answer", "") or getattr(body, "status", "")
    return getattr(body, "session", ""), steward, "", said


def _links(body: AnyBody) -> Iterator[str]:
    """Ids that an entry is found by."""
    match body:
        case Opened(opening=opening):
            yield opening.session
        case Decided(id=name) | Refused(id=name) | Performed(id=name):
            yield name
        case Escalated(id=name, decision=decision):
            yield from (name, decision)
        case Answered(id=name, escalation=escalation):
            yield from (name, escalation)
        case Consumed(escalation=escalation, decision=decision):
            yield from (escalation, decision)
        case Certified(decision=decision):
            yield decision
