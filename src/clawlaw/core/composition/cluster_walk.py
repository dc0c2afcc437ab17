"""cluster_walk: objects of a cluster, each fine, that together are not.

Meaning: what admission cannot see, since it judges one object. A role that reads every
Secret, bound to the account of a workload that is reached from outside, in whatever
order they come; a script in a ConfigMap and a workload that runs with it; replicas that
are taken one after the other; a disruption budget that is lowered, and then an eviction
or replicas that are taken.

Window: none: what was applied stays, also where it was taken away again. In a namespace
whose guard was lowered, every eviction and every replica less is asked about from then
on.

Threshold: the last of the parts; what is left is no majority of the most replicas that
were applied; after a lowered guard one eviction or one replica.
"""

from hashlib import sha256
from typing import Final

from clawlaw.core.actions import KubeApply, KubeDelete
from clawlaw.core.composition.step import Pattern, Step
from clawlaw.core.decision import Finding, Verdict
from clawlaw.core.state import pack, unpack

PATTERN: Final = Pattern(
    name="cluster_walk",
    law=9,
    remedy="A steward looks at the earlier objects together with this one.",
)
TABLE: Final = "kube"  # of the room: a cluster outlives its sessions
_CHAIN: Final = ("reads-secrets", "runs", "published")
_PARTS: Final = (*_CHAIN, "binds")  # what is remembered, and named
_ID_BYTES: Final = 5
_ID: Final = 1 << 40  # above every rank
_DEPTH: Final = 24  # a tree of rank n has 2^n members, and the table 2^16 keys
_MOST: Final = (1 << 16) - 1


class _FullError(Exception):
    """The table cannot tell one object from another any more."""


def check(step: Step, effect: KubeApply) -> Finding | None:
    """One object, by those that were applied before it."""
    if not effect.seen:
        return None
    try:
        # All of them: each remembers, and a steward may approve what one asks about.
        found = [look(step, effect) for look in (_code, _replicas, _guards, _chain)]
    except _FullError:
        reason = "what earlier steps applied cannot be told apart any more"
        return step.finding(PATTERN, Verdict.ESCALATE, reason)
    return next((finding for finding in found if finding is not None), None)


def delete(step: Step, effect: KubeDelete) -> None:
    """A guard that is removed counts as one that was lowered."""
    if effect.resource.lower().startswith(("poddisruptionbudget", "pdb")):
        _note(step, f"{effect.namespace}/unguarded")


def _get(step: Step, key: str) -> int:
    value = step.work.of_room(TABLE, key)
    if value is None:
        raise _FullError
    return value


def _note(step: Step, key: str, value: int = 1) -> None:
    step.work.put_value(TABLE, key, pack(value, step.work.action))


def _who(step: Step, *keys: str) -> list[str]:
    """The earlier actions that last set these keys, each once, as they are asked."""
    authors = step.work.state.room.authors
    return list(dict.fromkeys(authors[key] for key in keys if key in authors))


def _code(step: Step, effect: KubeApply) -> Finding | None:
    """A ConfigMap with code and what runs with it, whichever comes first."""
    said = None
    if "code" in effect.traits:
        own = f"{effect.namespace}/configmaps/{effect.name}"
        _note(step, f"{own}/code")
        if _get(step, f"{own}/used"):
            reason = f"a workload runs with {effect.name}, which now holds code"
            said = _says(step, reason, _who(step, f"{own}/used"))
    for name in effect.uses:
        key = f"{effect.namespace}/{name}"
        _note(step, f"{key}/used")
        if _get(step, f"{key}/code"):
            reason = f"{effect.name} runs with {name}, which was given code"
            said = said or _says(step, reason, _who(step, f"{key}/code"))
    return said


