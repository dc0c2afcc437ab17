"""What a client raises instead of letting an action happen.

`Denied`: the action must not happen.
`Escalated`: it must not happen now; a steward was asked.
`GateUnavailable`: nobody decided, which is a denial.
"""

from collections.abc import Callable
from typing import Any

from clawlaw.core.errors import ClawLawError


class Denied(ClawLawError):  # noqa: N818  # the verdict's name
    """The action must not happen.

    Attributes:
        reason: For a person or the agent.
        remedy: What would make it pass, "" where nothing does.
        id: Of the decision in the evidence log, "" where there is none.
        findings: What the laws said, as the gate answered.
    """

    def __init__(
        self,
        reason: str,
        *,
        remedy: str = "",
        id: str = "",  # noqa: A002  # as in the answer
        findings: tuple[dict[str, Any], ...] = (),
    ) -> None:
        """Keep what the gate said."""
        super().__init__(f"{reason} ({remedy})" if remedy else reason)
        self.reason = reason
        self.remedy = remedy
        self.id = id
        self.findings = findings


class Escalated(Denied):
    """The action must not happen now; a steward was asked.

    Attributes:
        escalation: Id.
        deadline: Milliseconds since the epoch; unanswered then, it is denied.
        wait: Waits for the stewards. Of a `Client`: blocks, and returns what the same
            proposal is answered then; of an `AsyncClient`: the same to be awaited.
            Takes the seconds to wait at most; raises `Denied` where the answer is no,
            and this again where there is none yet.
    """

    def __init__(
        self,
        reason: str,
        escalation: str,
        deadline: int,
        **more: Any,  # noqa: ANN401  # of `Denied`
    ) -> None:
        """Keep what the gate said."""
        super().__init__(reason, **more)
        self.escalation = escalation
        self.deadline = deadline
        self.wait: Callable[[float], Any] = _nobody_waits


class GateUnavailable(Denied):
    """Nobody decided: no gate there, no answer, or no answer that is understood."""


def _nobody_waits(_seconds: float) -> Any:  # noqa: ANN401  # replaced by the client
    raise GateUnavailable("this error came from no client")
