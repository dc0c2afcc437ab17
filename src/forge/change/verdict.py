"""The verdict on a plan: by the gate on the boundary, or by the same kernel here.

Who decides:

- the gate, wherever it answers (`by_gate` reads what it said);
- this process, under `policies/infra` and marked so, only where there is no gate:
  `install` before the first one, `repair` while it is dead and with a steward's
  signature under exactly this plan;
- `preview` is this process as well: what the laws say to a plan that nobody runs yet.
  It is never a reason to touch a host.

In-process nothing is known of earlier runs; that is the gate's memory. No path computes
a verdict of its own: all of them read a decision of :mod:`clawlaw.core.kernel`.

What a role asks for::

    proposal = propose(plan, run)    # goes to the gate as it is
    verdict = by_gate(plan, answer)  # of the module forge.platform.clawlaw_change
    verdict = decide(plan, Path.INSTALL, now=ms)  # or, where there is no gate
    require(verdict, plan)  # raises unless exactly this plan is allowed
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from functools import cache
from typing import Any, Final

import msgspec

from clawlaw.core.actions import InfraApply
from clawlaw.core.analyse import analyse
from clawlaw.core.decode import to_proposal
from clawlaw.core.errors import ClawLawError
from clawlaw.core.facts import Approval, Facts
from clawlaw.core.policy import Policy
from clawlaw.gate.evaluator import Evaluation, Evaluator
from clawlaw.policy.builtin import builtin
from clawlaw.policy.compile import load
from clawlaw.record import NAMES, Opening, decision_fields, encode
from forge.change.model import Plan
from forge.change.proposal import Run, propose
from forge.errors import ForgeError

POLICY: Final = "infra"
EXIT: Final[Mapping[str, int]] = {"allow": 0, "deny": 3, "escalate": 4}
INVALID: Final = 2


class Path(StrEnum):
    """Which way a verdict came about."""

    GATE = "gate"
    INSTALL = "install"
    REPAIR = "repair"
    PREVIEW = "preview"


# Whom the policy knows each way by; the gate enrols forge-controller alone.
PRINCIPALS: Final[Mapping[Path, str]] = {
    Path.INSTALL: "forge-installer",
    Path.REPAIR: "forge-repairer",
    Path.PREVIEW: "forge-controller",
}


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """What one law says to a plan; only what speaks against it.

    Attributes:
        rule: Its id; an approval names it.
        verdict: "deny" or "escalate".
        hosts: That the effect reaches; empty: the plan as a whole.
        is_waived: A steward approved it.
    """

    law: int
    rule: str
    verdict: str
    reason: str
    remedy: str = ""
    change: str = ""
    hosts: tuple[str, ...] = ()
    is_waived: bool = False


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """The verdict on exactly one plan.

    Attributes:
        verdict: "allow", "deny" or "escalate".
        path: Which way it came about; a role takes no `preview` for an answer.
        plan: Digest of the plan that was judged.
        policy: Digest of the policy; "" where the gate did not say it.
        kernel: Digest of the kernel, likewise.
        action: Digest that an approval names, likewise.
        principal: Who asked.
        decision: Id of the decision in the gate's log, "" in-process.
        findings: What speaks against it, the strictest first.
        gates: Rules that a steward would have to approve, sorted; empty unless the
            verdict is "escalate".
        escalation: Id that `clawlaw steward approve` takes, "" in-process.
        deadline: Of the escalation, milliseconds since the epoch.
        permit: Of the gate, single use; "" in-process. A secret.
        approvals: Ids of the approvals that this decision used up.
        record: The decision record of an in-process verdict, canonical JSON: given to
            the gate's log when it answers again.
        approval: The file that a steward signed for a repair; "" otherwise.
    """

    verdict: str
    path: Path
    plan: str
    reason: str
    principal: str = ""
    remedy: str = ""
    policy: str = ""
    kernel: str = ""
    action: str = ""
    decision: str = ""
    findings: tuple[Said, ...] = ()
    gates: tuple[str, ...] = ()
    escalation: str = ""
    deadline: int = 0
    permit: str = ""
    approvals: tuple[str, ...] = ()
    record: str = ""
    approval: str = ""

    @property
    def exit_status(self) -> int:
        """0 allow, 3 deny, 4 escalate."""
        return EXIT.get(self.verdict, EXIT["deny"])


@cache
def policy_of(folder: str = "") -> Policy:
    """Return the compiled policy; read once.

    Args:
        folder: Another one than `policies/infra`: tests' only. No variable of a
            playbook leads here.

    Raises:
        ForgeError: It does not compile or an example of a rule does not hold.
    """
    try:
        return load(folder or builtin(POLICY))
    except ClawLawError as error:
        raise ForgeError(f"policies/{POLICY} cannot be used: {error}") from error


def decide(  # each is one thing that a decision rests on
    plan: Plan,
    path: Path,
    *,
    now: int,
    run: Run | None = None,
    approvals: Sequence[Approval] = (),
    evaluator: Evaluator | None = None,
) -> Verdict:
    """Judge a plan in this process, by the kernel that the gate runs.

    Args:
        plan: Held to its digest by whoever read it.
        path: `INSTALL`, `REPAIR` or `PREVIEW`; the gate's verdicts come from the gate.
        now: Milliseconds since the epoch.
        run: What else the proposal says.
        approvals: Of stewards, their signatures checked and none of them used before
            (:mod:`forge.change.approvals`).
        evaluator: With what earlier runs left behind; by default an empty room.

    Raises:
        ForgeError: The path is the gate's, or the plan makes no proposal.
    """
    if path not in PRINCIPALS:
        raise ForgeError(f"{path} does not decide in this process")
    evaluator = evaluator or Evaluator(policy_of())
    done = _evaluate(propose(plan, run), PRINCIPALS[path], now, approvals, evaluator)
    return _told(plan, path, done)


def by_gate(plan: Plan, answer: Mapping[str, Any]) -> Verdict:
    """Read what the gate answered to the proposal of a plan.

    Args:
        plan: That was proposed.
        answer: As `forge.platform.clawlaw_change` returns it: the gate's JSON, with
            the `session` that was asked in.

    Raises:
        ForgeError: It is no answer, or one to another plan. Both are denials.
    """
    # A gate that only observes says "allow" to everything, and what it would have said.
    verdict = answer.get("observed") or answer.get("verdict")
    if verdict not in EXIT or not isinstance(answer.get("id"), str):
        raise ForgeError("what came back is no answer of a gate: nothing is allowed")
    if answer.get("session") != propose(plan)["session"]:
        raise ForgeError("the gate answered for another plan: nothing is allowed")
    waiting = answer.get("escalation") or {}
    findings = tuple(
        Said(law=f["law"], rule=f["rule"], verdict=f["verdict"], reason=f["reason"])
        for f in answer.get("findings", ())
        if f["verdict"] in {"deny", "escalate"}
    )
    return Verdict(
        verdict=str(verdict),
        path=Path.GATE,
        plan=plan.digest,
        reason=str(answer.get("reason", "")),
        remedy=str(answer.get("remedy", "")),
        principal=PRINCIPALS[Path.PREVIEW],
        decision=str(answer["id"]),
        findings=_strictest_first(findings),
        gates=_gates(str(verdict), findings),
        escalation=str(waiting.get("id", "")),
        deadline=int(waiting.get("deadline", 0)),
        permit=str(answer.get("permit", "")),
    )


def require(verdict: Verdict, plan: Plan) -> None:
    """Refuse a run unless a verdict allows exactly its plan.

    Raises:
        ForgeError: It does not; the message says what would.
    """
    if verdict.plan != plan.digest:
        raise ForgeError(
            f"the verdict is for plan {verdict.plan}, this run is {plan.digest}",
            remedy="run the change gate again",
        )
    if verdict.path is Path.PREVIEW:
        raise ForgeError("a preview allows nothing", remedy="run the change gate")
    if verdict.verdict != "allow":
        raise ForgeError(
            f"{verdict.verdict.upper()} by {verdict.path}: {verdict.reason}",
            remedy=verdict.remedy or None,
        )


def _evaluate(
    proposal: Mapping[str, Any],
    principal: str,
    now: int,
    approvals: Sequence[Approval],
    evaluator: Evaluator,
) -> Evaluation:
    try:
        asked = to_proposal({**proposal, "principal": principal})
        evaluator.open(Opening(principal, asked.session))
        effects = analyse(asked, evaluator.policy).effects
    except ClawLawError as error:
        raise ForgeError(f"the plan is no proposal: {error}") from error
    # The roles perform what is judged and nothing besides: they demand this verdict.
    facts = Facts(now, approvals=tuple(approvals), mediated=True)
    done = evaluator.judge(asked, effects, facts)
    evaluator.commit(done)
    return done


def _told(plan: Plan, path: Path, done: Evaluation) -> Verdict:
    decision = done.decision
    findings = tuple(
        Said(
            law=found["law"],
            rule=found["rule"],
            verdict=found["verdict"],
            reason=found["reason"],
            remedy=found["remedy"],
            is_waived=found["waived"],
            **_at(done, found["effect"]),
        )
        for found in decision_fields(decision)["findings"]
        if found["verdict"] in {"deny", "escalate"}
    )
    verdict = NAMES[decision.verdict]
    return Verdict(
        verdict=verdict,
        path=path,
        plan=plan.digest,
        reason=decision.reason,
        remedy=decision.remedy,
        principal=done.proposal.principal,
        policy=decision.policy,
        kernel=decision.kernel,
        action=decision.action,
        findings=_strictest_first(findings),
        gates=_gates(verdict, findings),
        approvals=decision.delta.consumed,
        record=encode(done.record()).decode(),
    )


def _at(done: Evaluation, index: int) -> dict[str, Any]:
    effect = done.effects[index] if 0 <= index < len(done.effects) else None
    if not isinstance(effect, InfraApply):
        return {}
    return {"change": effect.change, "hosts": effect.hosts}


def _strictest_first(findings: tuple[Said, ...]) -> tuple[Said, ...]:
    return tuple(sorted(findings, key=lambda f: f.verdict != "deny"))


def _gates(verdict: str, findings: tuple[Said, ...]) -> tuple[str, ...]:
    if verdict != "escalate":
        return ()
    asked = (f for f in findings if f.verdict == "escalate" and not f.is_waived)
    return tuple(sorted({f.rule for f in asked}))
