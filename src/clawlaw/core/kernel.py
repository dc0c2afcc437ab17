"""The decision: one function of proposal, effects, facts, state and policy.

    effects, in the order in which they would happen
      each: the ten laws (policy rules, then what data cannot say), the patterns
      an effect that no rule claims: DENY, an opaque one ESCALATE
    the proposal: who asks, risk, approvals, patterns over all of it
    verdict = the strictest finding: deny > escalate > allow; nothing at all: DENY

`decide` changes nothing that it is given and never raises: whatever goes wrong inside
is a denial. `apply` and `settle` take over the state that they are given and return
it; their work is proportional to the action.
"""

import hashlib
from collections.abc import Callable, Sequence

import msgspec

from clawlaw.core import composition, risk
from clawlaw.core.actions import KIND_OF, MAX_EFFECTS, AnyEffect, Opaque, Proposal
from clawlaw.core.approval import Grants, granted
from clawlaw.core.budget import LEVELS
from clawlaw.core.decision import Contribution, Decision, Delta, Finding, Verdict
from clawlaw.core.errors import ClawLawError, UnsoundError
from clawlaw.core.facts import Facts
from clawlaw.core.laws import LAWS
from clawlaw.core.policy import Policy, Principal, Purpose, Rule
from clawlaw.core.prepared import FILES, Prepared
from clawlaw.core.sessions import apply, open_session, settle
from clawlaw.core.sound import check_session, plain
from clawlaw.core.state import Scope, State
from clawlaw.core.view import View
from clawlaw.core.working import Working

__all__ = [
    "action_digest",
    "apply",
    "decide",
    "open_session",
    "settle",
]

type Judge = Callable[[AnyEffect, int, View], list[Finding]]

KERNEL = 8  # findings that no single effect explains are matters of authority
EVALUATED = tuple(law.NUMBER for law in LAWS)
NOBODY = Principal("", Scope(purpose=""), (), {}, tier=1)
NO_PURPOSE = Purpose("", frozenset(), off=Verdict.DENY)
_ALLOW = Verdict.ALLOW
_ENCODER = msgspec.json.Encoder(order="deterministic")


def decide(
    proposal: Proposal,
    effects: Sequence[AnyEffect],
    facts: Facts,
    state: State,
    policy: Policy,
) -> Decision:
    """Judge one proposal.

    Args:
        proposal: As decoded.
        effects: Of the analysis, in the order in which they would happen.
        facts: What the analysis asked for, as far as it could be told.
        state: Of the proposal's session and the room.
        policy: Compiled.

    Returns:
        The decision. The same arguments give the same decision, byte for byte, in
        every process and on every machine.
    """
    try:
        return _decide(proposal, tuple(effects), facts, state, policy)
    except Exception as error:  # noqa: BLE001  # whatever it is, it denies
        return _fault(error, state, policy)


def action_digest(proposal: Proposal, facts: Facts) -> str:
    """What an approval names: the action with everything that it would touch.

    Binds principal, session, tool, arguments, directory, purpose, declared effects,
    and of each path, pattern and program what it leads to (resolved path, device,
    inode, kind). The form is a JSON array of these with sorted object keys.

    Raises:
        UnicodeEncodeError: Text is not valid Unicode.
    """
    bound = _ENCODER.encode(
        (
            proposal.principal,
            proposal.session,
            proposal.tool,
            proposal.arguments,
            proposal.cwd,
            proposal.purpose,
            proposal.effects,
            facts.paths,
            facts.globs,
            facts.programs,
        )
    )
    return "sha256:" + hashlib.sha256(bound).hexdigest()


def _decide(
    proposal: Proposal,
    effects: tuple[AnyEffect, ...],
    facts: Facts,
    state: State,
    policy: Policy,
) -> Decision:
    action = action_digest(proposal, facts)
    view, findings = _admit(proposal, effects, facts, state, policy)
    for index, effect in enumerate(effects[:MAX_EFFECTS]):
        _judge(effect, index, view, findings)
    named, total = _assess(view, findings)
    grants = granted(proposal, facts, state, policy, action)
    if grants is not None:
        findings = _waive(findings, grants, view.prepared)
    # What no record could hold must not be allowed; encoding shows it.
    _ENCODER.encode((effects, findings))
    verdict, told = _worst(findings)
    composition.close(view, verdict, effects, findings)
    allowed = verdict is Verdict.ALLOW
    consumed = grants.used(findings) if grants is not None and allowed else ()
    level = view.account.after() if allowed else LEVELS[view.account.level]
    return Decision(
        verdict,
        told.reason,
        told.remedy,
        tuple(findings),
        total,
        named,
        level,
        view.work.delta(verdict, consumed, level),
        action,
        policy.digest,
        policy.kernel,
        EVALUATED,
    )


