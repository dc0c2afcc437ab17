"""A verdict and why: what `decide` returns and a record keeps."""

from enum import IntEnum
from typing import Literal

from msgspec import Struct


class Verdict(IntEnum):
    """Ordered by strictness: the worst of several is their maximum."""

    ABSTAIN = 0
    ALLOW = 1
    ESCALATE = 2
    DENY = 3


type VerdictName = Literal["allow", "escalate", "deny"]
type Level = Literal["normal", "degraded", "gated", "halted"]


class Finding(Struct, frozen=True):
    """What one rule of one law says to one effect.

    Attributes:
        law: Number in the Codex, 0 to 10.
        rule: Id of the rule, unique in the policy.
        verdict: What the rule asks for.
        reason: One sentence for a person.
        effect: Index in the decision's effects; -1: the proposal as a whole.
        remedy: What would make it pass, "" where nothing does.
        because: Ids of earlier actions that the finding rests on.
        waived: By an approval; counts as ALLOW.
    """

    law: int
    rule: str
    verdict: Verdict
    reason: str
    effect: int = -1
    remedy: str = ""
    because: tuple[str, ...] = ()
    waived: bool = False


class Contribution(Struct, frozen=True):
    """One named part of the risk, in millionths of certainty of harm."""

    name: str
    risk: int  # 0 to 1_000_000


class Delta(Struct, frozen=True):
    """What a decision changes in the state, proportional to the action alone.

    Attributes:
        actions: Added to the session's count; 1.
        spend: By budget unit: actions, tokens, seconds, bytes_out.
        tables: (table, key, value) to be set; tables of :mod:`clawlaw.core.state`.
        marks: Patterns that note this action.
        labels: Bits that the session gains.
        counts: Effects by kind that the session's profile gains.
        denied: Whether the action was refused, for the patterns that count it.
        consumed: Ids of the approvals that were used up.
        level: Enforcement level of the session from now on; never relaxes here.
    """

    actions: int = 1
    spend: dict[str, int] = {}
    tables: tuple[tuple[str, str, int], ...] = ()
    marks: tuple[str, ...] = ()
    labels: int = 0
    counts: dict[str, int] = {}
    denied: bool = False
    consumed: tuple[str, ...] = ()
    level: Level = "normal"


class Outcome(Struct, frozen=True):
    """What is known after an action was performed; it settles or adds, never less.

    Attributes:
        spend: What was used, by budget unit, the whole action.
        reserved: What the decision had reserved: `Delta.spend`.
        released: Of what was reserved: what was not used, and is given back. Only
            who holds the permit of the action can say so (gate/settling.py).
        tables: (table, key, value) that the result teaches, as in `Delta`.
        labels: Bits that the result brings into the session.
    """

    spend: dict[str, int] = {}
    reserved: dict[str, int] = {}
    released: dict[str, int] = {}
    tables: tuple[tuple[str, str, int], ...] = ()
    labels: int = 0


class Decision(Struct, frozen=True):
    """The verdict on one proposal with everything that led to it.

    Attributes:
        verdict: allow, escalate or deny; never abstain.
        reason: Of the strictest finding.
        remedy: What would make it pass.
        findings: What applied, in order of effect and law; a law that is in `laws`
            and has no finding abstained.
        risk: Millionths, combined from the contributions.
        contributions: By name, sorted.
        level: Enforcement level after this action.
        delta: For `apply`.
        action: Digest that an approval must name.
        policy: Digest.
        kernel: Digest of code, grammar and profiles.
        laws: Numbers of the laws that were evaluated, for every effect.
    """

    verdict: Verdict
    reason: str
    remedy: str
    findings: tuple[Finding, ...]
    risk: int
    contributions: tuple[Contribution, ...]
    level: Level
    delta: Delta
    action: str
    policy: str
    kernel: str
    laws: tuple[int, ...] = ()
