"""A gate with a policy of a few closures: what the kernel's and the laws' tests ask."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from clawlaw.core import kernel
from clawlaw.core.actions import KINDS, AnyEffect, Proposal
from clawlaw.core.decision import Decision, Finding, Verdict
from clawlaw.core.facts import Approval, Facts, PathFact, ProgramFact
from clawlaw.core.policy import Policy, Principal, Purpose, Rule
from clawlaw.core.state import Room, Scope, State

BUDGETS = {"actions": 1000, "tokens": 10_000}
CEILING = Scope("develop", ("/workspace", "/tmp"), ("example.org", ".example.net"))  # noqa: S108  # data


def rule(  # one rule that says the same of everything, unless a test is given
    name: str,
    verdict: Verdict,
    *kinds: str,
    law: int = 0,
    test: Callable[..., Any] = lambda _effect, _view: True,
    risk: int = 0,
    waivable: bool | None = None,
) -> Rule:
    asks = verdict is Verdict.ESCALATE
    return Rule(
        name,
        law,
        frozenset(kinds) or KINDS,
        test,
        verdict,
        f"{name} applies",
        f"remedy of {name}",
        risk,
        asks if waivable is None else waivable,
    )


ALLOW = rule("test.allow", Verdict.ALLOW)


@dataclass
class Gate:
    """One session of principal "agent" under a small policy."""

    rules: tuple[Rule, ...] = (ALLOW,)
    settings: Mapping[str, int] = field(default_factory=dict)
    laws: frozenset[int] = frozenset({0, 4, 8})
    budgets: Mapping[str, int] = field(default_factory=lambda: BUDGETS)
    purposes: Mapping[str, Purpose] = field(default_factory=dict)
    principal: Mapping[str, Any] = field(default_factory=dict)
    own: tuple[str, ...] = ()
    scope: Scope | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        principal = Principal("agent", CEILING, ("develop", "review"), self.budgets)
        purposes = {
            "develop": Purpose("develop", KINDS),
            "review": Purpose("review", frozenset({"file.read", "process.exec"})),
        }
        self.policy = Policy(
            name="test",
            version="1.0.0",
            digest="sha256:policy",
            workspace=("/workspace",),
            home="/home/agent",
            rules={k: tuple(r for r in self.rules if k in r.kinds) for k in KINDS},
            purposes={**purposes, **self.purposes},
            principals={"agent": replace(principal, **self.principal)},
            settings=self.settings,
            laws=self.laws,
            own=self.own,
            kernel="sha256:kernel",
        )
        self.state = State(self.session(self.scope), Room())

    def session(self, scope: Scope | None = None, name: str = "s") -> Any:
        return kernel.open_session(self.policy, "agent", name, scope)

    def proposal(self, **changed: Any) -> Proposal:
        made: dict[str, Any] = {
            "principal": "agent",
            "session": "s",
            "tool": "exec",
            "arguments": {"command": "true"},
            "cwd": "/workspace",
        }
        return Proposal(**{**made, **changed})

    def look(self, *effects: AnyEffect, **changed: Any) -> Facts:
        """Facts in which every path is a plain file and every program is found."""
        named = [
            getattr(e, f, "")
            for e in effects
            for f in ("path", "to", "target")
            if not getattr(e, "glob", False)
        ]
        paths = {p: PathFact(p, "file", 1, 1) for p in named if p.startswith("/")}
        names = {getattr(e, "program", "") for e in effects} - {""}
        programs = {name: ProgramFact(f"/usr/bin/{name}") for name in sorted(names)}
        made: dict[str, Any] = {"now": 1000, **self.facts, **changed}
        made["paths"] = paths | made.get("paths", {})
        made["programs"] = programs | made.get("programs", {})
        return Facts(**made)

    def decide(
        self,
        *effects: AnyEffect,
        proposal: Mapping[str, Any] | None = None,
        **facts: Any,
    ) -> Decision:
        return kernel.decide(
            self.proposal(**(proposal or {})),
            effects,
            self.look(*effects, **facts),
            self.state,
            self.policy,
        )

    def act(self, *effects: AnyEffect, **more: Any) -> Decision:
        """Decide and let it take effect."""
        decision = self.decide(*effects, **more)
        kernel.apply(self.state, decision.delta)
        return decision

    def approval(self, decision: Decision, *gates: str, **changed: Any) -> Approval:
        """A steward's yes to the gates, by default to every one that asked."""
        asked = tuple(
            f.rule for f in decision.findings if f.verdict is Verdict.ESCALATE
        )
        made: dict[str, Any] = {
            "action": decision.action,
            "policy": self.policy.digest,
            "gates": gates or asked,
            "approver": "steward",
            "expires": 2000,
        }
        return Approval(**{**made, **changed})

    def say(self, effect: AnyEffect, **facts: Any) -> dict[str, Finding]:
        """What the laws say to one effect, by rule, what the policy says left out."""
        decision = self.decide(effect, **facts)
        return {f.rule: f for f in decision.findings if f.rule != "test.allow"}


@pytest.fixture
def gate() -> Callable[..., Gate]:
    return Gate


@pytest.fixture
def make_rule() -> Callable[..., Rule]:
    return rule
