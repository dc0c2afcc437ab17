"""Law 4, resource: what is used up, and the enforcement level that follows.

normal and degraded let pass; gated asks a steward for whatever costs something of the
unit that is short; halted denies everything. A request that goes over a ceiling is
asked about; approved, it runs, is counted and halts the session.
"""

from clawlaw.core.actions import AnyEffect, ServiceChange
from clawlaw.core.budget import COSTLY, GATED, HALTED, costs_of
from clawlaw.core.canonical import MAX_INTEGER
from clawlaw.core.decision import Finding, Verdict
from clawlaw.core.laws.rules import judge_rules
from clawlaw.core.view import View

NUMBER = 4
NAME = "resource"
KINDS = None  # every kind
_RAISE = "a steward raises the ceiling or resets the spend"


def judge(effect: AnyEffect, index: int, view: View) -> list[Finding]:
    """What this law says to one effect."""
    findings = judge_rules(NUMBER, effect, index, view) if view.rules[NUMBER] else []
    account = view.account
    if account.level == HALTED and index == 0:
        reason = "the session is halted: its budget is spent"
        findings.append(
            Finding(NUMBER, "resource.halted", Verdict.DENY, reason, index, _RAISE)
        )
    if isinstance(effect, ServiceChange) and not _is_exact(effect.amount):
        findings.append(_inexact("amount", index))
    for unit, amount in _costs(effect, index, view):
        if not _is_exact(amount):
            findings.append(_inexact(unit, index))
        elif amount:
            findings += _reserve(unit, amount, index, view)
    return findings


def _costs(effect: AnyEffect, index: int, view: View) -> tuple[tuple[str, int], ...]:
    """One action a proposal, what the effect says, what the policy says of its kind."""
    prepared = view.prepared
    named = prepared.costs.get(view.kind, ())
    if type(effect) in COSTLY:
        named = costs_of(effect) + named
    return named if index else (("actions", prepared.action_cost), *named)


def _is_exact(amount: object) -> bool:
    """A cost is counted only if it is a whole number that adding cannot turn."""
    return type(amount) is int and 0 <= amount <= MAX_INTEGER


def _inexact(unit: str, index: int) -> Finding:
    return Finding(
        NUMBER,
        "resource.inexact",
        Verdict.DENY,
        f"{unit} is not a whole number from 0 to 2^53 - 1",
        index,
    )


def _reserve(unit: str, amount: int, index: int, view: View) -> list[Finding]:
    account = view.account
    view.work.spend(unit, amount)
    over = account.reserve(unit, amount)
    if over is None and account.level != GATED:
        return []
    findings = []
    if account.level == GATED and account.gates(unit):
        findings.append(
            Finding(
                NUMBER,
                "resource.gated",
                Verdict.ESCALATE,
                f"{unit} are nearly used up; this takes {amount} more",
                index,
                _RAISE,
            )
        )
    if over is not None:
        findings.append(
            Finding(
                NUMBER,
                "resource.over-ceiling",
                Verdict.ESCALATE,
                f"{over.spent} of {over.ceiling} {unit} of {over.owner} are spent; "
                f"this makes it {over.total}",
                index,
                _RAISE,
            )
        )
    return findings
