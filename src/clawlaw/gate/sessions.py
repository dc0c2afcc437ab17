"""Open sessions of the gate: who owns them, how many, which are shut off.

A session that was quarantined stays: every proposal in it is denied, and it counts
among its principal's open sessions until a steward closes it.
"""

from collections.abc import Callable
from dataclasses import dataclass

from clawlaw.core.errors import SessionError
from clawlaw.core.policy import Policy
from clawlaw.evidence.schema import Closed, Opened
from clawlaw.gate.evaluator import Evaluator

QUARANTINED = "quarantined: "  # begins the reason of a `closed` entry that shuts off


@dataclass(slots=True)
class Known:
    """What the gate knows of a session besides its state.

    Attributes:
        used: When it was used last, milliseconds since the epoch.
        quarantine: Why it is shut off; "" where it is not.
    """

    principal: str
    client: str
    used: int
    quarantine: str = ""


class Sessions:
    """The sessions of one gate, with their state in an evaluator."""

    def __init__(self, evaluator: Evaluator) -> None:
        """Begin with none."""
        self._evaluator = evaluator
        self._known: dict[str, Known] = {}
        self._count: dict[str, int] = {}
        self.on_close: list[Callable[[str], None]] = []

    def get(self, session: str) -> Known | None:
        """What is known of a session; `None`: it is not open."""
        return self._known.get(session)

    def check(self, opened: Opened, policy: Policy) -> None:
        """Refuse a session that may not begin.

        Raises:
            SessionError: It is open or quarantined, its principal has too many, or its
                parent is not an open session of the same principal.
        """
        opening = opened.opening
        if opening.session in self._known:
            raise SessionError(f"session {opening.session!r} is open already")
        enrolled = policy.principals.get(opening.principal)
        if enrolled is None:
            raise SessionError(f"principal {opening.principal!r} is not enrolled")
        if self._count.get(opening.principal, 0) >= enrolled.sessions:
            raise SessionError(
                f"{opening.principal} has {enrolled.sessions} sessions open, the most;"
                " close one"
            )
        if opening.parent:
            parent = self._known.get(opening.parent)
            if parent is None or parent.principal != opening.principal:
                raise SessionError(
                    f"parent {opening.parent!r} is no open session of "
                    f"{opening.principal}"
                )
            if parent.quarantine:
                raise SessionError(f"parent {opening.parent!r} is {parent.quarantine}")

    def take(self, body: Opened | Closed, now: int) -> None:
        """Let a recorded body take effect."""
        if isinstance(body, Opened):
            opening = body.opening
            self._evaluator.reopen(opening)
            self._known[opening.session] = Known(opening.principal, body.client, now)
            self._add(opening.principal, 1)
        elif body.reason.startswith(QUARANTINED):
            known = self._known.get(body.session)
            if known is not None:
                known.quarantine = body.reason
            for call in self.on_close:
                call(body.session)
        elif body.session in self._known:
            self._add(self._known.pop(body.session).principal, -1)
            self._evaluator.close(body.session)
            for call in self.on_close:
                call(body.session)

    def put(self, session: str, known: Known) -> None:
        """Put in a session as it stood; its state is the evaluator's."""
        self._known[session] = known
        self._add(known.principal, 1)

    def _add(self, principal: str, number: int) -> None:
        self._count[principal] = self._count.get(principal, 0) + number
        if not self._count[principal]:
            del self._count[principal]

    def idle(self, before: int) -> list[str]:
        """Sessions that nobody used since a time; quarantined ones are not idle."""
        return [
            name
            for name, known in self._known.items()
            if known.used < before and not known.quarantine
        ]

    def __len__(self) -> int:
        """How many are open."""
        return len(self._known)

    def quarantined(self) -> int:
        """How many are shut off."""
        return sum(bool(known.quarantine) for known in self._known.values())
