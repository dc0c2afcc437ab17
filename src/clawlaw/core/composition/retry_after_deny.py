"""retry_after_deny: what was refused is tried another way.

Meaning: a target (path, host, program, recipient) was denied for one kind of use, and
the session reaches for the same target again: by another spelling, another tool, a
link, a copy. Targets are compared after folding and resolving, so that spelling is no
way out. A target refused for reading is refused for every use that could reveal it; one
refused for changing, for changes; a program, for running; a host, for any request.

Window: `retry_after_deny.window` actions (50) since the refusal.

Threshold: the first retry is asked; from `retry_after_deny.limit` retries (3) in the
window on it is denied. One retry is often an honest second attempt after reading the
reason; the third is not.
"""

from collections.abc import Callable
from typing import Any, Final

from clawlaw.core import actions
from clawlaw.core.actions import AnyEffect
from clawlaw.core.composition.step import Pattern, Step
from clawlaw.core.decision import Finding, Verdict
from clawlaw.core.target import Target
from clawlaw.core.text import fold
from clawlaw.core.view import View

PATTERN: Final = Pattern(
    name="retry_after_deny",
    law=8,
    remedy="Ask the steward for it instead of looking for another way.",
    settings={"retry_after_deny.window": 50, "retry_after_deny.limit": 3},
)
# How a target is used; a refused use covers these later uses.
READ: Final = 1
CHANGE: Final = 2
RUN: Final = 4
SEND: Final = 8
_COVERS: Final = {READ: READ | CHANGE | SEND, CHANGE: CHANGE, RUN: RUN, SEND: SEND}
_TABLE: Final = "denied"


def targets_of(view: View, effect: AnyEffect) -> list[tuple[str, int]]:
    """(key, use) of everything that an effect reaches for."""
    reach = _REACH.get(type(effect))
    return [] if reach is None else reach(view, effect)


def check(step: Step, effect: AnyEffect) -> Finding | None:
    """Any effect, after denials."""
    work = step.work
    if _TABLE not in work.state.session.tables:
        return None
    window = step.setting(PATTERN, "window")
    since = work.action - window
    for key, use in targets_of(step.view, effect):
        refused, action = work.get(_TABLE, key)
        if not action or action <= since or not _covered(refused, use):
            continue
        work.mark(PATTERN.name)
        work.mark(PATTERN.name, refused=True)
        tries = len(work.marks(PATTERN.name, window)) + 1
        again = tries >= step.setting(PATTERN, "limit")
        return step.finding(
            PATTERN,
            Verdict.DENY if again else Verdict.ESCALATE,
            f"{key} was denied at action {action} and is tried again ({tries})",
            step.ids([action]),
        )
    return None


def close(view: View, effects: tuple[AnyEffect, ...], findings: list[Finding]) -> None:
    """Note the targets of the effects that were denied."""
    for finding in findings:
        if (
            finding.verdict is Verdict.DENY
            and not finding.waived
            and not finding.rule.startswith("composition.")
            and 0 <= finding.effect < len(effects)
        ):
            for key, use in targets_of(view, effects[finding.effect]):
                view.work.put_refused(_TABLE, key, use)


def _covered(refused: int, use: int) -> bool:
    return any(refused & denied and use & _COVERS[denied] for denied in _COVERS)


def _paths(targets: tuple[Target, ...] | None, use: int) -> list[tuple[str, int]]:
    if targets is None:
        return []
    found = []
    for target in targets:
        found.append((target.written, use))
        if target.real and target.real != target.written:
            found.append((target.real, use))
    return found


def _read(view: View, effect: actions.FileRead) -> list[tuple[str, int]]:
    return _paths(view.at(effect.path, glob=effect.glob), READ)


def _write(view: View, effect: actions.FileWrite) -> list[tuple[str, int]]:
    found = _paths(view.at(effect.path, glob=effect.glob), CHANGE)
    return found + _paths(view.at(effect.target), READ) if effect.target else found


def _delete(view: View, effect: actions.FileDelete) -> list[tuple[str, int]]:
    return _paths(view.at(effect.path, glob=effect.glob), CHANGE)


def _move(view: View, effect: actions.FileMove) -> list[tuple[str, int]]:
    sources = _paths(view.at(effect.path, glob=effect.glob), READ)
    return sources + _paths(view.at(effect.to), CHANGE)


def _run(view: View, effect: actions.ProcessExec) -> list[tuple[str, int]]:
    if effect.script:
        return _paths(view.at(effect.script), RUN)
    return [(f"run:{fold(effect.program).text.rpartition('/')[2]}", RUN)]


def _request(_view: View, effect: actions.NetRequest) -> list[tuple[str, int]]:
    return [(f"host:{fold(effect.host).text}", SEND)]


def _message(_view: View, effect: actions.MessageSend) -> list[tuple[str, int]]:
    return [(f"to:{fold(to).text}", SEND) for to in effect.recipients]


def _service(_view: View, effect: actions.ServiceChange) -> list[tuple[str, int]]:
    return [(f"to:{fold(effect.counterparty).text}", SEND)]


_REACH: Final[dict[type[AnyEffect], Callable[[View, Any], list[tuple[str, int]]]]] = {
    actions.FileRead: _read,
    actions.FileWrite: _write,
    actions.FileDelete: _delete,
    actions.FileMove: _move,
    actions.ProcessExec: _run,
    actions.NetRequest: _request,
    actions.MessageSend: _message,
    actions.ServiceChange: _service,
}
