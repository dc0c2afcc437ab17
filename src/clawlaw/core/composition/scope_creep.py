"""scope_creep: a session spreads over places that its task did not begin with.

Meaning: outside its workspace a session touches ever more areas (two levels of
directories, or a host) that were not among those of its first actions. A task settles
after a while; a survey of the machine does not.

Window: the first `scope_creep.settle` actions (20) set what is the task's; new areas
are counted in the last `scope_creep.window` actions (100).

Threshold: `scope_creep.areas` new areas (8) in the window: the session's next new area
is asked, and every further one. A task that ranges over the libraries, the
configuration and the documentation of one program stays below; eight more places in a
hundred actions are another task. The workspace itself is one area, whatever its size.
"""

from typing import Final

from clawlaw.core import actions
from clawlaw.core.actions import AnyEffect
from clawlaw.core.composition.bits import WRITTEN
from clawlaw.core.composition.step import Pattern, Step, inside
from clawlaw.core.decision import Finding, Verdict
from clawlaw.core.text import fold

PATTERN: Final = Pattern(
    name="scope_creep",
    law=0,
    remedy="Open a session for the new task, or have a steward widen the scope.",
    settings={
        "scope_creep.settle": 20,
        "scope_creep.window": 100,
        "scope_creep.areas": 8,
    },
)
_TABLE: Final = "areas"
_DEPTH: Final = 2  # /usr/lib, /var/log, /home/other


def check(step: Step, effect: AnyEffect) -> Finding | None:
    """An effect that has a place."""
    work = step.work
    areas = _areas(step, effect)
    if not areas:
        return None
    fresh = [area for area in areas if area and not work.get(_TABLE, area)[0]]
    if not fresh:
        return None
    for area in fresh:
        work.put(_TABLE, area, WRITTEN)
    if work.action <= step.setting(PATTERN, "settle"):
        return None
    new = work.marks(PATTERN.name, step.setting(PATTERN, "window"))
    work.mark(PATTERN.name)
    if len(new) < step.setting(PATTERN, "areas"):
        return None
    return step.finding(
        PATTERN,
        Verdict.ESCALATE,
        f"{fresh[0]} is one more of {len(new)} new places since action {new[0]}",
        step.ids(new),
    )


def _areas(step: Step, effect: AnyEffect) -> list[str]:
    if isinstance(effect, actions.NetRequest):
        return ["/".join(reversed(fold(effect.host).text.split(".")))]
    workspace = step.view.policy.workspace
    return [
        "/".join(target.written.split("/", _DEPTH + 1)[: _DEPTH + 1])
        for target in step.view.targets(effect) or ()
        if not inside(target.written, workspace)
    ]
