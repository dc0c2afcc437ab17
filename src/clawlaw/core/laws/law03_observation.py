"""Law 3, observation: what happens can be seen and told again.

An action that would silence the witnesses is denied. One that goes on after its
outcome was recorded is asked about, unless a sandbox holds it. An effect that no
record could hold is denied.
"""

from clawlaw.core.actions import (
    AnyEffect,
    ProcessExec,
    ProcessSignal,
    SystemChange,
)
from clawlaw.core.decision import Finding, Verdict
from clawlaw.core.laws.rules import judge_rules
from clawlaw.core.text import fold
from clawlaw.core.view import View

NUMBER = 3
NAME = "observation"
KINDS = frozenset({ProcessExec, ProcessSignal, SystemChange})
# Daemons that record or carry what the boundary reports.
WITNESSES = frozenset(
    {
        "alloy",
        "auditd",
        "fluent-bit",
        "journald",
        "node_exporter",
        "prometheus",
        "promtail",
        "rsyslogd",
        "syslogd",
        "systemd-journald",
        "vector",
    }
)
_OBSERVING = frozenset({"audit", "logging", "telemetry"})


def judge(effect: AnyEffect, index: int, view: View) -> list[Finding]:
    """What this law says to one effect."""
    findings = judge_rules(NUMBER, effect, index, view)
    if isinstance(effect, ProcessExec):
        if effect.background and not view.facts.sandbox:
            findings.append(_background(index))
    elif isinstance(effect, ProcessSignal):
        if effect.by in {"name", "pattern"} and _is_witness(effect.target):
            findings.append(_silenced(effect.target, index))
    elif isinstance(effect, SystemChange) and (
        effect.what in _OBSERVING or _is_witness(effect.target)
    ):
        findings.append(_silenced(effect.target or effect.what, index))
    return findings


def _is_witness(target: str) -> bool:
    words = fold(target).text.replace("/", " ").split()
    return any(w.removesuffix(".service") in WITNESSES for w in words)


def _silenced(what: str, index: int) -> Finding:
    return Finding(
        NUMBER,
        "observation.silenced",
        Verdict.DENY,
        f"{what} records what happens here",
        index,
    )


def _background(index: int) -> Finding:
    return Finding(
        NUMBER,
        "observation.background",
        Verdict.ESCALATE,
        "the program goes on after its outcome is recorded",
        index,
        "run it in the foreground, or in the sandbox",
    )
