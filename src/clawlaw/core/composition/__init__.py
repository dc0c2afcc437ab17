"""What actions mean together: patterns over a session, one file each.

Each step of a sequence may be allowed and the sequence be harm. A pattern looks at one
effect, the labels and the marks that earlier actions left, and speaks at the step that
completes it, naming the earlier ones. None of them looks back over a list of actions,
so the work of one action is the same at the first and at the hundred thousandth.

The patterns, their windows and thresholds: docs/composition.md. Six of the names are
the published ones of ClawLaw; what they mean, and every number, is this project's own.
"""

from collections.abc import Callable
from typing import Any, Final

from clawlaw.core import actions
from clawlaw.core.actions import AnyEffect
from clawlaw.core.composition import (
    approve_then_change,
    behaviour_drift,
    boundary_probe,
    budget_slicing,
    cluster_walk,
    cross_agent_relay,
    dependency_sprawl,
    exfiltration_chain,
    infra_walk,
    retry_after_deny,
    scope_creep,
    staged_download,
    untrusted_value,
    write_then_execute,
)
from clawlaw.core.composition.flow import follow
from clawlaw.core.composition.step import Step
from clawlaw.core.decision import Finding, Verdict
from clawlaw.core.view import View

type Check = Callable[[Step, Any], Finding | None]

PATTERNS: Final = (
    approve_then_change,
    behaviour_drift,
    boundary_probe,
    budget_slicing,
    cluster_walk,
    cross_agent_relay,
    dependency_sprawl,
    exfiltration_chain,
    infra_walk,
    retry_after_deny,
    scope_creep,
    staged_download,
    untrusted_value,
    write_then_execute,
)
# Every number that a policy may set, with the value that it otherwise has.
SETTINGS: Final[dict[str, int]] = {
    name: value
    for pattern in PATTERNS
    for name, value in pattern.PATTERN.settings.items()
}
_ALWAYS: Final[tuple[Check, ...]] = (
    boundary_probe.check,
    retry_after_deny.check,
    behaviour_drift.check,
)
_MORE: Final[dict[type[AnyEffect], tuple[Check, ...]]] = {
    actions.FileRead: (scope_creep.check, cross_agent_relay.read),
    actions.FileWrite: (scope_creep.check, approve_then_change.write),
    actions.FileDelete: (scope_creep.check, untrusted_value.check),
    actions.FileMove: (scope_creep.check, approve_then_change.move),
    actions.ProcessExec: (
        staged_download.execute,
        write_then_execute.execute,
        cross_agent_relay.execute,
        approve_then_change.execute,
        untrusted_value.check,
    ),
    actions.NetRequest: (
        exfiltration_chain.request,
        budget_slicing.request,
        cross_agent_relay.request,
        scope_creep.check,
        untrusted_value.check,
    ),
    actions.MessageSend: (
        exfiltration_chain.message,
        budget_slicing.message,
        untrusted_value.check,
    ),
    actions.ServiceRead: (exfiltration_chain.query,),
    actions.ServiceChange: (
        exfiltration_chain.service,
        budget_slicing.service,
        untrusted_value.check,
        untrusted_value.gives,
    ),
    actions.MemoryWrite: (exfiltration_chain.memory, untrusted_value.memory),
    actions.PackageInstall: (
        staged_download.install,
        write_then_execute.install,
        dependency_sprawl.check,
        untrusted_value.check,
    ),
    actions.AgentDelegate: (untrusted_value.check,),
    actions.InfraApply: (infra_walk.check,),
    actions.KubeApply: (cluster_walk.check,),
    actions.KubeDelete: (cluster_walk.delete,),
}


def observe(effect: AnyEffect, index: int, view: View) -> list[Finding]:
    """Judge one effect by what came before it, and note it for what comes after.

    Called for each effect of a proposal in their order, once. Changes only
    `view.work`.

    Args:
        effect: Of the proposal.
        index: Its place, for the findings.
        view: The proposal, its facts and its state.

    Returns:
        What the patterns find; empty: nothing.
    """
    step = Step(effect, index, view)
    found: list[Finding] = []
    for check in _ALWAYS:
        finding = check(step, effect)
        if finding is not None:
            found.append(finding)
    for check in _MORE.get(type(effect), ()):
        finding = check(step, effect)
        if finding is not None:
            found.append(finding)
    follow(step)
    return found


def close(
    view: View,
    verdict: Verdict,
    effects: tuple[AnyEffect, ...],
    findings: list[Finding],
) -> None:
    """Note a refused proposal, after its verdict is known.

    Args:
        view: The proposal; only its `work` changes.
        verdict: Of the whole proposal.
        effects: Of the proposal.
        findings: Of every law and pattern.
    """
    if verdict is not Verdict.DENY:
        return
    boundary_probe.close(view, findings)
    retry_after_deny.close(view, effects, findings)
