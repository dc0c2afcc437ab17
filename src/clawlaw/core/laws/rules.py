"""Rules of the policy as every law judges them, before what data cannot say."""

from clawlaw.core.actions import AnyEffect
from clawlaw.core.decision import Finding, Verdict
from clawlaw.core.view import View


def judge_rules(
    number: int, effect: AnyEffect, index: int, view: View
) -> list[Finding]:
    """Findings of the policy's rules of one law on one effect.

    A rule that does not apply abstains and leaves nothing. A rule that raises denies:
    nobody knows what it would have said.

    Args:
        number: Of the law.
        effect: What is judged.
        index: Of the effect.
        view: Its `rules` are those for the kind of the effect; `claimed` is set where
            one has something to say.
    """
    findings: list[Finding] = []
    for rule in view.rules[number]:
        try:
            applies: object = rule.test(effect, view)
        except Exception as error:  # noqa: BLE001  # whatever it is, it denies
            reason = f"the rule cannot be evaluated ({type(error).__name__})"
            findings.append(Finding(number, rule.id, Verdict.DENY, reason, index))
            continue
        if applies is False:
            continue
        if applies is not True:
            reason = "the rule gives neither yes nor no"
            findings.append(Finding(number, rule.id, Verdict.DENY, reason, index))
            continue
        if type(rule.verdict) is not Verdict:
            reason = "the rule asks for something that is no verdict"
            findings.append(Finding(number, rule.id, Verdict.DENY, reason, index))
            continue
        if rule.verdict is not Verdict.ABSTAIN:
            view.claimed = True
        findings.append(
            Finding(number, rule.id, rule.verdict, rule.reason, index, rule.remedy)
        )
    return findings
