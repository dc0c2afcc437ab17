"""boundary_probe: a session feels its way along the boundary.

Meaning: several actions of a session were refused by the boundary law (a path, a host
or a program outside it, a protected pattern, the gate's own files). One refusal is a
mistake; a row of them is a search for the gap.

Window: `boundary_probe.window` actions (20): a task that is refused now and then over a
day is no probe.

Threshold: `boundary_probe.refusals` refused actions (3) in the window, the number at
which the last known probes of an agent (traversal, hosts file, key directory) become a
series. From then on, until the window has passed, everything but work inside the
workspace is asked: reading and editing there goes on, since that is not where a gap
would be.
"""

from typing import Final

from clawlaw.core import actions
from clawlaw.core.actions import AnyEffect
from clawlaw.core.composition.step import Pattern, Step, inside
from clawlaw.core.decision import Finding, Verdict
from clawlaw.core.view import View

PATTERN: Final = Pattern(
    name="boundary_probe",
    law=0,
    remedy="A steward should look at what the session was refused.",
    settings={"boundary_probe.window": 20, "boundary_probe.refusals": 3},
)
# What no law allows is outside the boundary as well.
_UNCLAIMED: Final = "authority.unclaimed"
_FILES: Final = (
    actions.FileRead,
    actions.FileWrite,
    actions.FileDelete,
    actions.FileMove,
)


def check(step: Step, effect: AnyEffect) -> Finding | None:
    """Any effect, after refusals."""
    if PATTERN.name not in step.work.state.session.marks:
        return None
    refused = step.work.marks(PATTERN.name, step.setting(PATTERN, "window"))
    if len(refused) < step.setting(PATTERN, "refusals"):
        return None
    if _quiet(step, effect):
        return None
    return step.finding(
        PATTERN,
        Verdict.ESCALATE,
        f"the boundary refused {len(refused)} actions of this session, the last "
        f"at action {refused[-1]}",
        step.ids(refused),
    )


def close(view: View, findings: list[Finding]) -> None:
    """Note an action that the boundary refused."""
    for finding in findings:
        refused = finding.law == PATTERN.law or finding.rule == _UNCLAIMED
        if (
            refused
            and finding.verdict is Verdict.DENY
            and not finding.waived
            and not finding.rule.startswith("composition.")
        ):
            view.work.mark(PATTERN.name, refused=True)
            return


def _quiet(step: Step, effect: AnyEffect) -> bool:
    """Whether an effect is work inside the workspace."""
    if isinstance(effect, actions.ProcessExec):
        return effect.code == "none" or (effect.runner and step.view.facts.sandbox)
    if isinstance(effect, actions.SystemRead):
        return True
    if not isinstance(effect, _FILES):
        return False
    targets = step.view.targets(effect)
    workspace = step.view.policy.workspace
    return targets is not None and all(
        inside(target.written, workspace) and inside(target.real, workspace)
        for target in targets
    )
