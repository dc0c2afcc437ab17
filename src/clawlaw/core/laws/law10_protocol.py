"""Law 10, protocol: no law without a deterministic test.

A rule is law only if examples show what it applies to and what it leaves alone; the
policy's compiler asks `untested` and refuses what it names. A policy that lacks a law
that every policy has judges nothing. An effect of no kind of the closed list does not
come so far: it cannot be decoded, and the kernel has no laws for it.
"""

from collections.abc import Iterable, Sequence
from typing import Protocol

from clawlaw.core.actions import AnyEffect
from clawlaw.core.decision import Finding, Verdict
from clawlaw.core.laws.rules import judge_rules
from clawlaw.core.view import View

NUMBER = 10
NAME = "protocol"
KINDS = None  # every kind


class Exemplified(Protocol):
    """A rule with its examples, before it is compiled."""

    @property
    def id(self) -> str:
        """Of the rule."""

    @property
    def match(self) -> Sequence[object]:
        """Examples that it applies to."""

    @property
    def not_match(self) -> Sequence[object]:
        """Examples that it does not apply to."""


def untested(rules: Iterable[Exemplified]) -> list[str]:
    """Ids of the rules that are no law yet: without an example of either sort.

    Args:
        rules: With their examples, in any order.

    Returns:
        Sorted; empty where every rule may load.
    """
    return sorted(rule.id for rule in rules if not (rule.match and rule.not_match))


def judge(effect: AnyEffect, index: int, view: View) -> list[Finding]:
    """What this law says to one effect."""
    findings = judge_rules(NUMBER, effect, index, view) if view.rules[NUMBER] else []
    missing = view.prepared.missing
    if missing and index == 0:
        laws = ", ".join(map(str, missing))
        reason = f"law {laws} is missing from the policy, or from those that judge"
        findings.append(
            Finding(NUMBER, "protocol.missing-law", Verdict.DENY, reason, index)
        )
    return findings
