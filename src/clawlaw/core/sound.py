"""Whether a policy and a state are what the compiler and the store make.

Both are checked in full where they are read. The kernel looks again at what would flow
into its decision, so that a fault of a caller becomes a denial that a record can hold
and never a decision that is no verdict, or one that takes for ever.
"""

from clawlaw.core.canonical import MAX_INTEGER
from clawlaw.core.decision import Verdict
from clawlaw.core.errors import StateError, UnsoundError
from clawlaw.core.policy import Policy, Rule
from clawlaw.core.state import SHIFT, Session

MAX_ACTIONS = MAX_INTEGER >> SHIFT  # a table keeps this number beside the labels


def check_policy(policy: Policy) -> None:
    """Look at everything of a policy that a decision repeats; once a policy.

    Raises:
        UnsoundError: Names the field.
    """
    for name in ("digest", "kernel"):
        _text(getattr(policy, name), name)
    for rules in policy.rules.values():
        for rule in rules:
            _check_rule(rule)
    for name, purpose in policy.purposes.items():
        _text(name, "the name of a purpose")
        _text(purpose.name, "purpose.name")
        _verdict(purpose.off, "purpose.off")
    for principal in policy.principals.values():
        _text(principal.name, "principal.name")
    for value in policy.settings.values():
        _number(value, "a setting")


def _check_rule(rule: Rule) -> None:
    for name in ("id", "reason", "remedy"):
        _text(getattr(rule, name), f"rule.{name}")
    if not rule.id or not rule.reason:
        raise UnsoundError("a rule of the policy has no id or no reason")
    _number(rule.law, "rule.law")
    _number(rule.risk, "rule.risk")


def check_session(session: Session) -> None:
    """Look at the numbers of a session that a decision repeats; a few comparisons.

    Raises:
        StateError: Names the field.
    """
    actions: object = session.actions
    labels: object = session.labels
    if type(actions) is not int or not 0 <= actions < MAX_ACTIONS:
        raise StateError(f"session.actions is not 0 to {MAX_ACTIONS - 1}")
    if not isinstance(labels, int) or labels >> SHIFT:
        raise StateError(f"session.labels is not {SHIFT} bits")


def plain(value: object) -> str:
    """Text as it is where a record can hold it, "" of anything else."""
    return value if isinstance(value, str) and _is_unicode(value) else ""


def _is_unicode(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _text(value: object, name: str) -> None:
    if not isinstance(value, str) or not _is_unicode(value):
        raise UnsoundError(f"{name} of the policy is not text")


def _number(value: object, name: str) -> None:
    if type(value) is not int or not -MAX_INTEGER <= value <= MAX_INTEGER:
        raise UnsoundError(f"{name} of the policy is not a whole number")


def _verdict(value: object, name: str) -> None:
    if type(value) is not Verdict or value < Verdict.ESCALATE:
        raise UnsoundError(f"{name} of the policy is not a verdict that stops")
