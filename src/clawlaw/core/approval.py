"""Approvals: what a steward answered, bound to one action and used once.

An approval waives the gates that it lists and nothing else: the action is judged again
as a whole, and a gate that was not shown to the steward stands. It counts only for
the very action, under the very policy, before it expires, from someone other than who
asks, and only until a decision used it.
"""

from msgspec import Struct

from clawlaw.core.actions import Proposal
from clawlaw.core.canonical import digest
from clawlaw.core.decision import Finding
from clawlaw.core.facts import Approval, Facts
from clawlaw.core.policy import Policy
from clawlaw.core.state import State, find

CONSUMED = "approvals"  # table of a session: ids of what was used up


class Grants(Struct, frozen=True):
    """What the valid approvals of one action waive together.

    Attributes:
        gates: Ids of rules.
        approvals: (id, gates) of each, in the order in which they were given.
    """

    gates: frozenset[str]
    approvals: tuple[tuple[str, tuple[str, ...]], ...]

    def used(self, findings: list[Finding]) -> tuple[str, ...]:
        """Ids of the approvals that waived something."""
        waived = {f.rule for f in findings if f.waived}
        return tuple(
            name for name, gates in self.approvals if waived.intersection(gates)
        )


def approval_id(approval: Approval) -> str:
    """Name of an approval, by which it is used up."""
    return digest(
        [
            approval.action,
            approval.policy,
            list(approval.gates),
            approval.approver,
            approval.expires,
        ]
    )


def granted(
    proposal: Proposal, facts: Facts, state: State, policy: Policy, action: str
) -> Grants | None:
    """The approvals that count for this action now; `None` where there are none."""
    if not facts.approvals:
        return None
    used = state.session.tables.get(CONSUMED)
    valid = []
    for approval in facts.approvals:
        if (
            approval.action != action
            or approval.policy != policy.digest
            or approval.expires <= facts.now
            or not approval.approver
            or approval.approver == proposal.principal
        ):
            continue
        name = approval_id(approval)
        if used is None or not find(used, name):
            valid.append((name, approval.gates))
    if not valid:
        return None
    return Grants(frozenset(g for _, gates in valid for g in gates), tuple(valid))
