"""Budgets and the enforcement level that follows from what is spent.

A unit (actions, tokens, seconds, bytes_out) has a ceiling for the session and may have
one for all open sessions of a principal. The strictest ratio of spend to ceiling sets
the level:

    normal      below 0.80
    degraded    from 0.80
    gated       from 0.95 up to and including 1.00
    halted      above 1.00, or where the ceiling is zero or less

A level never relaxes by itself: only a steward raises a ceiling or resets the spend.
What was only reserved is given back when the action turns out to have used less.
A unit without a ceiling is counted and not limited.
"""

from collections.abc import Mapping
from typing import NamedTuple

from msgspec import structs

from clawlaw.core.actions import (
    AnyEffect,
    MessageSend,
    ModelGenerate,
    NetRequest,
)
from clawlaw.core.canonical import MAX_INTEGER
from clawlaw.core.decision import Level
from clawlaw.core.errors import SessionError
from clawlaw.core.policy import Policy, Principal
from clawlaw.core.state import Scope, Session, State

UNITS = ("actions", "tokens", "seconds", "bytes_out")
LEVELS: tuple[Level, ...] = ("normal", "degraded", "gated", "halted")
NORMAL, DEGRADED, GATED, HALTED = range(4)


def level_of(spent: int, ceiling: int) -> int:
    """Index in `LEVELS` that a spend has against its ceiling; exact, no rounding.

    Source: the thresholds of ClawLaw's published budget, 0.80, 0.95, 1.00 inclusive.
    """
    if 0 <= spent * 100 < ceiling * 80:
        return NORMAL
    if ceiling <= 0 or spent > ceiling or spent < 0:
        return HALTED
    return GATED if spent * 100 >= ceiling * 95 else DEGRADED


def rank(level: str) -> int:
    """Index of a level by name; a name that does not exist is `HALTED`."""
    return LEVELS.index(level) if level in LEVELS else HALTED


COSTLY = frozenset({ModelGenerate, NetRequest, MessageSend})


def costs_of(effect: AnyEffect) -> tuple[tuple[str, int], ...]:
    """What an effect itself says that it uses: (unit, amount), the amount unchecked."""
    if isinstance(effect, ModelGenerate):
        return (("tokens", effect.tokens),)
    if isinstance(effect, NetRequest | MessageSend):
        return (("bytes_out", effect.bytes_out),)
    return ()


class Over(NamedTuple):
    """A ceiling that a proposal goes over."""

    owner: str  # whom it binds: "the session", or a principal
    spent: int
    total: int  # with what the proposal reserves
    ceiling: int


class Account:
    """What one proposal meets and reserves.

    Attributes:
        level: Index in `LEVELS`; the stricter of what the state carries and what the
            spend says now. It judges this proposal.
    """

    __slots__ = (
        "_ceilings",
        "_computed",
        "_principal",
        "_reserved",
        "_room",
        "_spend",
        "level",
    )

    def __init__(self, state: State, scope: Scope, principal: Principal) -> None:
        """Read the spend; nothing of `state` is changed."""
        session = state.session
        self._principal = principal
        self._ceilings = ceilings(scope, principal)
        self._spend = session.spend
        self._room = state.room.spend
        self._reserved: dict[str, int] = {}
        self._computed = self._level()
        given = NORMAL if session.level == "normal" else rank(session.level)
        self.level = max(given, self._computed)

    def _level(self) -> int:
        level = NORMAL
        spend, room = self._spend, self._room
        for unit, ceiling in self._ceilings.items():
            spent = spend.get(unit, 0)
            if not 0 <= spent * 100 < ceiling * 80:
                level = max(level, level_of(spent, ceiling))
        owner = f"{self._principal.name}/"
        for unit, ceiling in self._principal.room_budgets.items():
            spent = room.get(owner + unit, 0)
            if not 0 <= spent * 100 < ceiling * 80:
                level = max(level, level_of(spent, ceiling))
        return level

    def _lines(self, unit: str) -> list[tuple[str, int, int]]:
        """(owner, spent, ceiling) of each ceiling that a unit has."""
        found = []
        ceiling = self._ceilings.get(unit)
        if ceiling is not None:
            found.append(("the session", self._spend.get(unit, 0), ceiling))
        ceiling = self._principal.room_budgets.get(unit)
        if ceiling is not None:
            name = self._principal.name
            found.append((name, self._room.get(f"{name}/{unit}", 0), ceiling))
        return found

    def reserve(self, unit: str, amount: int) -> Over | None:
        """Add to what this proposal takes.

        Returns:
            The first ceiling that it then goes over.
        """
        reserved = self._reserved[unit] = self._reserved.get(unit, 0) + amount
        for owner, spent, ceiling in self._lines(unit):
            if spent + reserved > ceiling:
                return Over(owner, spent, min(spent + reserved, MAX_INTEGER), ceiling)
        return None

    def gates(self, unit: str) -> bool:
        """Whether spending this unit needs a steward now.

        A unit that is nearly used up gates itself. A level that no spend explains was
        set from outside, and gates every limited unit.
        """
        lines = self._lines(unit)
        if self.level > self._computed:
            return bool(lines)
        return any(level_of(spent, ceiling) >= GATED for _, spent, ceiling in lines)

    def after(self) -> Level:
        """Level once everything that was reserved is spent."""
        level = self.level
        for unit, amount in self._reserved.items():
            for _, spent, ceiling in self._lines(unit):
                if not 0 <= (spent + amount) * 100 < ceiling * 80:
                    level = max(level, level_of(spent + amount, ceiling))
        return LEVELS[level]


def ceilings(scope: Scope, principal: Principal) -> Mapping[str, int]:
    """By unit: the session's, and the principal's where the session has none."""
    if scope.budgets.keys() >= principal.budgets.keys():
        return scope.budgets
    return {**principal.budgets, **scope.budgets}


def computed_level(session: Session) -> int:
    """Level that the spend of a session has against its own ceilings."""
    budgets = session.scope.budgets
    spend = session.spend
    return max(
        (level_of(spend.get(unit, 0), budgets[unit]) for unit in budgets),
        default=NORMAL,
    )


def reconcile(session: Session, policy: Policy) -> Session:
    """A session as it may go on after it was stored, or after the policy changed.

    The level is the stricter of the stored one and what the spend says. A principal
    that the policy does not enrol is halted.

    Returns:
        A new session that shares the tables of the old one.
    """
    principal = policy.principals.get(session.principal)
    if principal is None:
        return structs.replace(session, level="halted")
    budgets = dict(ceilings(session.scope, principal))
    scope = structs.replace(session.scope, budgets=budgets)
    level = max(
        rank(session.level), computed_level(structs.replace(session, scope=scope))
    )
    return structs.replace(session, scope=scope, level=LEVELS[level])


def increase(session: Session, unit: str, ceiling: int) -> Session:
    """A steward sets a higher ceiling; the level is computed anew from normal.

    Raises:
        SessionError: The ceiling is not above the present one, or not exact.
    """
    before = session.scope.budgets.get(unit, 0)
    if not before < ceiling <= MAX_INTEGER:
        raise SessionError(
            f"budget {unit}: {ceiling} is not above {before} and at most 2^53 - 1"
        )
    budgets = {**session.scope.budgets, unit: ceiling}
    raised = structs.replace(
        session, scope=structs.replace(session.scope, budgets=budgets)
    )
    return structs.replace(raised, level=LEVELS[computed_level(raised)])


def reset(session: Session) -> Session:
    """A steward sets the spend of a session to zero; the level follows."""
    fresh = structs.replace(session, spend={})
    return structs.replace(fresh, level=LEVELS[computed_level(fresh)])
