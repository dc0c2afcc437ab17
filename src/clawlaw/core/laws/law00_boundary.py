"""Law 0, boundary: which files, hosts and programs an action may reach.

What may be reached is data: rules that allow, rules that refuse, the session's scope.
What data must not be able to open is here: the gate's own files and processes, and
whatever cannot be told (an unknown path, a name that can be read in two ways, a file
with another name, a link that leads out of the workspace).
"""

from collections.abc import Callable
from typing import NamedTuple

from clawlaw.core import intent
from clawlaw.core.actions import (
    AnyEffect,
    FileDelete,
    FileMove,
    FileRead,
    FileWrite,
    NetRequest,
    ProcessExec,
    ProcessSignal,
    SystemChange,
)
from clawlaw.core.decision import Finding, Verdict
from clawlaw.core.laws.rules import judge_rules
from clawlaw.core.target import Target
from clawlaw.core.text import fold, fold_host
from clawlaw.core.view import View

NUMBER = 0
NAME = "boundary"
GATE = "clawlaw"  # in the name of each of the gate's services and processes
_LINK_REMEDY = "name the place that the link leads to"
_SCOPE_REMEDY = "open a session whose scope includes it, or ask a steward"

type _Path = FileRead | FileWrite | FileDelete | FileMove


def judge(effect: AnyEffect, index: int, view: View) -> list[Finding]:
    """What this law says to one effect."""
    findings = judge_rules(NUMBER, effect, index, view)
    check = _CHECKS.get(type(effect))
    if check is not None:
        check(effect, view, _Report(index, findings))
    return findings


class _Report(NamedTuple):
    """Collects findings, each rule once an effect however many paths it has."""

    effect: int
    findings: list[Finding]

    def add(self, rule: str, verdict: Verdict, reason: str, remedy: str = "") -> None:
        name = f"boundary.{rule}"
        if not any(found.rule == name for found in self.findings):
            self.findings.append(
                Finding(NUMBER, name, verdict, reason, self.effect, remedy)
            )


def _check_path(effect: _Path, view: View, report: _Report) -> None:
    targets = view.targets(effect)
    if targets is None:
        report.add(
            "unknown-paths",
            Verdict.ESCALATE,
            f"which files {effect.path} names is not known",
            "name the files",
        )
        return
    changes = not isinstance(effect, FileRead)
    for target in targets:
        _check_own(effect, target, view, report)
        if target.fact.kind == "unknown" or not target.real:
            report.add(
                "unknown-path",
                Verdict.ESCALATE,
                f"where {target.written} leads is not known",
            )
            continue
        if target.strange:
            report.add(
                "strange-path",
                Verdict.ESCALATE,
                "the path holds characters that can be taken for others",
                "use plain names",
            )
        if target.fact.origin == "remote":
            report.add(
                "remote-path",
                Verdict.ESCALATE,
                f"{target.written} is on another machine, which only it can vouch for",
            )
        if changes:
            _check_change(effect, target, view, report)


def _check_own(effect: _Path, target: Target, view: View, report: _Report) -> None:
    own = view.prepared.own
    if own.hold(target.written) or (
        target.real and target.real != target.written and own.hold(target.real)
    ):
        report.add("own-files", Verdict.DENY, "the file belongs to the gate")
        return
    # A move or a link takes everything beneath with it, whatever it says.
    whole = isinstance(effect, FileMove) or getattr(effect, "recursive", False)
    if not whole or not (target.written in own.above or target.real in own.above):
        return
    if not isinstance(effect, FileRead):
        report.add("own-files", Verdict.DENY, "files of the gate are beneath")
    elif effect.what == "content":
        report.add(
            "own-files-beneath",
            Verdict.ESCALATE,
            "files of the gate are beneath",
            "read a directory that has none",
        )


