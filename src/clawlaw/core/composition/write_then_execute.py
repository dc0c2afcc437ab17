"""write_then_execute: code that an agent wrote is run.

Meaning: a file that an agent of this session wrote, copied or changed, not known to be
inert, is run as a program or a script, or is fed to an interpreter, by whatever tool
and under whatever name (links and moves carry the labels). Each step is ordinary;
together they run text that nobody has read.

Window: all actions of the session; a written file stays written.

Threshold: one. It asks; a person can read the script. Spared are runners that the
profile declares (tests and builds of the project) inside the executor's sandbox, whose
bounds are the effects that the law judges, unless the session wrote text that reaches
out of the project (:mod:`clawlaw.core.reaching`): then they ask. Code from another
session's agent is cross_agent_relay, from the network staged_download.
"""

from typing import Final

from clawlaw.core import actions
from clawlaw.core.composition.bits import CODE
from clawlaw.core.composition.step import Known, Pattern, Step, when
from clawlaw.core.decision import Finding, Verdict

PATTERN: Final = Pattern(
    name="write_then_execute",
    law=8,
    remedy="A steward can approve it after reading the script.",
)


def ran(step: Step, effect: actions.ProcessExec) -> list[tuple[str, Known]]:
    """(path, what is known of it) of the files whose content a command runs."""
    if step.ran is None:
        step.ran = _ran(step, effect)
    return step.ran


def _ran(step: Step, effect: actions.ProcessExec) -> list[tuple[str, Known]]:
    names = []
    if "/" in effect.program:
        names.append(effect.program)
    fact = step.view.facts.programs.get(effect.program)
    if fact is not None and fact.resolved:
        names.append(fact.resolved)
    if effect.script:
        names.append(effect.script)
    return [
        (name, step.known(target))
        for name in names
        for target in step.view.at(name) or ()
    ]


def install(step: Step, effect: actions.PackageInstall) -> Finding | None:
    """Packages, whose installation runs the project's own scripts as well."""
    return project(step, effect.manager) if effect.scope == "project" else None


def project(step: Step, what: str) -> Finding | None:
    """The project's code, where this session wrote some that reaches out."""
    reaching, since = step.work.get("reaching", "*")
    if not reaching:
        return None
    return step.finding(
        PATTERN,
        Verdict.ESCALATE,
        f"{what} runs the project, and text of it that was written "
        f"{when(since, step.work.action)} names credentials, other machines or places "
        "that start things",
        step.ids([since]),
    )


def execute(step: Step, effect: actions.ProcessExec) -> Finding | None:
    """A program, by the files it runs."""
    if effect.runner and step.view.facts.sandbox:
        return project(step, effect.program)
    for path, known in ran(step, effect):
        if known.own & CODE:
            return step.finding(
                PATTERN,
                Verdict.ESCALATE,
                f"{path} was written {when(known.action, step.work.action)} and is run",
                known.because,
            )
    if effect.code in {"input", "unknown"} and step.work.flow & CODE:
        return step.finding(
            PATTERN,
            Verdict.ESCALATE,
            f"{effect.program} is fed a file that this session wrote",
            (),
        )
    return None
