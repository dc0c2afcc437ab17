"""What Claude Code is told: the JSON of its hooks, and the words that stand in it.

Never `ask`: the person at the terminal is not the steward. A denial carries its reason
and remedy, since the client shows it to the model, which then knows what else to do.

Source: code.claude.com/docs/en/hooks, decision control of each event.
"""

import shlex
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, Literal

from msgspec import Struct

# Tools that are a question to the person at the terminal, and do nothing else.
ANSWERS_TO_PERSON: Final = frozenset({"AskUserQuestion", "ExitPlanMode"})
_PERMIT_CHARACTERS: Final = frozenset(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
)


class Waiting(Struct, frozen=True):
    """An escalation that waits for stewards.

    Attributes:
        deadline: Milliseconds since the epoch; then it is denied.
    """

    id: str
    deadline: int = 0


class Answer(Struct, frozen=True):
    """The gate's answer to a proposal, as far as a client acts on it."""

    id: str
    verdict: Literal["allow", "escalate", "deny"]
    reason: str = ""
    remedy: str = ""
    permit: str = ""
    escalation: Waiting | None = None


def text_of(answer: Answer) -> str:
    """Why a call does not happen and what would make it happen."""
    waiting = answer.escalation
    if answer.verdict == "escalate" and waiting is not None:
        named = waiting.id in answer.reason
        pending = "" if named else f"denied for now, pending {waiting.id}: "
        return (
            f"Denied by ClawLaw: {_sentence(pending + answer.reason)} "
            f"A steward decides{_time(waiting.deadline)}; once it is approved, make "
            "exactly the same call again. Go on with what does not need it."
        )
    remedy = f" {_sentence(answer.remedy)}" if answer.remedy else ""
    return f"Denied by ClawLaw ({answer.id}): {_sentence(answer.reason)}{remedy}"


def refusal(problem: str) -> str:
    """Why a call is not even judged."""
    return f"Denied by ClawLaw: {_sentence(problem)}"


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _time(deadline: int) -> str:
    if not deadline:
        return ""
    return f" until {datetime.fromtimestamp(deadline // 1000, UTC):%Y-%m-%d %H:%M:%SZ}"


def is_permit(text: str) -> bool:
    """Whether a permit has the characters of one, none of which a shell reads."""
    return bool(text) and _PERMIT_CHARACTERS.issuperset(text)


def allowed(answer: Answer) -> dict[str, Any]:
    """The call may be performed by the client, as it is."""
    return _tool("allow", f"ClawLaw {answer.id}")


def allowed_instead(
    answer: Answer, given: Mapping[str, Any], program: str, command: str
) -> dict[str, Any]:
    """The call may be performed by the executor, which the client starts.

    Args:
        answer: With the permit.
        given: The whole input: what is returned replaces it.
        program: Of the executor.
        command: Shown to people; the executor performs what the permit names.
    """
    words = [program, "run", f"--permit={answer.permit}", "--", command]
    found = _tool("allow", f"ClawLaw {answer.id}")
    found["hookSpecificOutput"]["updatedInput"] = {
        **given,
        "command": shlex.join(words),
    }
    return found


def denied(text: str) -> dict[str, Any]:
    """The call does not happen."""
    return _tool("deny", text)


def _tool(decision: str, reason: str) -> dict[str, Any]:
    return {
        "hookSpecificOutput": {
            "hookEventName": "PreToolUse",
            "permissionDecision": decision,
            "permissionDecisionReason": reason,
        }
    }


def permission_denied() -> dict[str, Any]:
    """What the client would ask the person at the terminal is not theirs to allow."""
    message = (
        "Denied by ClawLaw: a question at the terminal is no permission. The gate "
        "judged the call; what it left open, a steward decides."
    )
    return {
        "hookSpecificOutput": {
            "hookEventName": "PermissionRequest",
            "decision": {"behavior": "deny", "message": message},
        }
    }


def blocked(reason: str) -> dict[str, Any]:
    """A prompt or a change of settings does not take effect."""
    return {"decision": "block", "reason": reason}


def stopped(reason: str) -> dict[str, Any]:
    """The client stops, since its session was quarantined."""
    return {
        "continue": False,
        "stopReason": f"ClawLaw quarantined this session: {_sentence(reason)}",
    }
