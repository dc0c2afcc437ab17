"""Law 5, sovereignty: labelled data stays where it may be.

A session carries the labels of what it read. Once it holds a secret, personal or
internal data, whatever it sends beyond an address may hold them too. Hosts of the
session's scope are where its data may reside; elsewhere a secret is denied and the
others are asked about.
"""

from clawlaw.core import intent
from clawlaw.core.actions import AnyEffect, MessageSend, NetRequest, ServiceChange
from clawlaw.core.decision import Finding, Verdict
from clawlaw.core.laws.rules import judge_rules
from clawlaw.core.state import Label
from clawlaw.core.text import fold_host
from clawlaw.core.view import View

NUMBER = 5
NAME = "sovereignty"
KINDS = frozenset({NetRequest, MessageSend, ServiceChange})
_SECRET = int(Label.SECRET)
_PERSONAL = int(Label.PERSONAL)
_INTERNAL = int(Label.INTERNAL)


def judge(effect: AnyEffect, index: int, view: View) -> list[Finding]:
    """What this law says to one effect."""
    findings = judge_rules(NUMBER, effect, index, view)
    carried = view.work.labels & (_SECRET | _PERSONAL | _INTERNAL)
    if carried and _leaves(effect, carried):
        found = _residency(effect, carried, index, view)
        if found is not None:
            findings.append(found)
    return findings


def _leaves(effect: AnyEffect, carried: int) -> bool:
    """Whether content goes to others; reading at an address sends the address alone.

    A service that keeps the person's own things tells nobody: unless the session holds
    a secret, a change that can be undone leaves only where it names who receives it.
    """
    if isinstance(effect, NetRequest):
        return effect.carries != "nothing" or effect.bytes_out > 0
    if isinstance(effect, ServiceChange) and effect.reversible:
        named = effect.counterparty or "@" in effect.item or "://" in effect.item
        return bool(named or carried & _SECRET)
    return isinstance(effect, MessageSend | ServiceChange)


def _residency(
    effect: AnyEffect, carried: int, index: int, view: View
) -> Finding | None:
    known = isinstance(effect, NetRequest) and intent.in_hosts(
        fold_host(effect.host).text, view.scope.hosts
    )
    what = ", ".join(
        name
        for bit, name in (
            (_SECRET, "a secret"),
            (_PERSONAL, "personal data"),
            (_INTERNAL, "internal data"),
        )
        if carried & bit
    )
    secret = carried & _SECRET
    if known and not secret:
        return None
    denied = secret and isinstance(effect, NetRequest) and not known
    return Finding(
        NUMBER,
        "sovereignty.secret-leaves" if denied else "sovereignty.labelled-leaves",
        Verdict.DENY if denied else Verdict.ESCALATE,
        f"the session holds {what}, and this sends content to others",
        index,
        "send it from a session that did not read them",
    )
