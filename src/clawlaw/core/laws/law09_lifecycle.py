"""Law 9, lifecycle: nothing becomes active before it was shown to be safe.

A model is promoted with a passed evaluation, a review and its provenance, each named
by a digest or an id that a record has; a change to machines that destroys names what
it destroys, and one for which a window is declared happens inside it.
"""

from clawlaw.core.actions import AnyEffect, InfraApply, ModelPromote
from clawlaw.core.decision import Finding, Verdict
from clawlaw.core.laws.rules import judge_rules
from clawlaw.core.view import View

NUMBER = 9
NAME = "lifecycle"
KINDS = frozenset({ModelPromote, InfraApply})
_DIGEST = "sha256:"
_DIGITS = 64
_HEX = frozenset("0123456789abcdef")


def judge(effect: AnyEffect, index: int, view: View) -> list[Finding]:
    """What this law says to one effect."""
    findings = judge_rules(NUMBER, effect, index, view)
    if isinstance(effect, ModelPromote):
        findings += _promotion(effect, index, view)
    elif isinstance(effect, InfraApply):
        findings += _machines(effect, index, view)
    return findings


def _machines(effect: InfraApply, index: int, view: View) -> list[Finding]:
    found = []
    if effect.destructive and not effect.target:
        reason = f"{effect.tool} would destroy something that is not named"
        rule, remedy = "lifecycle.unnamed-target", "name the target"
        found.append(Finding(NUMBER, rule, Verdict.DENY, reason, index, remedy))
    # By the clock of whoever judges, which never runs before the last record.
    if effect.closes and not effect.opens <= view.facts.now < effect.closes:
        reason = "the declared window for changes is not open now"
        rule, remedy = "lifecycle.outside-window", "wait for the window"
        found.append(Finding(NUMBER, rule, Verdict.ESCALATE, reason, index, remedy))
    return found


def _promotion(effect: ModelPromote, index: int, view: View) -> list[Finding]:
    missing = []
    if not _is_digest(effect.evaluation):
        missing.append("a digest of its evaluation")
    if not effect.review or effect.review == view.principal.name:
        missing.append("a review by someone else")
    if not _is_digest(effect.provenance):
        missing.append("a digest of its provenance")
    return [
        Finding(
            NUMBER,
            "lifecycle.unproven-model",
            Verdict.DENY,
            f"{effect.model} is promoted without {what}",
            index,
            "attach it to the request",
        )
        for what in missing
    ]


def _is_digest(text: str) -> bool:
    digits = text.removeprefix(_DIGEST)
    return digits != text and len(digits) == _DIGITS and _HEX.issuperset(digits)
