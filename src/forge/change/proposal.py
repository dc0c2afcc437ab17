"""A plan as one proposal to ClawLaw: what it does, as effects that laws can judge.

Nothing is decided here. Every class of change becomes one effect `infra.apply` with the
hosts that it reaches, and with the numbers that the laws ask for: how many voters, how
many members of a role, how many flows, how many minor versions. The effects stand in a
fixed order, so that the same plan is the same proposal, byte for byte.
"""

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from clawlaw.core.actions import MAX_EFFECTS, InfraApply
from clawlaw.core.canonical import Json
from forge.change.groups import member_effects, quorum_effects
from forge.change.model import Effect, Impact, Plan
from forge.change.separation import separation_effects
from forge.change.skew import version_effects
from forge.change.tiers import tiers_of
from forge.errors import ForgeError

TOOL: Final = "forge.apply"
APPLIER: Final = "forge"  # the tool in the effects
CWD: Final = "/"
SESSION_DIGITS: Final = 24  # of the plan's digest; one session a plan
DESTRUCTIVE: Final = frozenset(
    {Effect.HOST_REINSTALL, Effect.DATA_LOSS, Effect.STORAGE_REMOVED}
)
# Told with numbers of their own, by the modules imported above.
_COUNTED: Final = frozenset(
    {
        Effect.QUORUM_CHANGE,
        Effect.VERSION_CHANGE,
        Effect.FLOW_OPENED,
        Effect.FLOW_CLOSED,
        Effect.TAINT_CHANGE,
    }
)


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """What a run says beside its plan.

    Attributes:
        commit: Of the tree, with "-dirty" where it was changed; "" where unknown.
        opens: Of the declared window that is open or comes next, milliseconds since
            the epoch.
        closes: Its end; 0: the inventory declares no window.
    """

    commit: str = ""
    opens: int = 0
    closes: int = 0


def propose(plan: Plan, run: Run | None = None) -> dict[str, Json]:
    """Return the proposal of a plan, as it goes to the gate.

    The same mapping is judged in-process; who proposes is said by whoever asks, never
    by the proposal.

    Args:
        plan: As made; its digest is taken as it is.
        run: What else is known of the run.

    Raises:
        ForgeError: It would have more effects than a person can review.
    """
    run = run or Run()
    effects = effects_of(plan)
    if len(effects) >= MAX_EFFECTS:
        raise ForgeError(
            f"the plan has {len(effects)} classes of changes, at most {MAX_EFFECTS - 1}"
            " are judged at once",
            remedy="take on fewer hosts at a time with --limit",
        )
    # Empty fields say nothing, and a person reads this.
    arguments: dict[str, Json] = {
        "plan": plan.digest,
        "applied": plan.applied_digest,
        "inputs": _json(plan.inputs),
        "scope": _json(plan.scope),
    }
    arguments |= {k: v for k, v in _said(run).items() if v}
    return {
        "session": session_of(plan),
        "tool": TOOL,
        "arguments": arguments,
        "cwd": CWD,
        "id": plan.digest,
        "effects": [_plain(effect) for effect in effects],
    }


def session_of(plan: Plan) -> str:
    """Return the session of a plan: an approval counts in the one that was asked."""
    return "plan-" + plan.digest.removeprefix("sha256:")[:SESSION_DIGITS]


def effects_of(plan: Plan) -> list[InfraApply]:
    """Return what a plan does, one effect for each class of change."""
    return [
        *separation_effects(plan),
        *quorum_effects(plan),
        *member_effects(plan),
        *version_effects(plan),
        *_flows(plan),
        *_plain_effects(plan),
    ]


def named_in(limit: str) -> frozenset[str]:
    """Return the words of a limit; a host counts as named if it is one of them."""
    return frozenset(limit.replace(",", " ").replace(":", " ").split())


def hosts_by_effect(impacts: Iterable[Impact]) -> Mapping[Effect, tuple[str, ...]]:
    """Return the hosts of each class of effect, sorted, without repeats."""
    found: dict[Effect, set[str]] = {}
    for impact in impacts:
        for effect in impact.effects:
            found.setdefault(effect, set()).update(impact.hosts)
    return {effect: tuple(sorted(found[effect])) for effect in sorted(found)}


def _plain_effects(plan: Plan) -> Iterable[InfraApply]:
    """Classes of changes that need no numbers, hosts that destroy one by one."""
    named = named_in(plan.scope.limit)
    for effect, hosts in hosts_by_effect(plan.impacts).items():
        if effect in _COUNTED:
            continue
        if effect not in DESTRUCTIVE or plan.is_first:
            yield _effect(plan, effect, hosts)
            continue
        said = tuple(h for h in hosts if h in named)
        unsaid = tuple(h for h in hosts if h not in named)
        for part, target in ((said, ", ".join(said)), (unsaid, "")):
            if part:
                yield _effect(plan, effect, part, target=target, destructive=True)
        if not hosts:
            yield _effect(plan, effect, hosts, target="", destructive=True)


def _effect(
    plan: Plan,
    effect: Effect,
    hosts: tuple[str, ...],
    *,
    target: str = "",
    destructive: bool = False,
) -> InfraApply:
    return msgspec.convert(
        {
            "tool": APPLIER,
            "target": target,
            "destructive": destructive,
            "change": effect.value,
            "hosts": hosts,
            "tiers": tiers_of(plan, hosts),
        },
        InfraApply,
    )


def _flows(plan: Plan) -> Iterable[InfraApply]:
    by_effect = hosts_by_effect(plan.impacts)
    for effect, flows in (
        (Effect.FLOW_OPENED, plan.blast.flows_opened),
        (Effect.FLOW_CLOSED, plan.blast.flows_closed),
    ):
        hosts = by_effect.get(effect, ())
        if flows or hosts:
            made = _effect(plan, effect, hosts, target="; ".join(flows))
            yield msgspec.structs.replace(made, count=max(len(flows), 1))


def _said(run: Run) -> dict[str, Json]:
    return {"commit": run.commit, "opens": run.opens, "closes": run.closes}


def _plain(effect: InfraApply) -> Json:
    """Return an effect without the fields that say nothing."""
    whole = _json(effect)
    return {k: v for k, v in whole.items() if v not in ("", [], 0, False)}


def _json(value: msgspec.Struct) -> dict[str, Json]:
    """Return a struct as what JSON would give back."""
    return msgspec.json.decode(msgspec.json.encode(value), type=dict)
