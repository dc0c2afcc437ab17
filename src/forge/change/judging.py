"""The filters ``forge_proposal`` and ``forge_verdict``, for plain data."""

from collections.abc import Mapping
from typing import Any

import msgspec

from forge.change.model import Plan, decode_plan
from forge.change.proposal import Run, propose
from forge.change.snapshot import plain
from forge.change.verdict import Path, by_gate, decide
from forge.errors import InputError


def proposal(
    plan: Mapping[str, Any], *, commit: str = "", opens: int = 0, closes: int = 0
) -> dict[str, Any]:
    """Return the proposal of a plan, as the gate takes it.

    Args:
        plan: What ``forge_changes`` returned.
        commit: Of the tree.
        opens: Of the declared window, milliseconds since the epoch.
        closes: Its end; 0: no window is declared.

    Raises:
        InputError: Not such a plan, or one that was edited.
    """
    found = _plan(plan, "forge_proposal")
    return dict(propose(found, Run(commit=commit, opens=opens, closes=closes)))


def verdict(
    plan: Mapping[str, Any],
    answer: Mapping[str, Any] | None = None,
    *,
    now: int | None = None,
) -> dict[str, Any]:
    """Return the verdict on a plan: of the gate, or a preview of it.

    A preview is judged here by the same kernel and marked as one; nothing runs on it.

    Args:
        plan: What ``forge_changes`` returned.
        answer: What ``forge.platform.clawlaw_change`` returned.
        now: For a preview, milliseconds since the epoch.

    Raises:
        InputError: Not such a plan, or neither an answer nor a time.
        ForgeError: The answer is none, or one to another plan.
    """
    found = _plan(plan, "forge_verdict")
    if answer is not None:
        given = by_gate(found, plain(answer))
    elif now is not None:
        given = decide(found, Path.PREVIEW, now=int(now))
    else:
        raise InputError(
            "forge_verdict: neither what the gate answered nor a time",
            remedy="give it the answer of forge.platform.clawlaw_change, or now=",
        )
    data: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(given))
    return {**data, "exit_status": given.exit_status}


def _plan(plan: Mapping[str, Any], name: str) -> Plan:
    try:
        return decode_plan(msgspec.json.encode(plain(plan)))
    except (ValueError, TypeError) as error:
        raise InputError(
            f"{name}: {error}", remedy="give it what forge_changes returned"
        ) from error
