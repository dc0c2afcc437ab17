"""approve_then_change: what a steward was asked about is not what would run now.

Meaning: running a file was refused or asked about, then the file was changed, by this
session or another one of the room, and now it is run again. An approval names the
action; the file's new content is something that nobody has looked at.

Window: all actions, until the file has run.

Threshold: one change. It asks as a gate of its own, which an approval given before the
change does not name and so cannot waive; one given after it does. A write in the same
action is part of what was asked about.
"""

from typing import Final

from clawlaw.core import actions
from clawlaw.core.composition.bits import ALL
from clawlaw.core.composition.step import Pattern, Step
from clawlaw.core.decision import Finding, Verdict
from clawlaw.core.state import SHIFT, find, pack
from clawlaw.core.target import Target

PATTERN: Final = Pattern(
    name="approve_then_change",
    law=8,
    remedy="Let a steward read the file as it is now, and approve that.",
)
_TABLE: Final = "asked"
_ASKED: Final = 1
_CHANGED: Final = 2


def execute(step: Step, effect: actions.ProcessExec) -> Finding | None:
    """A program, by what happened to its file since it was asked about."""
    found = None
    for name in (effect.script, effect.program):
        if not name.startswith("/"):
            continue
        for target in step.view.at(name) or ():
            found = _execute(step, name, target) or found
    return found


def _execute(step: Step, name: str, target: Target) -> Finding | None:
    key = target.real or target.written
    bits, action = _kept(step, key)
    step.work.put_refused(_TABLE, key, bits | _ASKED)
    if not bits:
        return None
    step.work.put_value(_TABLE, key, 0)
    if not bits & _CHANGED:
        return None
    return step.finding(
        PATTERN,
        Verdict.ESCALATE,
        f"{name} was changed after it had been asked about at action {action}",
        step.ids([action]) if action else (),
    )


def write(step: Step, effect: actions.FileWrite) -> None:
    """A change of a file."""
    if effect.how != "directory":
        _note(step, step.view.at(effect.path, glob=effect.glob))


def move(step: Step, effect: actions.FileMove) -> None:
    """Another file in its place."""
    _note(step, step.view.at(effect.to))


def _note(step: Step, targets: tuple[Target, ...] | None) -> None:
    if _TABLE not in step.work.state.room.tables:
        return
    for target in targets or ():
        key = target.real or target.written
        bits, action = _kept(step, key)
        if bits:
            step.work.put_value(_TABLE, key, pack(bits | _CHANGED, action))


def _kept(step: Step, key: str) -> tuple[int, int]:
    """(bits, number of this session's action) before this proposal."""
    state = step.work.state
    room = state.room.tables.get(_TABLE)
    if room is None:
        return 0, 0
    own = state.session.tables.get(_TABLE)
    value = 0 if own is None else find(own, key)
    return (find(room, key) & ALL), value >> SHIFT
