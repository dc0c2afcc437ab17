"""One proposal as rules, laws and patterns see it: operands joined with their facts."""

from clawlaw.core.actions import AnyEffect, FileMove, Proposal
from clawlaw.core.budget import Account
from clawlaw.core.facts import Facts, PathFact
from clawlaw.core.policy import Policy, Principal, Purpose, Rule
from clawlaw.core.prepared import prepare
from clawlaw.core.state import Scope
from clawlaw.core.target import Target
from clawlaw.core.text import Folded, fold_path
from clawlaw.core.working import Working

UNLOOKED = PathFact(resolved="", kind="unknown")
_NOWHERE = Folded("", strange=False)


class View:
    """What a decision looks at; rules only read it.

    Attributes:
        proposal: As decoded.
        policy: As compiled.
        facts: As gathered.
        work: State with the changes of the proposal's earlier effects.
        principal: Of the proposal.
        purpose: Of the proposal or its session.
        scope: Of the session.
        purposes: All that the effects must serve: of the proposal and its session.
        index: Of the effect that is judged.
        kind: Of this effect.
        rules: Of the policy for the kind of this effect, by number of the law.
        claimed: A rule of the policy says something of this effect.
        prepared: What the kernel worked out of the policy once.
        account: What is spent, and the enforcement level that follows.
    """

    __slots__ = (
        "_asked",
        "_reached",
        "_targets",
        "account",
        "claimed",
        "facts",
        "index",
        "kind",
        "policy",
        "prepared",
        "principal",
        "proposal",
        "purpose",
        "purposes",
        "rules",
        "scope",
        "work",
    )

    def __init__(
        self,
        *,
        proposal: Proposal,
        policy: Policy,
        facts: Facts,
        work: Working,
        principal: Principal,
        purpose: Purpose,
        scope: Scope,
    ) -> None:
        """Join what belongs to one proposal."""
        self.proposal = proposal
        self.policy = policy
        self.facts = facts
        self.work = work
        self.principal = principal
        self.purpose = purpose
        self.scope = scope
        self.index = -1
        self.kind = ""
        self.purposes: tuple[Purpose, ...] = (purpose,)
        self.claimed = False
        self.prepared = prepare(policy)
        self.account = Account(work.state, scope, principal)
        self.rules: tuple[tuple[Rule, ...], ...] = ()
        # Every rule asks for the paths of the same effect.
        self._asked: AnyEffect | None = None
        self._reached: tuple[Target, ...] | None = None
        self._targets: dict[tuple[str, bool], tuple[Target, ...] | None] = {}

    def targets(self, effect: AnyEffect) -> tuple[Target, ...] | None:
        """Paths of an effect's `path`, and of `to` or `target` where it has one.

        Returns:
            `None` where it is not known which paths they are: a pattern that was not
            expanded.
        """
        if effect is not self._asked:
            self._reached = self._reach(effect)
            self._asked = effect
        return self._reached

    def _reach(self, effect: AnyEffect) -> tuple[Target, ...] | None:
        found = self.at(effect.path, glob=getattr(effect, "glob", False))  # type: ignore[union-attr]  # only asked of effects with a path
        other = (
            effect.to if isinstance(effect, FileMove) else getattr(effect, "target", "")
        )
        if found is None or not other:
            return found
        more = self.at(other)
        return None if more is None else found + more

    def at(self, path: str, *, glob: bool = False) -> tuple[Target, ...] | None:
        """One path, or everything that a pattern matches."""
        key = (path, glob)
        try:
            return self._targets[key]
        except KeyError:
            found = self._targets[key] = self._look(path, glob=glob)
            return found

    def _look(self, path: str, *, glob: bool) -> tuple[Target, ...] | None:
        if not glob:
            return (self._target(path),)
        matches = self.facts.globs.get(path)
        if matches is None or any("/-" in match for match in matches):
            return None  # a program may take a name with a dash for an option
        return tuple(map(self._target, matches))

    def _target(self, path: str) -> Target:
        fact = self.facts.paths.get(path, UNLOOKED)
        written = fold_path(path)
        if fact.resolved == path:  # as of most paths
            return Target(written.text, written.text, fact, written.strange)
        real = fold_path(fact.resolved) if fact.resolved else _NOWHERE
        return Target(written.text, real.text, fact, written.strange or real.strange)
