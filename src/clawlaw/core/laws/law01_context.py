"""Law 1, context: an agent may retrieve what its session is about, and no more.

Retrieval is authorisation: what was read shapes everything that follows, and may leave
again. So reads are held against the session's scope, and a search that begins above
the scope is told so.
"""

from clawlaw.core import intent
from clawlaw.core.actions import AnyEffect, EnvironmentRead, FileRead, KubeRead
from clawlaw.core.decision import Finding, Verdict
from clawlaw.core.laws.rules import judge_rules
from clawlaw.core.text import fold, fold_path
from clawlaw.core.view import View

NUMBER = 1
NAME = "context"
KINDS = frozenset({FileRead, EnvironmentRead, KubeRead})
_SECRETS = frozenset({"secret", "secrets", "*"})


def judge(effect: AnyEffect, index: int, view: View) -> list[Finding]:
    """What this law says to one effect."""
    findings = judge_rules(NUMBER, effect, index, view) if view.rules[NUMBER] else []
    if isinstance(effect, FileRead):
        found = _off_scope(effect, index, view)
    elif isinstance(effect, EnvironmentRead):
        found = _environment(effect, index, view)
    elif isinstance(effect, KubeRead):
        found = _secrets(effect, index)
    else:
        found = None
    if found is not None:
        findings.append(found)
    return findings


def _off_scope(effect: FileRead, index: int, view: View) -> Finding | None:
    scope = view.scope
    for target in view.targets(effect) or ():
        if not target.real or intent.in_paths(target, scope.paths):
            continue
        wide = effect.recursive and any(
            intent.within(fold_path(root).text, target.real) for root in scope.paths
        )
        told = "begins above" if wide else "is outside"
        return Finding(
            NUMBER,
            "context.too-wide" if wide else "context.off-scope",
            view.purpose.off,
            f"{target.written} {told} the session's paths: "
            f"{', '.join(scope.paths) or 'none'}",
            index,
            "read beneath one of them, or ask a steward",
        )
    return None


def _environment(effect: EnvironmentRead, index: int, view: View) -> Finding | None:
    if effect.names or view.facts.sandbox:
        return None
    return Finding(
        NUMBER,
        "context.whole-environment",
        Verdict.ESCALATE,
        "every variable is read, secrets among them",
        index,
        "name the variables, or run it in the sandbox",
    )


def _secrets(effect: KubeRead, index: int) -> Finding | None:
    kinds = {part.partition(".")[0] for part in fold(effect.resource).text.split(",")}
    if not kinds & _SECRETS:
        return None
    return Finding(
        NUMBER,
        "context.cluster-secrets",
        Verdict.ESCALATE,
        "secrets of the cluster are read",
        index,
        "name the resources without secrets",
    )
