"""A policy ready to judge: data and closures, made by :mod:`clawlaw.policy.compile`.

Nothing here reads files; the YAML form, its schema and its errors are there.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from clawlaw.core.actions import AnyEffect
from clawlaw.core.decision import Verdict
from clawlaw.core.state import Scope

if TYPE_CHECKING:
    from clawlaw.core.view import View

type Test = Callable[[AnyEffect, View], bool]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of a law, compiled.

    Attributes:
        id: Unique in the policy, "boundary.read-secrets".
        law: Number in the Codex.
        kinds: Effect kinds it looks at.
        test: Whether it applies to one effect; raising means DENY.
        verdict: What it then asks for.
        reason: One sentence for a person.
        remedy: What would make it pass; "" where nothing does.
        risk: Millionths it contributes where it applies.
        waivable: A steward's approval may waive it.
        sets: It applies only to a file effect that touches one of these sets of
            paths, by bit; -1: to any.
    """

    id: str
    law: int
    kinds: frozenset[str]
    test: Test
    verdict: Verdict
    reason: str
    remedy: str = ""
    risk: int = 0
    waivable: bool = False
    sets: int = -1


@dataclass(frozen=True, slots=True)
class Purpose:
    """What sessions of one purpose ordinarily do.

    Attributes:
        kinds: Effect kinds of the profile; others are off purpose.
        programs: Families of argv profiles; empty: all that are known.
        off: Verdict for what is off purpose or off scope.
    """

    name: str
    kinds: frozenset[str]
    programs: frozenset[str] = frozenset()
    off: Verdict = Verdict.ESCALATE


@dataclass(frozen=True, slots=True)
class Principal:
    """What one enrolled identity may have at most.

    Attributes:
        ceiling: Scope that every session of it is cut to.
        purposes: Names it may declare.
        budgets: By unit, for one session.
        room_budgets: By unit, across its open sessions.
        sessions: Open at once.
        depth: Of delegation.
        tier: 1 observe, 2 propose, 3 execute in bounds, 4 production.
        baseline: Millionths of each effect family in its ordinary work.
    """

    name: str
    ceiling: Scope
    purposes: tuple[str, ...]
    budgets: Mapping[str, int]
    room_budgets: Mapping[str, int] = field(default_factory=dict)
    sessions: int = 8
    depth: int = 1
    tier: int = 3
    baseline: Mapping[str, int] = field(default_factory=dict)


def _unlabelled(_path: str) -> int:
    return 0


def _foreign(_host: str) -> bool:
    return False


def _anything(_effect: AnyEffect, _view: "View") -> int:
    return -1


@dataclass(frozen=True, slots=True)
class Policy:
    """One policy, whole.

    Attributes:
        digest: Of the canonical form of its documents and bindings.
        workspace: Absolute directories that `${workspace}` stands for.
        home: Absolute directory that `${home}` stands for.
        rules: By effect kind, ordered by law and id.
        settings: Numbers of the patterns, thresholds and caps, by name.
        profiles: argv profiles; made by the shell analysis.
        tools: Tool map by tool name.
        own: Absolute directories and files of the gate itself (policy, keys, evidence,
            state, program), which no rule can open.
        kernel: Digest of code, grammar and profiles that the policy was compiled with.
        touched: Sets of paths, by bit, that a file effect may touch; -1: not known.
    """

    name: str
    version: str
    digest: str
    workspace: tuple[str, ...]
    home: str
    rules: Mapping[str, tuple[Rule, ...]]
    purposes: Mapping[str, Purpose]
    principals: Mapping[str, Principal]
    settings: Mapping[str, int]
    laws: frozenset[int]
    profiles: Any = None
    tools: Mapping[str, Any] = field(default_factory=dict)
    label_of: Callable[[str], int] = _unlabelled
    internal: Callable[[str], bool] = _foreign
    own: tuple[str, ...] = ()
    kernel: str = ""
    touched: Callable[[AnyEffect, "View"], int] = _anything
