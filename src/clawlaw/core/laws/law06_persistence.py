"""Law 6, persistence: what later sessions will believe keeps its integrity.

A memory outlives the session that wrote it and is read as one's own. What came from
others must not enter it unasked, a secret never, and no single entry may crowd out
the rest.
"""

from clawlaw.core.actions import AnyEffect, MemoryWrite
from clawlaw.core.decision import Finding, Verdict
from clawlaw.core.laws.rules import judge_rules
from clawlaw.core.state import Label
from clawlaw.core.view import View

NUMBER = 6
NAME = "persistence"
KINDS = frozenset({MemoryWrite})


def judge(effect: AnyEffect, index: int, view: View) -> list[Finding]:
    """What this law says to one effect."""
    findings = judge_rules(NUMBER, effect, index, view)
    if not isinstance(effect, MemoryWrite):
        return findings
    labels = view.work.labels
    if labels & Label.SECRET:
        findings.append(
            Finding(
                NUMBER,
                "persistence.secret",
                Verdict.DENY,
                "the session holds a secret, which a memory would keep",
                index,
                "write the memory from a session that read no secret",
            )
        )
    if labels & Label.UNTRUSTED:
        findings.append(
            Finding(
                NUMBER,
                "persistence.untrusted",
                Verdict.ESCALATE,
                "the session read what others wrote, and a memory would keep it",
                index,
                "a steward reads the entry first",
            )
        )
    most = view.prepared.settings["persistence.bytes"]
    if effect.bytes > most:
        findings.append(
            Finding(
                NUMBER,
                "persistence.size",
                Verdict.ESCALATE,
                f"{effect.bytes} bytes, an entry has at most {most}",
                index,
                "keep less",
            )
        )
    return findings
