"""Budgets and the enforcement level that follows from what is spent.

A unit (actions, tokens, seconds, bytes_out) has a ceiling for the session and may have
one for all open sessions of a principal. The strictest ratio of spend to ceiling sets
the level:

    normal      below 0.80
    degraded    from 0.80
    gated       from 0.95 up to and including 1.00
    halted      above 1.00, or where the ceiling is zero or less

A level never relaxes by itself: only a steward raises a ceiling or resets the spend.
A unit without a ceiling is counted and not limited.
"""

from collections.abc import Mapping

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


def costs_of(effect: AnyEffect) -> tuple[tuple[str, int], ...]:
    """What an effect itself says that it uses: (unit, amount), the amount unchecked."""
    if isinstance(effect, ModelGenerate):
        return (("tokens", effect.tokens),)
    if isinstance(effect, NetRequest | MessageSend):
        return (("bytes_out", effect.bytes_out),)
    return ()


class Line:
    """One ceiling: who it binds, what is spent of it, what this proposal reserves."""

    __slots__ = ("ceiling", "level", "owner", "spent", "total")

    def __init__(self, owner: str, spent: int, ceiling: int) -> None:
        """Of one unit."""
        self.owner = owner
        self.spent = spent
        self.ceiling = ceiling
        self.level = level_of(spent, ceiling)
        self.total = spent


class Account:
    """What one proposal meets and reserves.

    Attributes:
        given: Level that the state carries.
        level: The stricter of `given` and what the spend says now; it judges this
            proposal.
        lines: Ceilings by unit.
    """

    __slots__ = ("_computed", "given", "level", "lines")

    def __init__(self, state: State, scope: Scope, principal: Principal) -> None:
        """Read the spend; `state` is not kept."""
        session, room = state.session, state.room
        lines: dict[str, list[Line]] = {}
        computed = NORMAL
        for unit, ceiling in ceilings(scope, principal).items():
            line = Line("session", session.spend.get(unit, 0), ceiling)
            lines[unit] = [line]
            computed = max(computed, line.level)
        for unit, ceiling in principal.room_budgets.items():
            spent = room.spend.get(f"{principal.name}/{unit}", 0)
            line = Line(principal.name, spent, ceiling)
            lines.setdefault(unit, []).append(line)
            computed = max(computed, line.level)
        self.lines = lines
        self._computed = computed
        self.given = NORMAL if session.level == "normal" else rank(session.level)
        self.level = max(self.given, computed)

    def reserve(self, unit: str, amount: int) -> Line | None:
        """Add to what this proposal takes.

        Returns:
            The first ceiling that it then goes over.
        """
        over = None
        for line in self.lines.get(unit, ()):
            line.total = min(line.total + amount, MAX_INTEGER)
            if over is None and line.total > line.ceiling:
                over = line
        return over

    def gates(self, unit: str) -> bool:
        """Whether spending this unit needs a steward now.

        A unit that is nearly used up gates itself. A level that no spend explains was
        set from outside, and gates every limited unit.
        """
        lines = self.lines.get(unit, ())
        if self.level > self._computed:
            return bool(lines)
        return any(line.level >= GATED for line in lines)

    def after(self) -> Level:
        """Level once everything that was reserved is spent."""
        level = self.level
        for lines in self.lines.values():
            for line in lines:
                if line.total != line.spent:
                    level = max(level, level_of(line.total, line.ceiling))
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
