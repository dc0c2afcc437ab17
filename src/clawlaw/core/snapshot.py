"""The two records of state as bytes, and back.

The form is canonical JSON of one object: `form` (record and version) and `record`. What
is read must be exactly what would be written, so that nothing unknown, doubled or out
of order slips in; every bound of the tables is checked again; and a session's level is
set to the stricter of what was stored and what its spend says. A record that fails is
no state: the caller denies.
"""

from itertools import pairwise
from typing import Final

import msgspec

from clawlaw.core.budget import LEVELS, reconcile
from clawlaw.core.canonical import MAX_INTEGER, CanonicalError, canonical_json
from clawlaw.core.errors import StateError
from clawlaw.core.policy import Policy
from clawlaw.core.state import (
    GRAINS,
    MARKS_CAP,
    ROOM_CAP,
    TABLE_CAP,
    Room,
    Session,
    Table,
)

_SESSION: Final = "session/1"
_ROOM: Final = "room/1"


class _SessionForm(msgspec.Struct, forbid_unknown_fields=True):
    form: str
    record: Session


class _RoomForm(msgspec.Struct, forbid_unknown_fields=True):
    form: str
    record: Room


_DECODE_SESSION: Final = msgspec.json.Decoder(_SessionForm)
_DECODE_ROOM: Final = msgspec.json.Decoder(_RoomForm)


def encode_session(session: Session) -> bytes:
    """Canonical bytes of a session.

    Raises:
        StateError: It holds what has no canonical form.
    """
    return _encode(_SESSION, session)


def encode_room(room: Room) -> bytes:
    """Canonical bytes of a room.

    Raises:
        StateError: It holds what has no canonical form.
    """
    return _encode(_ROOM, room)


def decode_session(data: bytes, policy: Policy) -> Session:
    """A session as it may go on under a policy.

    Raises:
        StateError: The bytes are not what :func:`encode_session` writes, or a bound
            does not hold.
    """
    try:
        found = _DECODE_SESSION.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise StateError(f"session: {error}") from error
    session = found.record
    _exact(data, _encode(found.form, session), found.form, _SESSION)
    _tables(session.tables, TABLE_CAP)
    _integers("spend", session.spend)
    _integers("counts", session.counts)
    _integers("labelled", session.labelled)
    _integers("budgets", session.scope.budgets)
    if not 0 <= session.actions <= MAX_INTEGER or session.depth < 0:
        raise StateError("session: a number is out of range")
    if session.level not in LEVELS:
        raise StateError(f"session: level {session.level!r} does not exist")
    for pattern, marks in session.marks.items():
        ordered = all(a <= b for a, b in pairwise(marks))
        if len(marks) > MARKS_CAP or not ordered or marks[-1:] > [session.actions]:
            raise StateError(f"session: marks of {pattern!r} are not in order")
    return reconcile(session, policy)


def decode_room(data: bytes) -> Room:
    """A room.

    Raises:
        StateError: The bytes are not what :func:`encode_room` writes, or a bound does
            not hold.
    """
    try:
        found = _DECODE_ROOM.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise StateError(f"room: {error}") from error
    room = found.record
    _exact(data, _encode(found.form, room), found.form, _ROOM)
    _tables(room.tables, ROOM_CAP)
    _integers("spend", room.spend)
    _integers("sessions", room.sessions)
    return room


def _encode(form: str, record: Session | Room) -> bytes:
    try:
        value = msgspec.to_builtins(record)
        return canonical_json({"form": form, "record": value})
    except CanonicalError as error:
        raise StateError(f"{form}: {error}") from error


def _exact(data: bytes, again: bytes, form: str, wanted: str) -> None:
    if form != wanted:
        raise StateError(f"form {form!r}, expected {wanted!r}")
    if data != again:
        raise StateError(f"{wanted}: not in canonical form")


def _tables(tables: dict[str, Table], cap: int) -> None:
    for name, table in tables.items():
        if table.cap != cap or not 0 <= table.grain < len(GRAINS):
            raise StateError(f"table {name!r}: wrong cap or grain")
        # The coarsest grain has one key, and is entered when the others are full.
        if len(table.entries) > cap * len(GRAINS):
            raise StateError(f"table {name!r}: more entries than its cap")
        _integers(name, table.entries)


def _integers(name: str, values: dict[str, int]) -> None:
    for key, value in values.items():
        if not 0 <= value <= MAX_INTEGER:
            raise StateError(f"{name}: {key!r} is out of range")
