"""Everything that one run of the gate remembers, and the one way to change it.

A change is recorded first and takes effect at once after; the log alone rebuilds all of
this (:mod:`clawlaw.gate.rebuild`). A change that was recorded and could not take effect
latches the gate: its memory would no longer be what the log says.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from clawlaw.evidence.schema import AnyBody, Closed, Opened
from clawlaw.gate.allowed import AllowedActions
from clawlaw.gate.applied import AppliedStates
from clawlaw.gate.escalations import Escalations
from clawlaw.gate.evaluator import Evaluator
from clawlaw.gate.ledger import Ledger
from clawlaw.gate.permits import Permits
from clawlaw.gate.sessions import QUARANTINED, Sessions


class LostError(Exception):
    """Memory does not follow the log any more; the gate is latched."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What the boundary needs of the configuration.

    Attributes:
        observe: Verdicts are recorded and nothing is stopped.
        sandbox: An executor that confines code performs what is mediated.
        write: Directories that its sandbox may write.
        read: Directories that its sandbox may read beside the system's.
        hide: Paths that its sandbox must not show.
        network: What its sandbox reaches.
        queue: Requests that may wait for one flush.
        permit: Milliseconds that a permit counts.
        deadline: Milliseconds that stewards have to answer.
        needed: Stewards who must approve, by effect kind, where it is not one.
        idle: Milliseconds after which an unused session is closed.
    """

    observe: bool = False
    sandbox: bool = False
    write: tuple[str, ...] = ()
    read: tuple[str, ...] = ()
    hide: tuple[str, ...] = ()
    network: Literal["none", "gate"] = "gate"
    queue: int = 1024
    permit: int = 60_000
    deadline: int = 15 * 60_000
    needed: Mapping[str, int] = field(default_factory=dict)
    idle: int = 24 * 3600_000


class GateState:
    """Sessions, approvals, permits and what is still to be reported.

    Attributes:
        settings: Of the configuration.
        evaluator: State and policy of the decisions.
        ledger: Where everything is recorded.
        escalations: What waits for stewards.
        permits: What an executor may still perform.
        sessions: Open ones.
        allowed: Actions without an outcome.
        applied: What controllers said is applied.
    """

    def __init__(
        self,
        settings: Settings,
        evaluator: Evaluator,
        ledger: Ledger,
        escalations: Escalations | None = None,
    ) -> None:
        """Begin with no session.

        Args:
            settings: Of the configuration.
            evaluator: With the policy in force and no session.
            ledger: Of the open log.
            escalations: With the limits of the configuration and no case.
        """
        self.settings = settings
        self.evaluator = evaluator
        self.ledger = ledger
        self.escalations = escalations or Escalations()
        self.permits = Permits()
        self.sessions = Sessions(evaluator)
        self.allowed = AllowedActions()
        self.applied = AppliedStates()
        self.sessions.on_close += [self.permits.revoke, self.allowed.close]

    def clear(self) -> None:
        """Forget everything but settings, policy and limits; before it serves."""
        self.ledger.went(0)
        evaluator = Evaluator(self.evaluator.policy)
        escalations = Escalations(self.escalations.limits)
        GateState.__init__(self, self.settings, evaluator, self.ledger, escalations)

    def record(self, body: AnyBody, effect: Callable[[], object]) -> None:
        """Put an entry into the batch and let it take effect.

        Raises:
            EntryError: It has no canonical form; nothing has happened.
            LostError: It did not take effect; the gate is latched.
        """
        self.ledger.add(body)
        self.effect(effect)

    def effect(self, effect: Callable[[], object]) -> None:
        """Let what is in the batch take effect.

        Raises:
            LostError: It did not; the gate is latched.
        """
        try:
            effect()
        except Exception as error:
            self.ledger.latched = f"an entry took no effect: {type(error).__name__}"
            raise LostError from error

    def begin(self, opened: Opened) -> None:
        """Open a session.

        Raises:
            SessionError: It may not begin so.
        """
        self.sessions.check(opened, self.evaluator.policy)
        self.evaluator.opened(opened.opening)
        self._take(opened)

    def close(self, session: str, reason: str = "") -> None:
        """Close a session."""
        self._take(Closed(session, reason))

    def quarantine(self, session: str, reason: str) -> bool:
        """Shut a session off until a steward closes it.

        Returns:
            Whether it was open and is shut off now.
        """
        known = self.sessions.get(session)
        if known is None or known.quarantine:
            return False
        self._take(Closed(session, QUARANTINED + reason))
        return True

    def _take(self, body: Opened | Closed) -> None:
        # The time of the entry, so that memory is what a replay of the log makes.
        self.record(body, lambda: self.sessions.take(body, self.ledger.newest))

    def tick(self) -> None:
        """Let time take effect: deadlines, idle sessions, what was only counted."""
        if self.ledger.latched:
            return
        now = self.ledger.now()
        self.permits.sweep(now)
        for body in self.escalations.due(now):
            self.ledger.add(body)
        for name in self.sessions.idle(now - self.settings.idle):
            self.close(name, "idle")
        self.ledger.summarise(now)
