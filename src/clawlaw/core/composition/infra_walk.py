"""infra_walk: small changes to machines, each fine, that together are not.

Meaning: a quorum or a role that loses its members in one run after the other, until too
few are left; a firewall that is opened flow by flow. What one run does is for the rules
of the policy; this pattern sees what earlier runs left behind, whoever proposed them.

Window: members that are gone stay counted until they come back. Flows are counted in
`infra_walk.window` runs (20); the window begins anew at the first opening after it has
passed. The same plan again, after a run that failed, counts once.

Threshold: what is left is no majority of what was there before the first loss, or of a
role nothing is left; `infra_walk.flows` flows (4) opened and not closed again.
"""

from hashlib import sha256
from typing import Final

from clawlaw.core.actions import InfraApply
from clawlaw.core.composition.step import Pattern, Step
from clawlaw.core.decision import Finding, Verdict

PATTERN: Final = Pattern(
    name="infra_walk",
    law=9,
    remedy="A steward looks at the earlier runs together with this one.",
    settings={"infra_walk.window": 20, "infra_walk.flows": 4},
)
TABLE: Final = "infra"  # of the room: sessions end with their run
_BITS: Final = 16
_MOST: Final = (1 << _BITS) - 1
_SAME: Final = "infra.same"  # among the steps of a proposal
_TOLD_BYTES: Final = 6  # of a plan's digest; the last plan alone is remembered


def check(step: Step, effect: InfraApply) -> Finding | None:
    """One class of change, by what earlier runs did."""
    if effect.change == "plan":
        _begin(step, effect)
        return None
    if step.work.steps.get(_SAME):
        return None
    if effect.change in {"flow_opened", "flow_closed"}:
        return _flows(step, effect)
    if effect.change in {"members", "quorum_change"} and effect.group:
        return _members(step, effect)
    return None


def _begin(step: Step, effect: InfraApply) -> None:
    """Count a run, unless it is the last one again."""
    work = step.work
    plan = int.from_bytes(sha256(effect.target.encode()).digest()[:_TOLD_BYTES])
    same = work.of_room(TABLE, "plan") == plan
    work.steps[_SAME] = int(same)
    if not same:
        work.put_value(TABLE, "plan", plan)
        work.put_value(TABLE, "runs", (work.of_room(TABLE, "runs") or 0) + 1)


def _members(step: Step, effect: InfraApply) -> Finding | None:
    work = step.work
    key = f"gone/{effect.group}"
    gone = work.of_room(TABLE, key)
    if gone is None:
        return _full(step)
    before = effect.members + gone
    came = max(effect.left + effect.lost - effect.members, 0)
    after = min(max(gone + effect.lost - came, 0), _MOST)
    work.put_value(TABLE, key, after)
    if not gone or not effect.lost:
        return None
    if effect.change == "quorum_change" and effect.left < before // 2 + 1:
        reason = (
            f"with {gone} gone in earlier runs, {effect.left} of {before} voters of "
            f"{effect.group} are left: no majority of what was there"
        )
    elif not effect.left:
        reason = f"with {gone} gone in earlier runs, nothing is left of {effect.group}"
    else:
        return None
    return step.finding(PATTERN, Verdict.ESCALATE, reason)


def _flows(step: Step, effect: InfraApply) -> Finding | None:
    work = step.work
    runs, value = work.of_room(TABLE, "runs"), work.of_room(TABLE, "flows")
    if runs is None or value is None:
        return _full(step)
    began, count = value >> _BITS, value & _MOST
    if not count or runs - began >= step.setting(PATTERN, "window"):
        began, count = runs, 0
    earlier = count
    change = max(effect.count, 1)
    count += change if effect.change == "flow_opened" else -change
    count = min(max(count, 0), _MOST)
    work.put_value(TABLE, "flows", began << _BITS | count)
    if effect.change == "flow_closed" or not earlier:
        return None
    if count <= step.setting(PATTERN, "flows"):
        return None
    reason = (
        f"{earlier} flows were opened in the last {runs - began} runs and stayed open, "
        f"{change} more would be"
    )
    return step.finding(PATTERN, Verdict.ESCALATE, reason)


def _full(step: Step) -> Finding:
    reason = "what earlier runs changed cannot be told apart any more"
    return step.finding(PATTERN, Verdict.ESCALATE, reason)
