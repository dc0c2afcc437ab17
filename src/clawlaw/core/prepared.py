"""What the kernel works out of a policy once, so that a decision only looks it up."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from clawlaw.core.actions import KINDS
from clawlaw.core.budget import UNITS
from clawlaw.core.policy import Policy, Rule
from clawlaw.core.sound import check_policy
from clawlaw.core.text import fold_path

LAWS = (0, 1, 2, 3, 4, 5, 6, 8, 9, 10)  # of the Codex; 7 judges bodies that move
REQUIRED = (0, 4, 8)  # what the specification composes; without them nothing passes
# Where the gate keeps itself, whatever a policy says.
OWN = (
    "/etc/clawlaw",
    "/var/lib/clawlaw",
    "/var/log/clawlaw",
    "/run/clawlaw",
    "/opt/clawlaw",
    "/usr/local/etc/clawlaw",
    "/Library/Application Support/ClawLaw",
    "/Library/Logs/ClawLaw",
)
OWN_AT_HOME = (".clawlaw", ".config/clawlaw", ".local/share/clawlaw")
# Every number that the kernel and the laws read from a policy, besides
# `cost.UNIT.KIND`; what stands here counts where the policy says nothing.
SETTINGS = {
    "boundary.hard_links": 0,  # 1: writing a file with several names is no question
    "cost.actions": 1,  # a proposal's
    "persistence.bytes": 65_536,  # of one entry of a memory
    "risk.deny": 950_000,  # millionths
    "risk.escalate": 600_000,
    "risk.session.secret": 150_000,  # that a session adds which holds a secret
    "risk.session.untrusted": 100_000,  # or read what others wrote
}
FILES = frozenset({"file.read", "file.write", "file.delete", "file.move"})
_KEPT = 8  # policies; a gate has one, a backtest two
_NARROWED = 1024  # selections of rules; a real policy comes to some dozens


@dataclass(frozen=True, slots=True)
class Roots:
    """Directories in the form that a test of containment needs.

    Attributes:
        beneath: Each folded, with a slash at its end.
        exact: Each as it is, with a slash at its end.
        above: Every directory on the way to one of them, themselves included; folded.
    """

    beneath: tuple[str, ...]
    exact: tuple[str, ...]
    above: frozenset[str]

    def hold(self, path: str) -> bool:
        """Whether a folded path is one of them or inside."""
        return f"{path}/".startswith(self.beneath)

    def hold_exactly(self, path: str) -> bool:
        """Whether a path as it is, is one of them or inside.

        The folded form joins names that a file system may keep apart: enough to
        refuse, not to allow.
        """
        return f"{path}/".startswith(self.exact)


@dataclass(frozen=True, slots=True)
class Prepared:
    """One policy, indexed.

    Attributes:
        rules: By effect kind and then by number of the law.
        waivable: Whether an approval may waive a rule, by its id.
        risks: Millionths that a rule contributes, by its id; only those above zero.
        action_cost: Actions that a proposal counts for, from the setting
            `cost.actions`; 1.
        costs: (unit, amount) by effect kind, from the settings `cost.UNIT.KIND`.
        own: The gate's own files.
        workspace: Where agents work.
        missing: Laws that every policy has and this one has not, and laws that it has
            rules for and nobody would judge.
        risk_escalate: Millionths.
        risk_deny: Millionths.
        settings: The policy's, over the defaults.
    """

    rules: Mapping[str, tuple[tuple[Rule, ...], ...]]
    waivable: Mapping[str, bool]
    risks: Mapping[str, int]
    action_cost: int
    costs: Mapping[str, tuple[tuple[str, int], ...]]
    own: Roots
    workspace: Roots
    missing: tuple[int, ...]
    risk_escalate: int
    risk_deny: int
    settings: Mapping[str, int]
    _narrowed: dict[tuple[str, int], tuple[tuple[Rule, ...], ...]] = field(
        default_factory=dict
    )

    def narrowed(self, kind: str, touched: int) -> tuple[tuple[Rule, ...], ...]:
        """Rules of a kind by law, without those that no touched set is named in.

        Args:
            kind: Of a file effect.
            touched: Sets of paths by bit; -1: not known, every rule may apply.
        """
        found = self._narrowed.get((kind, touched))
        if found is None:
            found = tuple(
                tuple(r for r in rules if r.sets < 0 or r.sets & touched)
                for rules in self.rules[kind]
            )
            if len(self._narrowed) >= _NARROWED:
                self._narrowed.clear()
            self._narrowed[kind, touched] = found
        return found


_cache: dict[int, tuple[Policy, Prepared]] = {}


def prepare(policy: Policy) -> Prepared:
    """Index a policy; the last few are kept."""
    found = _cache.get(id(policy))
    # An id may be given again to another object; the object itself tells.
    if found is not None and found[0] is policy:
        return found[1]
    made = _prepare(policy)
    if len(_cache) >= _KEPT:
        _cache.clear()
    _cache[id(policy)] = policy, made
    return made


def _prepare(policy: Policy) -> Prepared:
    check_policy(policy)
    rules = {rule.id: rule for kind in policy.rules.values() for rule in kind}
    settings = {**SETTINGS, **policy.settings}
    home = [f"{policy.home}/{name}" for name in OWN_AT_HOME] if policy.home else []
    return Prepared(
        rules={kind: _by_law(policy.rules.get(kind, ())) for kind in KINDS},
        waivable={rule.id: rule.waivable for rule in rules.values()},
        risks={rule.id: rule.risk for rule in rules.values() if rule.risk},
        action_cost=settings["cost.actions"],
        costs={kind: costs for kind in KINDS if (costs := _costs(settings, kind))},
        own=roots((*OWN, *home, *policy.own)),
        workspace=roots(policy.workspace),
        missing=(
            *(law for law in REQUIRED if law not in policy.laws),
            *sorted({rule.law for rule in rules.values()} - set(LAWS)),
        ),
        risk_escalate=settings["risk.escalate"],
        risk_deny=settings["risk.deny"],
        settings=settings,
    )


def _by_law(rules: tuple[Rule, ...]) -> tuple[tuple[Rule, ...], ...]:
    return tuple(
        tuple(rule for rule in rules if rule.law == law) for law in range(max(LAWS) + 1)
    )


def _costs(settings: Mapping[str, int], kind: str) -> tuple[tuple[str, int], ...]:
    return tuple(
        (unit, amount)
        for unit in UNITS
        if (amount := settings.get(f"cost.{unit}.{kind}", 0))
    )


@lru_cache(maxsize=256)
def roots(paths: tuple[str, ...]) -> Roots:
    """Fold directories for tests of containment."""
    folded = [fold_path(path).text for path in paths]
    above = {"/"} if folded else set()
    for path in folded:
        while path != "/":
            above.add(path)
            path = path.rpartition("/")[0] or "/"  # noqa: PLW2901  # walks up
    return Roots(
        tuple(f"{path.rstrip('/')}/" for path in folded),
        tuple(f"{path.rstrip('/')}/" for path in paths),
        frozenset(above),
    )
