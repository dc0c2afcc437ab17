"""Risk: named contributions, combined by noisy-OR in whole millionths.

Each contribution is the certainty, in millionths, that an action with this feature
does harm; features are taken as independent, so the action is harmless only if none
of them does: 1 - (1 - a)(1 - b)... The product of the complements is exact (whole
numbers of any size) and is rounded down once, at its end: the risk never comes out
too low, by less than one millionth too high, and no order of the contributions
changes it. Adding one never lowers it. No model has a say in any number.
"""

from collections.abc import Mapping

from clawlaw.core.decision import Contribution
from clawlaw.core.state import Label

WHOLE = 1_000_000
# What a session carries makes whatever it does next a little less certain. Two of
# these alone stay far below every threshold.
CARRIED = (
    (int(Label.UNTRUSTED), "session.untrusted"),
    (int(Label.SECRET), "session.secret"),
)


def combine(risks: tuple[int, ...]) -> int:
    """Noisy-OR of contributions.

    Args:
        risks: Millionths; below 0 counts as 0, above `WHOLE` as `WHOLE`.

    Returns:
        Millionths, 0 to `WHOLE`; 0 of nothing.
    """
    if not risks:
        return 0
    harmless = 1
    for risk in risks:
        harmless *= WHOLE - min(max(risk, 0), WHOLE)
    # `harmless` is in units of WHOLE ** len; one factor of WHOLE is kept.
    scale: int = WHOLE ** (len(risks) - 1)
    return WHOLE - harmless // scale


def contributions(
    applied: Mapping[str, int], labels: int, settings: Mapping[str, int]
) -> tuple[Contribution, ...]:
    """What makes up the risk of one proposal, by name, each name once.

    Args:
        applied: Millionths by id of each rule that applied.
        labels: Bits that the session carries.
        settings: Has `risk.session.untrusted` and `risk.session.secret`.
    """
    named = dict(applied)
    for bit, name in CARRIED:
        if labels & bit and (risk := settings.get(f"risk.{name}", 0)):
            named[name] = risk
    return tuple(Contribution(name, named[name]) for name in sorted(named))
