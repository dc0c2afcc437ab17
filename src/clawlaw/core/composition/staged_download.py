"""staged_download: what came from the network is run or installed.

Meaning: a file is downloaded, perhaps moved, unpacked, renamed or made executable, and
then run, fed to an interpreter or installed as a package. Fetching is allowed and
running a script is allowed; running what was fetched gives the machine to whoever
serves it.

Window: all actions of the session and, through the room, of every other session.

Threshold: one. Running it is denied: there is nothing in the action that a person could
judge it by. Only a declared runner in the executor's sandbox (tests of a cloned
project) is asked. Packages from the configured registry are dependency_sprawl's.
"""

from typing import Final

from clawlaw.core import actions
from clawlaw.core.composition.bits import DOWNLOADED
from clawlaw.core.composition.step import Known, Pattern, Step, when
from clawlaw.core.composition.write_then_execute import ran
from clawlaw.core.decision import Finding, Verdict
from clawlaw.core.target import Target

PATTERN: Final = Pattern(
    name="staged_download",
    law=0,
    remedy=(
        "Fetch it through the package registry, or have a steward put it in place."
    ),
)

# What a runner takes its work from; names as the tables of labels have them.
ENTRIES: Final = (
    "makefile",
    "gnumakefile",
    "conftest.py",
    "setup.py",
    "pyproject.toml",
    "package.json",
    "cmakelists.txt",
    "build.rs",
    "build.gradle",
    "pom.xml",
    "rakefile",
    "gemfile",
    "justfile",
    "noxfile.py",
    "tox.ini",
)


def execute(step: Step, effect: actions.ProcessExec) -> Finding | None:
    """A program, by where the files that it runs come from."""
    contained = effect.runner and step.view.facts.sandbox
    for path, known in ran(step, effect):
        if known.labels & DOWNLOADED:
            return _found(step, path, known, contained=contained)
    if effect.code == "project":
        here = step.view.at(step.view.proposal.cwd)
        for target in here or ():
            known = step.known(target)
            if known.labels & DOWNLOADED:
                return _found(step, target.written, known, contained=contained)
            for name in ENTRIES:
                path = f"{target.written}/{name}"
                known = step.known(Target(path, "", target.fact, strange=False))
                if known.labels & DOWNLOADED:
                    return _found(step, path, known, contained=contained)
    if step.work.flow & DOWNLOADED:
        return _fed(step, effect)
    return None


def install(step: Step, effect: actions.PackageInstall) -> Finding | None:
    """A package, where its source is a path."""
    if not effect.source.startswith("/"):
        return None
    for target in step.view.at(effect.source) or ():
        known = step.known(target)
        if known.labels & DOWNLOADED:
            return _found(step, effect.source, known, contained=False)
    return None


def _fed(step: Step, effect: actions.ProcessExec) -> Finding | None:
    """An interpreter that reads what this same action got from the network."""
    if effect.code == "input":
        verdict = Verdict.DENY
    elif effect.code in {"inline", "unknown"} or (
        effect.code == "project" and "trees" in step.work.steps
    ):
        verdict = Verdict.ESCALATE
    else:
        return None
    reason = f"{effect.program} runs code in an action that fetches from the network"
    return step.finding(
        PATTERN,
        verdict,
        reason,
        (),
    )


def _found(step: Step, path: str, known: Known, *, contained: bool) -> Finding:
    return step.finding(
        PATTERN,
        Verdict.ESCALATE if contained else Verdict.DENY,
        f"{path} was downloaded {when(known.action, step.work.action)} and is run",
        known.because,
    )
