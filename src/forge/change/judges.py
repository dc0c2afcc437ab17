"""Looks at values: which of the effects that a row allows a change really has.

A judge may leave out what the values rule out, and may add what rows say about parts of
them. What it cannot read keeps all effects of its row.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from packaging.version import InvalidVersion, Version

from forge.change.effects import Row, Table
from forge.change.flows import Reach
from forge.change.model import Change, Effect, Kind

_FLOWS = frozenset({Effect.FLOW_OPENED, Effect.FLOW_CLOSED})


class Parts(NamedTuple):
    """What parts of a change do: their effects, services and reasons."""

    effects: frozenset[Effect]
    services: frozenset[str] = frozenset()
    whys: tuple[str, ...] = ()
    minutes: int = 0


type Judgement = Callable[[Change, Row, Table, Reach | None], Parts]


def judged(change: Change, row: Row, table: Table, reach: Reach | None) -> Parts:
    """Return what a change does by its row and its values.

    Args:
        change: With the values.
        row: Of the change's subject.
        table: Where the rows of parts are.
        reach: Connections that all changes together open and close; None where that
            cannot be told.
    """
    judge = _JUDGES.get(row.judge)
    # What a value will be cannot be told: nothing of its row is ruled out.
    if judge is None or change.kind is Kind.UNKNOWN:
        return Parts(row.of(change.kind), frozenset(row.services))
    return judge(change, row, table, reach)


def components(names: set[str], kind: Kind, table: Table) -> Parts:
    """Return what it does to add or remove components."""
    return _rows({f"component.{name}" for name in names}, kind, table)


def _rows(subjects: set[str], kind: Kind, table: Table) -> Parts:
    effects: set[Effect] = set()
    services: set[str] = set()
    whys: list[str] = []
    minutes = 0
    for subject in sorted(subjects):
        row = table.row(subject)
        name = subject.partition(".")[2]
        if row is None:
            effects.add(Effect.UNKNOWN)
            whys.append(f"{name} has no row in the effects table")
            continue
        effects |= row.of(kind)
        minutes = max(minutes, row.minutes)
        services.add(name)
        whys.append(f"{name} {kind}: {row.why}")
    return Parts(frozenset(effects), frozenset(services), tuple(whys), minutes)


def _components(change: Change, row: Row, table: Table, _: Reach | None) -> Parts:
    before, after = _names(change.before), _names(change.after)
    if before is None or after is None:
        return Parts(row.of(change.kind))
    gone = components(before - after, Kind.REMOVED, table)
    come = components(after - before, Kind.ADDED, table)
    return _together(gone, come)


def _groups(change: Change, row: Row, table: Table, reach: Reach | None) -> Parts:
    before, after = _names(change.before), _names(change.after)
    if before is None or after is None:
        return Parts(row.of(change.kind))
    left = _rows({f"groups.{name}" for name in before - after}, Kind.REMOVED, table)
    joined = _rows({f"groups.{name}" for name in after - before}, Kind.ADDED, table)
    both = _together(left, joined)
    return both._replace(effects=both.effects | _moved(reach), services=frozenset())


def _together(one: Parts, other: Parts) -> Parts:
    return Parts(
        one.effects | other.effects or frozenset({Effect.NOTHING}),
        one.services | other.services,
        one.whys + other.whys,
        max(one.minutes, other.minutes),
    )


def _flows(change: Change, row: Row, _: Table, reach: Reach | None) -> Parts:
    effects, services = row.of(change.kind), frozenset(row.services)
    if reach is None:
        why = "which connections it opens cannot be told"
        return Parts(effects | {Effect.UNKNOWN}, services, (why,))
    kept = (effects - _FLOWS) | _moved(reach)
    return Parts(kept or frozenset({Effect.NOTHING}), services)


def _moved(reach: Reach | None) -> frozenset[Effect]:
    """Return whether connections open or close; both where that cannot be told."""
    if reach is None:
        return _FLOWS
    opened = {Effect.FLOW_OPENED} if reach.opened else set()
    return frozenset(opened | ({Effect.FLOW_CLOSED} if reach.closed else set()))


def _taints(change: Change, row: Row, _: Table, __: Reach | None) -> Parts:
    before, after = _taint_set(change.before), _taint_set(change.after)
    if before is None or after is None:
        return Parts(row.of(change.kind))
    if before == after:
        return Parts(frozenset({Effect.NOTHING}))
    if any(effect == "NoExecute" for *_rest, effect in after - before):
        return Parts(row.of(change.kind), whys=("it sends Pods away at once",))
    return Parts(frozenset({Effect.TAINT_CHANGE}))


def _taint_set(value: Any) -> set[tuple[str, str, str]] | None:  # noqa: ANN401 - a value of a change
    try:
        return {
            (str(t["key"]), str(t.get("value", "")), str(t["effect"]))
            for t in value or ()
        }
    except (AttributeError, KeyError, TypeError):
        return None


def _models(change: Change, row: Row, _: Table, __: Reach | None) -> Parts:
    before, after = _model_map(change.before), _model_map(change.after)
    services = frozenset(row.services)
    if before is None or after is None:
        return Parts(row.of(change.kind), services)
    if before == after:
        return Parts(frozenset({Effect.NOTHING}))
    if before.keys() - after.keys():
        names = ", ".join(sorted(before.keys() - after.keys()))
        return Parts(row.of(change.kind), services, (f"no longer served: {names}",))
    return Parts(frozenset({Effect.SERVICE_RESTART}), services)


def _model_map(value: Any) -> dict[str, Any] | None:  # noqa: ANN401 - a value of a change
    try:
        return {str(model["name"]): model for model in value or ()}
    except (KeyError, TypeError):
        return None


def _version(change: Change, row: Row, _: Table, __: Reach | None) -> Parts:
    effects, services = row.of(change.kind), frozenset(row.services)
    before, after = _number(change.before), _number(change.after)
    if before is None or after is None:
        return Parts(effects, services)
    if after < before:
        why = f"{after} is older than {before}, and may not read what that one wrote"
        return Parts(effects, services, (why,))
    return Parts(effects - {Effect.DATA_LOSS}, services)


def _number(value: Any) -> Version | None:  # noqa: ANN401 - a value of a change
    text = value.get("version") if isinstance(value, Mapping) else value
    try:
        return Version(str(text).replace("+k3s", "+"))
    except InvalidVersion:
        return None


def _names(value: Any) -> set[str] | None:  # noqa: ANN401 - a value of a change
    if value is None:
        return set()
    if isinstance(value, list) and all(isinstance(v, str) for v in value):
        return None if any("{" in v for v in value) else set(value)
    return None


_JUDGES: Mapping[str, Judgement] = {
    "components": _components,
    "flows": _flows,
    "groups": _groups,
    "models": _models,
    "taints": _taints,
    "version": _version,
}
