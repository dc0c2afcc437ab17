"""The stewards' desk: what waits, as they see it, and their answers, as they count.

Requests and answers are plain data; the listener that knows who connects is elsewhere.
"""

import msgspec

from clawlaw.core.errors import ClawLawError
from clawlaw.evidence.schema import Answered
from clawlaw.gate.answers import Answer
from clawlaw.gate.desk_view import DeskView, view_of
from clawlaw.gate.escalations import Escalations
from clawlaw.gate.stewards import Stewards, answer_statement


class DeskError(ClawLawError):
    """A steward's request is not of its shape; the message says where."""


class Desk:
    """Serves the stewards of one gate."""

    def __init__(self, gate: str, stewards: Stewards, escalations: Escalations) -> None:
        """Serve what waits at a gate.

        Args:
            gate: Origin of its log.
            stewards: Whose signatures count.
            escalations: Of the gate; answers take effect in it.
        """
        self.gate = gate
        self.stewards = stewards
        self.escalations = escalations

    def view(self, now: int, *, finished: bool = False) -> DeskView:
        """What waits, the oldest first, and what has ended where that is wanted."""
        cases = self.escalations.cases()
        shown = [c for c in cases if finished or c.alive]
        return DeskView(self.gate, now, tuple(view_of(c) for c in shown))

    def case(self, escalation: str, now: int) -> DeskView:
        """One escalation.

        Raises:
            UnknownEscalationError: No such id.
        """
        found = self.escalations.case(escalation)
        return DeskView(self.gate, now, (view_of(found),))

    def answer(self, escalation: str, raw: bytes, now: int) -> Answered:
        """Verify a steward's answer and let it count.

        Args:
            escalation: Id.
            raw: JSON of :class:`clawlaw.gate.answers.Answer`.
            now: Milliseconds since the epoch.

        Returns:
            The body to record before anybody hears of it.

        Raises:
            DeskError: Not an answer.
            UnknownEscalationError: No such id.
            StewardError: Nobody's key, or the signature is not of this question.
            EscalationError: The answer does not count.
        """
        try:
            answer = msgspec.json.decode(raw, type=Answer)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise DeskError(f"not an answer: {error}") from error
        case = self.escalations.case(escalation)
        said = answer_statement(self.gate, case.asked, answer)
        self.stewards.verify(answer.key, said, answer.signature)
        return self.escalations.answer(escalation, answer, now)
