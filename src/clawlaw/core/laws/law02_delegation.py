"""Law 2, delegation: a child has at most what its parent has.

Depth is counted from the session that a person opened; a delegation that would go
deeper than the principal may, or that hands on a path, a host, a program or a purpose
that the session itself does not have, is denied and not asked about: a steward who
wants the child to have more gives it to the parent.
"""

from clawlaw.core import intent
from clawlaw.core.actions import AgentDelegate, AnyEffect
from clawlaw.core.decision import Finding, Verdict
from clawlaw.core.laws.rules import judge_rules
from clawlaw.core.state import Scope
from clawlaw.core.view import View

NUMBER = 2
NAME = "delegation"
KINDS = frozenset({AgentDelegate})


def judge(effect: AnyEffect, index: int, view: View) -> list[Finding]:
    """What this law says to one effect."""
    findings = judge_rules(NUMBER, effect, index, view)
    if isinstance(effect, AgentDelegate):
        findings += [
            Finding(NUMBER, f"delegation.{rule}", Verdict.DENY, reason, index, remedy)
            for rule, reason, remedy in (
                *_depth(effect, view),
                *_purpose(effect, view),
                *_scope(effect, view.scope),
            )
        ]
    return findings


def _depth(effect: AgentDelegate, view: View) -> list[tuple[str, str, str]]:
    depth = view.work.state.session.depth + max(effect.depth, 1)
    most = view.principal.depth
    if depth <= most:
        return []
    reason = f"the child would stand {depth} deep, {view.principal.name} may go {most}"
    return [("too-deep", reason, "do it in this session")]


def _purpose(effect: AgentDelegate, view: View) -> list[tuple[str, str, str]]:
    if not effect.purpose or effect.purpose == view.purpose.name:
        return []
    child = view.policy.purposes.get(effect.purpose)
    if child is None:
        return [("unknown-purpose", f"{effect.purpose!r} is no purpose", "")]
    more = sorted(child.kinds - view.purpose.kinds)
    if not more:
        return []
    reason = f"purpose {child.name} does what {view.purpose.name} does not: {more[0]}"
    return [("amplified", reason, f"delegate for {view.purpose.name}")]


def _scope(effect: AgentDelegate, scope: Scope) -> list[tuple[str, str, str]]:
    paths = tuple(map(intent.plain, effect.paths))
    cut = intent.cut(
        Scope("", paths, effect.hosts, effect.programs),
        Scope("", scope.paths, scope.hosts, scope.programs),
    )
    handed = (
        ("path", paths, cut.paths),
        ("host", effect.hosts, cut.hosts),
        ("program", effect.programs, cut.programs),
    )
    return [
        ("amplified", f"the session itself has no {what} {item}", "leave it out")
        for what, items, kept in handed
        for item in items
        if item not in kept
    ]
