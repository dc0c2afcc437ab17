"""What became of an action: as the gate is told, and as an exit status."""

from typing import Any, Literal

from msgspec import Struct

from clawlaw.core.errors import ClawLawError
from clawlaw.executor.host import SandboxError

DENIED, UNAVAILABLE, NO_SANDBOX, CHANGED = 120, 121, 122, 123
DEADLINE, DEFECT, ESCALATED = 124, 125, 119


class GateUnavailableError(ClawLawError):
    """The gate does not answer, or not as a gate does; so nothing is performed."""


class DeniedError(ClawLawError):
    """The gate answered no.

    Attributes:
        escalation: Id of what a steward is asked, "" where nobody is.
    """

    def __init__(self, reason: str, remedy: str = "", escalation: str = "") -> None:
        """Say why, what to do, and whom to wait for."""
        super().__init__(f"{reason}\n  {remedy}" if remedy else reason)
        self.escalation = escalation


class Report(Struct, frozen=True):
    """One outcome.

    Attributes:
        id: Of the decision.
        status: "failed": it was not started; "mismatch": what was asked to run is
            not what was judged.
        exit: For the gate, -1 where nothing ran.
        code: Exit status of the executor itself.
        duration: Microseconds.
        bytes_out: Shown to the agent.
        files: Pairs of path and digest.
        text: Exactly what the agent was shown.
        untrusted: Others may have written it.
        sandbox: Name of what confined it.
        problem: For the person at the terminal, "" where there is none.
    """

    id: str
    status: Literal["done", "failed", "mismatch"]
    code: int
    exit: int = -1
    duration: int = 0
    bytes_out: int = 0
    files: tuple[tuple[str, str], ...] = ()
    text: str = ""
    untrusted: bool = False
    sandbox: str = ""
    problem: str = ""

    def fields(self) -> dict[str, Any]:
        """As `POST /v1/outcomes` takes it."""
        return {
            "id": self.id,
            "status": self.status,
            "exit": self.exit,
            "duration": self.duration,
            "bytes_out": self.bytes_out,
            "files": [{"path": path, "digest": said} for path, said in self.files],
            "text": self.text,
            "untrusted": self.untrusted,
            "labels": [],
            "sandbox": self.sandbox,
        }


def code_of(error: ClawLawError) -> int:
    """Exit status for what kept an action from being performed."""
    if isinstance(error, DeniedError):
        return ESCALATED if error.escalation else DENIED
    if isinstance(error, GateUnavailableError):
        return UNAVAILABLE
    return NO_SANDBOX if isinstance(error, SandboxError) else DEFECT
