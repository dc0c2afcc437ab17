"""One effect as the patterns see it, with the state before it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from clawlaw.core.actions import AnyEffect
from clawlaw.core.composition.bits import ALL
from clawlaw.core.decision import Finding, Verdict
from clawlaw.core.state import find
from clawlaw.core.target import Target
from clawlaw.core.text import fold_path
from clawlaw.core.view import View
from clawlaw.core.working import Working


@dataclass(frozen=True, slots=True)
class Pattern:
    """What is the same for every finding of a pattern.

    Attributes:
        name: Of its module and its rule.
        law: Number in the Codex of the law that it serves.
        remedy: What would make an action pass.
        settings: Numbers that a policy may set, with their defaults.
    """

    name: str
    law: int
    remedy: str
    settings: Mapping[str, int] = field(default_factory=dict)


@lru_cache(maxsize=64)
def _roots(workspace: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(fold_path(root).text for root in workspace)


def inside(path: str, workspace: tuple[str, ...]) -> bool:
    """Whether a folded path is one of the directories or below one."""
    for root in _roots(workspace):
        if path == root or path.startswith(root + "/"):
            return True
    return False


NAMED: Final = 16  # earlier actions that one finding names


class Known:
    """What is known of a path: labels, and the actions that gave them.

    Attributes:
        labels: Of this session and of the room.
        own: Of this session alone.
        action: Number of this session's action that added the last of them, or 0.
        because: "session#action" of every record that says so.
    """

    __slots__ = ("action", "because", "labels", "own")

    def __init__(self, labels: int, own: int, action: int, because: list[str]) -> None:
        """Keep what was found."""
        self.labels = labels
        self.own = own
        self.action = action
        self.because = because


class Step:
    """One effect of a proposal, in its order.

    Attributes:
        effect: The effect.
        index: Its place in the proposal.
        view: The proposal.
        work: Of the view.
        ran: Files whose content the effect runs, once a pattern has asked.
    """

    __slots__ = ("_known", "effect", "index", "ran", "view", "work")

    def __init__(self, effect: AnyEffect, index: int, view: View) -> None:
        """Look at one effect."""
        self.effect = effect
        self.index = index
        self.view = view
        self.work: Working = view.work
        # Nothing is labelled before the last pattern has looked at the effect.
        self._known: dict[str, Known] = {}
        self.ran: list[tuple[str, Known]] | None = None

    def setting(self, pattern: Pattern, name: str) -> int:
        """A number of the policy, or its documented default."""
        full = f"{pattern.name}.{name}"
        return self.view.policy.settings.get(full, pattern.settings[full])

    def ids(self, actions: list[int]) -> tuple[str, ...]:
        """Names of earlier actions of this session; of many, the newest."""
        session = self.work.state.session.id
        return tuple(f"{session}#{number}" for number in actions[-NAMED:])

    def known(self, target: Target) -> Known:
        """Labels of a path in this session, in the room and in the policy."""
        found = self._known.get(target.written)
        if found is None:
            found = self._known[target.written] = self._find(target)
        return found

    def _find(self, target: Target) -> Known:
        work = self.work
        keys: tuple[str, ...] = (target.written,)
        if target.real and target.real != target.written:
            keys = (target.written, target.real)
        own = 0
        action = 0
        others = 0
        because: list[str] = []
        trees = "trees" in work.state.session.tables or "trees" in work.steps
        room = bool(work.state.room.tables)
        for key in keys:
            labels, when = work.get("files", key)
            own |= labels
            action = max(action, when)
            if trees:
                more, later = _above(work, key)
                own |= more
                action = max(action, later)
            if room:
                shared, author = _of_room(work, key)
                if shared & ~own:
                    others |= shared
                    if author:
                        because.append(author)
            others |= self.view.policy.label_of(key)
        if action:
            because.insert(0, f"{work.state.session.id}#{action}")
        return Known(own | others, own, action, because)

    def finding(
        self,
        pattern: Pattern,
        verdict: Verdict,
        reason: str,
        because: list[str] | tuple[str, ...] = (),
    ) -> Finding:
        """What a pattern says to this effect."""
        return Finding(
            law=pattern.law,
            rule=f"composition.{pattern.name}",
            verdict=verdict,
            reason=reason,
            effect=self.index,
            remedy=pattern.remedy,
            because=tuple(because),
        )


def when(action: int, current: int) -> str:
    """How a reason speaks of an earlier action."""
    if not action:
        return "by another session"
    return "earlier in this action" if action == current else f"at action {action}"


def _above(work: Working, key: str) -> tuple[int, int]:
    """Labels of the trees that a path is in; proportional to its depth."""
    labels = action = 0
    while key:
        more, when_ = work.get("trees", key)
        if more:
            labels |= more
            action = max(action, when_)
        key = key.rpartition("/")[0]
    return labels, action


def _of_room(work: Working, key: str) -> tuple[int, str]:
    """Labels that any session gave a path or a tree that it is in, and by whom."""
    labels, author = work.shared("files", key)
    trees = work.state.room.tables.get("trees")
    while trees is not None and key:
        more = find(trees, key) & ALL
        if more & ~labels:
            labels |= more
            author = work.shared("trees", key)[1] or author
        key = key.rpartition("/")[0]
    return labels, author