def _admit(
    proposal: Proposal,
    effects: tuple[AnyEffect, ...],
    facts: Facts,
    state: State,
    policy: Policy,
) -> tuple[View, list[Finding]]:
    """Who asks and for what, and what is wrong with that before any effect is seen."""
    session = state.session
    check_session(session)
    wrong: list[tuple[str, str]] = []
    principal = policy.principals.get(proposal.principal, NOBODY)
    if principal is NOBODY:
        wrong.append(("unknown-principal", "the principal is not enrolled"))
    if session.principal != proposal.principal or session.id != proposal.session:
        wrong.append(("other-session", "the session belongs to someone else"))
    scope = session.scope
    own = policy.purposes.get(scope.purpose, NO_PURPOSE)
    name = proposal.purpose or scope.purpose
    purpose = policy.purposes.get(name, NO_PURPOSE)
    if purpose is NO_PURPOSE or name not in principal.purposes:
        wrong.append(("unknown-purpose", "the purpose is none that it may have"))
    if scope.expires and facts.now >= scope.expires:
        wrong.append(("expired", "the session has expired"))
    if facts.now < 0:
        wrong.append(("no-clock", "the time is not known"))
    if not effects:
        wrong.append(("nothing", "nothing is proposed"))
    elif len(effects) > MAX_EFFECTS:
        reason = f"{len(effects)} effects, a proposal has at most {MAX_EFFECTS}"
        wrong.append(("too-many-effects", reason))
    view = View(
        proposal=proposal,
        policy=policy,
        facts=facts,
        work=Working(state),
        principal=principal,
        purpose=purpose,
        scope=scope,
    )
    if own is not purpose:
        view.purposes = (own, purpose)
    return view, [
        Finding(KERNEL, f"authority.{rule}", Verdict.DENY, reason)
        for rule, reason in wrong
    ]


# (number, judge, whether it says something of its own) of each law, by type of effect.
_JUDGES: dict[type, tuple[tuple[int, Judge, bool], ...]] = {
    kind: tuple(
        (law.NUMBER, law.judge, law.KINDS is None or kind in law.KINDS) for law in LAWS
    )
    for kind in KIND_OF
}


def _judge(effect: AnyEffect, index: int, view: View, findings: list[Finding]) -> None:
    """Every law, then the patterns, on one effect."""
    kind = KIND_OF[type(effect)]
    view.index, view.kind, view.claimed = index, kind, False
    view.rules = rules = _rules(effect, kind, view)
    for number, judge, speaks in _JUDGES[type(effect)]:
        # A law without a rule for this kind and without a word of its own abstains.
        if speaks or rules[number]:
            findings += judge(effect, index, view)
    if not view.claimed:
        findings.append(_unclaimed(effect, kind, index))
    findings += composition.observe(effect, index, view)


def _rules(effect: AnyEffect, kind: str, view: View) -> tuple[tuple[Rule, ...], ...]:
    """Rules of each law that may apply: those on paths, by the sets they are in."""
    if kind not in FILES:
        return view.prepared.rules[kind]
    try:
        touched = view.policy.touched(effect, view)
    except Exception:  # noqa: BLE001  # each rule then says that it cannot be evaluated
        touched = -1
    return view.prepared.narrowed(kind, touched)


def _unclaimed(effect: AnyEffect, kind: str, index: int) -> Finding:
    if isinstance(effect, Opaque):
        return Finding(
            KERNEL,
            "authority.opaque",
            Verdict.ESCALATE,
            f"not understood: {effect.reason}",
            index,
            "write it in a form that can be read, or ask a steward",
        )
    reason = f"no law allows {kind} here"
    return Finding(KERNEL, "authority.unclaimed", Verdict.DENY, reason, index)


def _assess(
    view: View, findings: list[Finding]
) -> tuple[tuple[Contribution, ...], int]:
    """Risk of the proposal; adds a finding where it reaches a threshold."""
    prepared = view.prepared
    risks = prepared.risks
    applied = {f.rule: risks[f.rule] for f in findings if f.rule in risks}
    if not applied and not view.work.labels:
        return (), 0
    named = risk.contributions(applied, view.work.labels, prepared.settings)
    total = risk.combine(tuple(c.risk for c in named))
    if total >= prepared.risk_deny:
        rule, verdict, limit = "authority.risk-deny", Verdict.DENY, prepared.risk_deny
    elif total >= prepared.risk_escalate:
        rule, verdict = "authority.risk", Verdict.ESCALATE
        limit = prepared.risk_escalate
    else:
        return named, total
    reason = f"the risk is {total} millionths, the limit {limit}"
    findings.append(Finding(KERNEL, rule, verdict, reason))
    return named, total


def _worst(findings: list[Finding]) -> tuple[Verdict, Finding]:
    """The strictest verdict, and the first finding that asks for it.

    Raises:
        UnsoundError: No finding asks for anything; who decides denies.
    """
    worst = Verdict.ABSTAIN
    told: Finding | None = None
    for finding in findings:
        verdict = _ALLOW if finding.waived else finding.verdict
        if verdict > worst:
            worst, told = verdict, finding
    if told is None:
        raise UnsoundError("no law says anything")
    return worst, told


def _waive(
    findings: list[Finding], grants: Grants, prepared: Prepared
) -> list[Finding]:
    """Mark what a steward waived; a denial stands unless its rule may be waived."""
    return [
        msgspec.structs.replace(f, waived=True)
        if f.verdict > Verdict.ALLOW
        and f.rule in grants.gates
        and prepared.waivable.get(f.rule, f.verdict is Verdict.ESCALATE)
        else f
        for f in findings
    ]


def _fault(error: Exception, state: State, policy: Policy) -> Decision:
    """A denial that needs nothing of what may be broken."""
    # The message of another error may hold an address, which no replay would give.
    told = error if isinstance(error, ClawLawError) else type(error).__name__
    reason = f"the decision failed ({told})"
    level = getattr(getattr(state, "session", None), "level", "halted")
    known = level if level in LEVELS else "halted"
    finding = Finding(KERNEL, "authority.fault", Verdict.DENY, reason)
    return Decision(
        Verdict.DENY,
        reason,
        "",
        (finding,),
        risk.WHOLE,
        (),
        known,
        Delta(denied=True, level=known),
        "",
        plain(getattr(policy, "digest", "")),
        plain(getattr(policy, "kernel", "")),
    )
