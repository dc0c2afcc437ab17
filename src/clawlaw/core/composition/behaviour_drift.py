"""behaviour_drift: a session does something else than its principal does.

Meaning: the share of one kind of effect in the session's recent profile is far above
the share that the principal's pinned baseline gives it. The baseline belongs to the
policy, so that an agent cannot move it by moving slowly.

Window: the profile holds the last 500 to 1,000 effects: every family is halved when
their sum passes 1,000 (`COUNTS_CAP`), so that a long quiet past does not hide a change.

Threshold: `behaviour_drift.excess` millionths (300,000) above the baseline, after
`behaviour_drift.effects` effects (60); fewer are too few to compare shares. Only
reading is never asked: an agent that reads more than usual is no news. A principal
without a baseline has no drift.
"""

from typing import Final

from clawlaw.core.actions import KIND_OF, AnyEffect
from clawlaw.core.composition.step import Pattern, Step
from clawlaw.core.decision import Finding, Verdict

PATTERN: Final = Pattern(
    name="behaviour_drift",
    law=3,
    remedy="Open a session whose purpose is this work.",
    settings={"behaviour_drift.excess": 300_000, "behaviour_drift.effects": 60},
)
WHOLE: Final = 1_000_000
_QUIET: Final = frozenset({"file.read", "system.read", "service.read", "kube.read"})


def check(step: Step, effect: AnyEffect) -> Finding | None:
    """Any effect."""
    family = KIND_OF[type(effect)]
    step.work.count(family)
    baseline = step.view.principal.baseline
    if not baseline or family in _QUIET:
        return None
    counts = step.work.state.session.counts
    total = sum(counts.values())
    if total < step.setting(PATTERN, "effects"):
        return None
    share = counts.get(family, 0) * WHOLE // total
    excess = share - baseline.get(family, 0)
    if excess <= step.setting(PATTERN, "excess"):
        return None
    return step.finding(
        PATTERN,
        Verdict.ESCALATE,
        f"{family} is {share // 10_000} % of this session's work, of its principal's "
        f"ordinary work {baseline.get(family, 0) // 10_000} %",
    )
