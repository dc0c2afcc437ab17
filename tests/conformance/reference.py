"""Runs one published case against this kernel under `policies/reference`.

The published fixtures name actions of the Swift reference (`writeFile`); here an
action is a proposal with effects. What the reference calls `reject` (its reducer
refused what its laws allowed) does not exist here: every refusal is a verdict.
"""

from typing import Any

import msgspec

from clawlaw.core import kernel
from clawlaw.core.actions import (
    AnyEffect,
    MemoryWrite,
    ModelGenerate,
    PolicyChange,
    Proposal,
)
from clawlaw.core.analyse import analyse
from clawlaw.core.budget import increase, reconcile, reset
from clawlaw.core.decision import Decision, Finding, Verdict
from clawlaw.core.decode import decode_proposal
from clawlaw.core.errors import ProposalError
from clawlaw.core.facts import Approval, Facts
from clawlaw.core.policy import Policy
from clawlaw.core.state import Room, Session, State
from clawlaw.gate.standard import NOW, standard_tree
from clawlaw.policy.builtin import builtin
from clawlaw.policy.compile import load
from clawlaw.policy.paths import Bindings

type Fixture = dict[str, Any]

UNIT = "tokens"
WORDS = {Verdict.ALLOW: "allow", Verdict.ESCALATE: "escalate", Verdict.DENY: "deny"}
# The six published laws and the rules that stand for them.
RULES = {
    "EnforcementGate": ("resource.gated", "resource.over-ceiling", "resource.halted"),
    "SandboxBoundary": ("sandbox-boundary.inside", "sandbox-boundary.outside"),
    "ProtectedPattern": ("protected-pattern",),
    "DeletionApproval": ("deletion-approval",),
    "ShellCommandApproval": ("shell-command-approval",),
    "OutboundComm": ("outbound-comm",),
}
NUMBERS = {"EnforcementGate": 4, "SandboxBoundary": 0, "ProtectedPattern": 0}
# What a law says where none of its rules has a finding: the reference's protected
# patterns allow any path that does not match, its other laws abstain.
SILENT = {"EnforcementGate": "allow", "ProtectedPattern": "allow"}


class Case:
    """One case while it runs: a session, a room and what the last action came to."""

    def __init__(self, fixture: Fixture) -> None:
        given = fixture["input"]
        config, state = given["config"], given["state"]
        self.policy = reference(tuple(config["writable"]))
        if config.get("laws") == []:
            self.policy = without_laws(self.policy)
        session = kernel.open_session(self.policy, "agent", "case")
        scope = msgspec.structs.replace(
            session.scope, budgets={UNIT: config["ceiling"]}
        )
        session = msgspec.structs.replace(
            session, scope=scope, spend={UNIT: state["spend"]}, level=state["level"]
        )
        self.state = State(reconcile(session, self.policy), Room())

    @property
    def session(self) -> Session:
        return self.state.session

    @property
    def spend(self) -> int:
        return self.session.spend.get(UNIT, 0)

    def act(self, action: Fixture) -> Decision | None:
        """Perform a step; a steward's act has no decision."""
        if action.get("by") == "steward":
            change = {
                "increaseBudget": lambda s: increase(s, UNIT, action["ceiling"]),
                "resetBudget": reset,
            }[action["kind"]]
            self.state = State(change(self.session), self.state.room)
            return None
        decision = self.decide(action)
        if decision is not None:
            kernel.apply(self.state, decision.delta)
        return decision

    def decide(self, action: Fixture) -> Decision | None:
        """The verdict on an action; `None` where its bytes are not a proposal."""
        try:
            proposal, effects, facts = self.read(action)
        except ProposalError:
            return None
        facts = msgspec.structs.replace(
            facts, approvals=self.approvals(action, proposal, effects, facts)
        )
        return kernel.decide(proposal, effects, facts, self.state, self.policy)

    def read(self, action: Fixture) -> tuple[Proposal, tuple[AnyEffect, ...], Facts]:
        """Proposal, effects and facts of an action.

        Raises:
            ProposalError: What arrives is no proposal.
        """
        tree = standard_tree("/workspace", "/home/agent", sandbox=False)
        if action["kind"] == "raw":
            decode_proposal(bytes.fromhex(action["bytes"]))
        tool, arguments = tool_of(action)
        raw = {
            "principal": "agent", "session": "case", "cwd": "/workspace",
            "tool": tool, "arguments": arguments, "goal": action.get("goal", ""),
        }  # fmt: skip
        proposal = decode_proposal(msgspec.json.encode(raw))
        direct = effect_of(action)
        if direct is not None:
            return proposal, (direct,), Facts(now=NOW)
        found = analyse(proposal, self.policy)
        return proposal, found.effects, tree.gather(found.request)

    def approvals(
        self,
        action: Fixture,
        proposal: Proposal,
        effects: tuple[AnyEffect, ...],
        facts: Facts,
    ) -> tuple[Approval, ...]:
        """What a steward approved of this action, or of another one."""
        approved = action.get("approved")
        other = action.get("approved_action")
        if not approved and not other:
            return ()
        if other:
            proposal, effects, facts = self.read(other)
        shown = kernel.decide(proposal, effects, facts, self.state, self.policy)
        gates = {f.rule for f in shown.findings if f.verdict > Verdict.ALLOW}
        if isinstance(approved, list):
            gates = {rule for law in approved for rule in RULES[law]}
        return (
            Approval(
                action=kernel.action_digest(proposal, facts),
                policy=action.get("approved_policy", self.policy.digest),
                gates=tuple(sorted(gates)),
                approver="steward",
                expires=NOW - 1 if action.get("expired") else NOW + 60_000,
            ),
        )


def tool_of(action: Fixture) -> tuple[str, dict[str, Any]]:
    """The tool call of a published action."""
    match action["kind"]:
        case "writeFile":
            return "write", {"path": action["path"], "content": "text"}
        case "deleteFile":
            return "delete", {"path": action["path"]}
        case "executeShellCommand":
            return "exec", {"command": action["command"]}
        case "sendEmail":
            return "send", {"to": action["recipient"], "body": "text"}
    return action.get("tool", "steward"), {}


def effect_of(action: Fixture) -> AnyEffect | None:
    """The effect of a published action that no tool has."""
    match action["kind"]:
        case "research":
            return ModelGenerate("any", action["estimatedTokens"])
        case "increaseBudget" | "resetBudget":
            return PolicyChange("budget")
        case "approveAction" | "rejectAction":
            return PolicyChange("approval")
        case "unclaimed":
            return MemoryWrite("notes")
    return None


_LOADED: dict[tuple[str, ...], Policy] = {}


def reference(writable: tuple[str, ...]) -> Policy:
    """The published behaviour, bound to the writable paths."""
    if writable not in _LOADED:
        _LOADED[writable] = load(builtin("reference"), Bindings(writable))
    return _LOADED[writable]


def without_laws(policy: Policy) -> Policy:
    """The same policy with no rule in it."""
    changed = object.__new__(Policy)
    for name in Policy.__dataclass_fields__:
        value = {} if name == "rules" else getattr(policy, name)
        object.__setattr__(changed, name, value)
    return changed


def said(law: str, decision: Decision) -> str:
    """What a published law said in the trace of a decision."""
    found: list[Finding] = [f for f in decision.findings if f.rule in RULES[law]]
    if found:
        return WORDS[max(f.verdict for f in found)]
    return SILENT.get(law, "abstain")
