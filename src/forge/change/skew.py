"""Versions that change: how many minor versions at once, and in which direction.

Kubernetes' control plane goes one minor version at a time (its version skew policy),
so K3s's version is compared as Kubernetes'; others are named and not judged by this.
"""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from clawlaw.core.actions import InfraApply
from clawlaw.core.canonical import Json
from forge.change.model import Change, Effect, Plan
from forge.change.tiers import tiers_of

APPLIER: Final = "forge"
KUBERNETES: Final = "kubernetes"
_OF_KUBERNETES: Final = ("k3s", "kubernetes", "kube")
_VERSION = re.compile(r"v?(\d{1,6})\.(\d{1,6})(?:\.(\d{1,6}))?")


class Version(NamedTuple):
    """The numbers of a version, as they are compared."""

    major: int
    minor: int
    patch: int


def version_effects(plan: Plan) -> Iterator[InfraApply]:
    """One effect for each product whose version changes."""
    steps: dict[str, tuple[int, bool]] = {}
    hosts: dict[str, set[str]] = {}
    for impact in plan.impacts:
        group = _product(impact.change)
        if Effect.VERSION_CHANGE not in impact.effects or not impact.hosts:
            continue
        ahead, back = step(impact.change.before, impact.change.after)
        most, ever = steps.get(group, (0, False))
        steps[group] = max(most, ahead), ever or back
        hosts.setdefault(group, set()).update(impact.hosts)
    for group, (count, back) in sorted(steps.items()):
        yield InfraApply(
            tool=APPLIER,
            change="version_change",
            hosts=tuple(sorted(hosts[group])),
            tiers=tiers_of(plan, hosts[group]),
            group=group,
            count=count,
            back=back,
        )


def step(before: Json, after: Json) -> tuple[int, bool]:
    """Return how many minor versions a change goes forward, and whether it goes back.

    A version that cannot be read, and another major version, count as two minor ones
    where there was a version before: as what may not be done at once.
    """
    if before is None:
        return 0, False
    old, new = read_version(before), read_version(after)
    if old is None or new is None:
        return 2, False
    if new < old:
        return 0, True
    if new.major != old.major:
        return 2, False
    return new.minor - old.minor, False


def read_version(value: Json) -> Version | None:
    """Return the version in a pin or a text, None where there is none."""
    text = value.get("version") if isinstance(value, dict) else value
    if not isinstance(text, str):
        return None
    found = _VERSION.match(text)
    if found is None:
        return None
    major, minor, patch = found.groups(default="0")
    return Version(int(major), int(minor), int(patch))


def _product(change: Change) -> str:
    family, _, name = change.subject.partition(".")
    says = family == "pins" or any(word in name for word in ("version", "artifact"))
    if says and name.startswith(_OF_KUBERNETES):
        return KUBERNETES
    return name or change.subject
