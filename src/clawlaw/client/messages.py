"""What goes to the gate and comes back, the same for both clients."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from inspect import signature
from typing import Any, Final

import msgspec
from msgspec import Struct

from clawlaw.client.errors import Denied, Escalated, GateUnavailable

OK: Final = 200
MAX_ANSWER: Final = 16 << 20  # bytes
TIMEOUT: Final = 10.0  # seconds for one answer; no answer is a denial
POLL: Final = 30.0  # seconds of one question about an escalation
PENDING: Final = "pending"
APPROVED: Final = "approved"


@dataclass(frozen=True, slots=True)
class Allowed:
    """An action that may happen now.

    Attributes:
        id: Of the decision; an outcome is reported by it.
        permit: For the executor; "" unless the action was proposed as mediated.
        observed: In observe mode: the verdict that was not enforced.
    """

    id: str
    reason: str = ""
    permit: str = ""
    observed: str = ""


@dataclass(frozen=True, slots=True)
class Result:
    """What became of an action, where the function's return value does not say it.

    Attributes:
        value: For the caller.
        text: As the agent will see it; the gate learns from it and does not keep it.
        untrusted: Others wrote it.
        labels: "secret", "personal", "internal", "untrusted".
        exit: Exit status, -1 where there is none.
    """

    value: Any = None
    text: str = ""
    untrusted: bool = False
    labels: tuple[str, ...] = ()
    exit: int = -1


@dataclass(frozen=True, slots=True)
class Call:
    """One proposal before it is sent."""

    session: str
    tool: str
    arguments: Mapping[str, Any]
    cwd: str
    more: Mapping[str, Any] = field(default_factory=dict)

    def encode(self) -> bytes:
        """JSON of it.

        Raises:
            Denied: It has no JSON form.
        """
        said = {
            "session": self.session,
            "tool": self.tool,
            "arguments": dict(self.arguments),
            "cwd": self.cwd,
            **self.more,
        }
        try:
            return json.dumps(said, allow_nan=False).encode()
        except (TypeError, ValueError) as error:
            raise Denied(f"the proposal is no JSON: {error}") from error


class _Waiting(Struct):
    id: str
    deadline: int


class _Verdict(Struct):
    verdict: str
    reason: str
    id: str = ""
    remedy: str = ""
    findings: tuple[dict[str, Any], ...] = ()
    permit: str = ""
    observed: str = ""
    escalation: _Waiting | None = None


def read_verdict(status: int, body: bytes) -> Allowed:
    """The answer to a proposal; returns only for an ALLOW that is understood.

    Raises:
        Denied: The verdict is to deny.
        Escalated: A steward was asked.
        GateUnavailable: Anything else.
    """
    try:
        said = msgspec.json.decode(body, type=_Verdict)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise unavailable(status, body) from error
    if status == OK and said.verdict == "allow" and said.id:
        return Allowed(said.id, said.reason, said.permit, said.observed)
    more = {"remedy": said.remedy, "id": said.id, "findings": said.findings}
    if status != OK:
        raise GateUnavailable(said.reason, **more)  # type: ignore[arg-type]  # as named
    if said.verdict == "escalate" and said.escalation is not None:
        waiting = said.escalation
        raise Escalated(said.reason, waiting.id, waiting.deadline, **more)
    raise Denied(said.reason, **more)  # type: ignore[arg-type]  # as named


def read_fields(status: int, body: bytes) -> dict[str, Any]:
    """Any other answer.

    Raises:
        Denied: The gate refuses.
        GateUnavailable: The answer is not understood.
    """
    try:
        said = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise unavailable(status, body) from error
    if not isinstance(said, dict):
        raise unavailable(status, body)
    if said.get("verdict") == "deny":
        read_verdict(status, body)
    if status != OK:
        raise unavailable(status, body)
    return said


def unavailable(status: int, body: bytes) -> GateUnavailable:
    """The error for an answer that is none."""
    try:
        error = json.loads(body)["error"]
        return GateUnavailable(
            f"the gate answers {status}: {error['what']}", remedy=str(error["remedy"])
        )
    except (ValueError, KeyError, TypeError, RecursionError):
        return GateUnavailable(f"the gate answers {status} and nothing understood")


def ended(escalation: str, said: Mapping[str, Any]) -> bool:
    """Whether stewards approved; false while they have not answered.

    Raises:
        Denied: The answer is no, or it is too late.
    """
    state = said.get("state")
    if state == PENDING:
        return False
    if state == APPROVED:
        return True
    reason = said.get("reason") or "no reason was given"
    raise Denied(f"{escalation} is {state}: {reason}")


def outcome(
    name: str, status: str, result: Result, microseconds: int
) -> dict[str, Any]:
    """The report of what became of an action."""
    return {
        "id": name,
        "status": status,
        "exit": result.exit,
        "duration": microseconds,
        "bytes_out": len(result.text.encode("utf-8", "replace")),
        "text": result.text.encode("utf-8", "replace").decode(),
        "untrusted": result.untrusted,
        "labels": list(result.labels),
    }


def result_of(value: object) -> Result:
    """What a function's return value says of the action."""
    if isinstance(value, Result):
        return value
    return Result(value, value if isinstance(value, str) else "")


def bound(
    function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> dict[str, Any]:
    """Arguments of a call by name, defaults included."""
    found = signature(function).bind(*args, **kwargs)
    found.apply_defaults()
    return dict(found.arguments)
