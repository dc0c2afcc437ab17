"""dependency_sprawl: a session pulls in ever more software of others.

Meaning: packages are added one by one, each from the registry and each allowed, until
the project depends on many that nobody chose; or a package comes from somewhere else
than the configured registry.

Window: `dependency_sprawl.window` actions (200).

Threshold: `dependency_sprawl.packages` different packages (15) that the session itself
names in the window; what a lock file pins is not counted, somebody reviewed it. A
package from an address or a path outside the workspace is asked at once.
"""

from typing import Final

from clawlaw.core import actions
from clawlaw.core.composition.bits import WRITTEN
from clawlaw.core.composition.step import Pattern, Step, inside
from clawlaw.core.decision import Finding, Verdict
from clawlaw.core.text import fold, fold_path

PATTERN: Final = Pattern(
    name="dependency_sprawl",
    law=9,
    remedy="Install from the registry what a reviewed lock file names.",
    settings={"dependency_sprawl.window": 200, "dependency_sprawl.packages": 15},
)


def check(step: Step, effect: actions.PackageInstall) -> Finding | None:
    """One installation."""
    if effect.source and not _local(step, effect.source):
        return step.finding(
            PATTERN,
            Verdict.ESCALATE,
            f"{effect.manager} installs from {effect.source}, not from its registry",
        )
    if effect.locked:
        return None
    work = step.work
    fresh = 0
    for package in effect.packages:
        key = f"{effect.manager}/{fold(package).text}"
        if not work.get("packages", key)[0]:
            work.put("packages", key, WRITTEN)
            work.mark(PATTERN.name)
            fresh += 1
    marks = work.marks(PATTERN.name, step.setting(PATTERN, "window"))
    total = len(marks) + fresh
    if not fresh or total <= step.setting(PATTERN, "packages"):
        return None
    return step.finding(
        PATTERN,
        Verdict.ESCALATE,
        f"{total} different packages were added, the first at action "
        f"{marks[0] if marks else work.action}",
        step.ids(sorted(set(marks))),
    )


def _local(step: Step, source: str) -> bool:
    return source.startswith("/") and inside(
        fold_path(source).text, step.view.policy.workspace
    )