def _check_change(effect: _Path, target: Target, view: View, report: _Report) -> None:
    workspace = view.prepared.workspace
    inside = workspace.hold(target.real)
    if not inside and workspace.hold(target.written):
        # Removing a link leaves alone what it leads to; everything else does not.
        gentle = isinstance(effect, FileDelete) and not effect.recursive
        report.add(
            "link-out",
            Verdict.ESCALATE if gentle else Verdict.DENY,
            f"{target.written} leads out of the workspace, to {target.real}",
            _LINK_REMEDY,
        )
    if isinstance(effect, FileWrite):
        _check_write(effect, target, view, report, inside=inside)
    if not intent.in_paths(target, view.scope.paths):
        report.add(
            "off-scope",
            view.purpose.off,
            f"{target.written} is outside the session's paths: "
            f"{', '.join(view.scope.paths) or 'none'}",
            _SCOPE_REMEDY,
        )


def _check_write(
    effect: FileWrite, target: Target, view: View, report: _Report, *, inside: bool
) -> None:
    if effect.how == "link":
        if not inside:
            report.add(
                "link-made-out",
                Verdict.ESCALATE,
                f"the link reaches outside the workspace, {target.real}",
            )
        return
    # Another name of the same file may lie where nothing may be written.
    several = target.fact.kind == "file" and target.fact.links > 1
    spared = inside and view.prepared.settings["boundary.hard_links"]
    if several and not spared:
        report.add(
            "hard-link",
            Verdict.ESCALATE,
            f"{target.written} has {target.fact.links} names; a change shows in all",
            "copy the file and change the copy",
        )


def _check_net(effect: NetRequest, view: View, report: _Report) -> None:
    if not effect.host:
        if not _asks_remote(effect):
            reason = "which host is asked is not known"
            report.add("unknown-host", Verdict.ESCALATE, reason)
        return
    host = fold_host(effect.host)
    if host.strange:
        report.add(
            "strange-host",
            Verdict.ESCALATE,
            "the host's name can be taken for another",
            "use its plain name",
        )
    elif not intent.in_hosts(host.text, view.scope.hosts):
        report.add(
            "off-scope",
            view.purpose.off,
            f"{host.text} is not among the session's hosts",
            _SCOPE_REMEDY,
        )


def _asks_remote(effect: NetRequest) -> bool:
    """Whether git asks a remote by the name that the project's configuration gives it.

    Where that leads only the configuration knows, which no agent can write; nothing is
    sent but the question. The policy says whether it may be asked.
    """
    plain = not any(c in effect.path for c in ":/\\")
    asks = effect.method == "GET" and effect.carries == "nothing"
    return effect.scheme == "git" and plain and asks


def _check_exec(effect: ProcessExec, view: View, report: _Report) -> None:
    if not intent.in_programs(effect, view.scope, view.purpose):
        report.add(
            "off-scope",
            view.purpose.off,
            f"{effect.program} is not among the session's programs",
            _SCOPE_REMEDY,
        )
    if effect.family == "builtin" or effect.program.startswith("/"):
        return
    fact = view.facts.programs.get(effect.program)
    if fact is None:
        report.add(
            "unknown-program",
            Verdict.ESCALATE,
            f"which file {effect.program} is, is not known",
        )
    elif fact.writable and not view.facts.sandbox:
        report.add(
            "writable-program",
            Verdict.ESCALATE,
            f"{effect.program} is {fact.resolved}, which the agent can write",
            "run it in the sandbox",
        )


def _check_signal(effect: ProcessSignal, view: View, report: _Report) -> None:
    del view
    if effect.by in {"name", "pattern"} and GATE in fold(effect.target).text:
        report.add("own-process", Verdict.DENY, "the process belongs to the gate")


def _check_system(effect: SystemChange, view: View, report: _Report) -> None:
    del view
    if GATE in fold(effect.target).text:
        report.add("own-process", Verdict.DENY, "the service belongs to the gate")


# Each takes the one type that it stands beside.
_CHECKS: dict[type, Callable[..., None]] = {
    FileRead: _check_path,
    FileWrite: _check_path,
    FileDelete: _check_path,
    FileMove: _check_path,
    NetRequest: _check_net,
    ProcessExec: _check_exec,
    ProcessSignal: _check_signal,
    SystemChange: _check_system,
}
KINDS = frozenset(_CHECKS)