def _replicas(step: Step, effect: KubeApply) -> Finding | None:
    if "scaled" not in effect.traits:
        return None
    key = f"{effect.namespace}/{effect.resource}/{effect.name}"
    most, _ = unpack(_get(step, f"{key}/most"))
    left = min(effect.kept, _MOST)
    if left >= most:
        if left > most:
            _note(step, f"{key}/most", left)
        return None
    if left < most // 2 + 1:
        # Takes effect where a steward approved it: then it is what should be there.
        _note(step, f"{key}/most", left)
        reason = (
            f"{left} of {most} replicas of {effect.name} would be left: no majority"
        )
        return _says(step, reason, _who(step, f"{key}/most", f"{key}/fewer"))
    _note(step, f"{key}/fewer", left)
    lowered = f"{effect.namespace}/unguarded"
    if not _get(step, lowered):
        return None
    reason = f"{effect.name} loses replicas after a disruption budget was lowered"
    return _says(step, reason, _who(step, f"{key}/most", lowered))


def _guards(step: Step, effect: KubeApply) -> Finding | None:
    lowered = f"{effect.namespace}/unguarded"
    if "guards" in effect.traits:
        key = f"{effect.namespace}/guards/{effect.name}"
        most, _ = unpack(_get(step, key))
        if not effect.kept or effect.kept < most:
            _note(step, lowered)
        if effect.kept > most:
            _note(step, key, min(effect.kept, _MOST))
    elif "evicts" in effect.traits and _get(step, lowered):
        reason = f"{effect.name} is evicted after a disruption budget was lowered"
        return _says(step, reason, _who(step, lowered))
    return None


def _chain(step: Step, effect: KubeApply) -> Finding | None:
    """Objects that belong together, as disjoint sets joined by rank.

    A set keeps, for each part, the object that has it, so that joining two sets loses
    neither the part nor who applied it.
    """
    own = _number(f"{effect.namespace}/{effect.joins[0]}") if effect.joins else 0
    if not own:
        return None
    parts: dict[str, int] = {}
    root = _find(step, own)
    for name in effect.joins[1:]:
        root = _join(step, root, _find(step, _number(f"{effect.namespace}/{name}")))
    for part in _PARTS:
        holder = _get(step, f"{root:x}/{part}")
        if holder:
            parts[part] = holder
    earlier = [f"{holder:x}/applied" for holder in parts.values() if holder != own]
    for part in effect.traits:
        if part in _PARTS and part not in parts:
            step.work.put_value(TABLE, f"{root:x}/{part}", own)
            parts[part] = own
    if not parts.keys().isdisjoint(effect.traits):
        _note(step, f"{own:x}/applied")
    if not all(part in parts for part in _CHAIN) or not earlier:
        return None
    reason = (
        f"with it a workload of {effect.namespace} that is reached from outside "
        "reads every Secret"
    )
    return _says(step, reason, sorted(_who(step, *earlier), key=_order))


def _find(step: Step, member: int) -> int:
    for _ in range(_DEPTH):
        above = _get(step, f"{member:x}")
        if above < _ID:
            return member
        member = above
    raise _FullError


def _join(step: Step, one: int, other: int) -> int:
    """Put the lower tree below the higher one, with all that it holds."""
    if one == other:
        return one
    rank, more = _get(step, f"{one:x}"), _get(step, f"{other:x}")
    if more > rank:
        one, other = other, one
    step.work.put_value(TABLE, f"{other:x}", one)
    if rank == more:
        step.work.put_value(TABLE, f"{one:x}", rank + 1)
    for part in _PARTS:
        holder = _get(step, f"{other:x}/{part}")
        if holder and not _get(step, f"{one:x}/{part}"):
            step.work.put_value(TABLE, f"{one:x}/{part}", holder)
    return one


def _number(name: str) -> int:
    return _ID | int.from_bytes(sha256(name.encode()).digest()[:_ID_BYTES])


def _order(name: str) -> tuple[str, int]:
    session, _, number = name.rpartition("#")
    return session, int(number)


def _says(step: Step, reason: str, because: list[str]) -> Finding:
    return step.finding(PATTERN, Verdict.ESCALATE, reason, because)
