"""Sessions: how one begins, and how decisions and outcomes change its state.

`apply` and `settle` own the state that they are given: they change it in place and
return it, so that their work is proportional to the action and not to the session. A
caller that needs the state of before keeps a copy of its own (docs/adr/0017).
"""

from collections.abc import Mapping
from typing import Final

from clawlaw.core import intent
from clawlaw.core.approval import CONSUMED
from clawlaw.core.budget import LEVELS, computed_level, rank
from clawlaw.core.canonical import MAX_INTEGER
from clawlaw.core.decision import Delta, Outcome
from clawlaw.core.errors import SessionError
from clawlaw.core.policy import Policy
from clawlaw.core.state import (
    Room,
    Scope,
    Session,
    State,
    Table,
    count,
    insert,
    label,
    note,
    pack,
    unpack,
)

# Values of text of others, and those that are the task's own (composition/results).
INHERITED: Final = frozenset({"values", "trusted"})


def open_session(
    policy: Policy,
    principal: str,
    session_id: str,
    scope: Scope | None = None,
    parent: Session | None = None,
    *,
    room: Room | None = None,
) -> Session:
    """Begin a session with what it declares, cut to what it may have.

    Args:
        policy: Enrols principals and lists purposes.
        principal: Who the session acts for.
        session_id: New, given by the caller.
        scope: What it declares; `None` takes the whole ceiling.
        parent: The session that delegates to this one; the child is cut to it as
            well, stands one deeper, carries the labels of what its parent read, and
            is judged by the values that its parent got from others.
        room: Of the boundary; its count of open sessions is checked and not changed.

    Raises:
        SessionError: Unknown principal, a purpose it may not declare, too many
            sessions, too deep, a negative budget.
    """
    enrolled = policy.principals.get(principal)
    if enrolled is None:
        raise SessionError(f"principal {principal!r} is not enrolled")
    if not session_id:
        raise SessionError("a session needs an id")
    if room is not None and room.sessions.get(principal, 0) >= enrolled.sessions:
        raise SessionError(f"{principal} has {enrolled.sessions} open sessions already")
    depth = 0 if parent is None else parent.depth + 1
    if depth > enrolled.depth:
        raise SessionError(
            f"depth {depth}: {principal} may be delegated to {enrolled.depth} deep"
        )
    session = Session(
        id=session_id,
        principal=principal,
        scope=intent.opened(policy, enrolled, scope, parent.scope if parent else None),
        parent="" if parent is None else parent.id,
        depth=depth,
    )
    if parent is not None:
        label(session, parent.labels)
        for name in INHERITED.intersection(parent.tables):
            session.tables[name] = _inherited(parent.tables[name])
    session.level = LEVELS[computed_level(session)]
    return session


def _inherited(table: Table) -> Table:
    """What a parent knows, as of before the child's first action."""
    return Table(
        {k: pack(unpack(v)[0], 0) for k, v in table.entries.items()},
        table.grain,
        table.cap,
    )


def enter(room: Room, session: Session) -> Room:
    """Count a session that opened; changes `room` and returns it."""
    room.sessions[session.principal] = room.sessions.get(session.principal, 0) + 1
    return room


def leave(room: Room, session: Session) -> Room:
    """Count a session that closed; changes `room` and returns it."""
    room.sessions[session.principal] = max(
        room.sessions.get(session.principal, 0) - 1, 0
    )
    return room


def apply(state: State, delta: Delta) -> State:
    """Make a decision take effect, when its record stands.

    Args:
        state: Taken over: changed in place.
        delta: Of the decision, for this very state.

    Returns:
        The same state. Spend and level only ever rise.
    """
    session = state.session
    session.actions += delta.actions
    for unit, amount in delta.spend.items():
        _spend(state, unit, amount)
    for table, key, value in delta.tables:
        insert(state, table, key, value)
    for pattern in delta.marks:
        note(session, pattern)
    if delta.labels:
        label(session, delta.labels)
    if delta.counts:
        count(session, delta.counts)
    for approval in delta.consumed:
        insert(state, CONSUMED, approval, pack(1, session.actions))
    _tighten(session, rank(delta.level))
    return state


def settle(state: State, outcome: Outcome) -> State:
    """Add what an action turned out to use and to teach.

    What was reserved is not given back by a `spend` that is less: that is a claim of
    whoever performed the action, and a budget must not grow by claims. `released` is
    given back. A level that the spend explained follows it down then; one that was set
    for another reason stays.

    Args:
        state: Taken over: changed in place.
        outcome: Of one action that was applied.

    Returns:
        The same state.
    """
    for unit, amount in outcome.spend.items():
        _spend(state, unit, amount - outcome.reserved.get(unit, 0))
    if outcome.released:
        _release(state, outcome.released)
    for table, key, value in outcome.tables:
        insert(state, table, key, value)
    if outcome.labels:
        label(state.session, outcome.labels)
    _tighten(state.session, computed_level(state.session))
    return state


def _spend(state: State, unit: str, amount: int) -> None:
    """Add to the session and its principal in the room; never less, never too big."""
    more = max(amount, 0)
    session, room = state.session, state.room
    session.spend[unit] = min(session.spend.get(unit, 0) + more, MAX_INTEGER)
    key = f"{session.principal}/{unit}"
    room.spend[key] = min(room.spend.get(key, 0) + more, MAX_INTEGER)


def _release(state: State, released: Mapping[str, int]) -> None:
    """Give back to the session and the room; never below nothing."""
    session, room = state.session, state.room
    explained = rank(session.level) == computed_level(session)
    for unit, amount in released.items():
        less = max(amount, 0)
        session.spend[unit] = max(session.spend.get(unit, 0) - less, 0)
        key = f"{session.principal}/{unit}"
        room.spend[key] = max(room.spend.get(key, 0) - less, 0)
    if explained:
        session.level = LEVELS[computed_level(session)]


def _tighten(session: Session, level: int) -> None:
    """Set the enforcement level, unless the session has a stricter one."""
    session.level = LEVELS[max(level, rank(session.level))]
