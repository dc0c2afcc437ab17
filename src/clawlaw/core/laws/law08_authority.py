"""Law 8, authority: who may do what, and what only a steward does.

Tiers of a principal, as the specification names them: 1 observes, 2 proposes, 3
executes in bounds, 4 works on production. The gate's own policy, budgets and approvals
are changed on the stewards' channel alone, never by a proposal. What an effect is for
is part of the authority: off purpose is asked about or denied, as the purpose says.
"""

from clawlaw.core import intent
from clawlaw.core.actions import AnyEffect, PolicyChange, ProcessExec
from clawlaw.core.decision import Finding, Verdict
from clawlaw.core.laws.rules import judge_rules
from clawlaw.core.view import View

NUMBER = 8
NAME = "authority"
KINDS = None  # every kind
OBSERVE, PROPOSE, EXECUTE, PRODUCTION = 1, 2, 3, 4
READS = frozenset(
    {"file.read", "environment.read", "system.read", "service.read", "kube.read"}
)
PRODUCES = frozenset(
    {"infra.apply", "kube.apply", "kube.delete", "kube.exec", "model.promote"}
)


def judge(effect: AnyEffect, index: int, view: View) -> list[Finding]:
    """What this law says to one effect."""
    findings = judge_rules(NUMBER, effect, index, view) if view.rules[NUMBER] else []
    if isinstance(effect, PolicyChange):
        findings.append(
            Finding(
                NUMBER,
                "authority.steward-only",
                Verdict.DENY,
                f"only a steward changes the gate's {effect.what}",
                index,
            )
        )
    tier = _tier(effect, index, view)
    if tier is not None:
        findings.append(tier)
    kind = view.kind
    if kind != "opaque" and (missed := intent.off_purpose(kind, view.purposes)):
        findings.append(
            Finding(
                NUMBER,
                "authority.off-purpose",
                missed.off,
                f"{kind} is no part of {missed.name or 'any purpose'}",
                index,
                "open a session for the purpose that has it, or ask a steward",
            )
        )
    return findings


def _tier(effect: AnyEffect, index: int, view: View) -> Finding | None:
    tier = view.principal.tier
    kind = view.kind
    if tier >= PRODUCTION or (tier == EXECUTE and kind not in PRODUCES):
        return None
    name = view.principal.name
    if tier >= EXECUTE:
        verdict, may = Verdict.ESCALATE, "does not work on production alone"
    elif _only_reads(effect, kind):
        return None
    elif tier == PROPOSE:
        verdict, may = Verdict.ESCALATE, "proposes, and a steward decides"
    else:
        verdict, may = Verdict.DENY, "only observes"
    return Finding(NUMBER, "authority.tier", verdict, f"{name} {may}", index)


def _only_reads(effect: AnyEffect, kind: str) -> bool:
    """Whether nothing changes; a program's other effects stand beside it."""
    if isinstance(effect, ProcessExec):
        return effect.code == "none"
    return kind in READS
