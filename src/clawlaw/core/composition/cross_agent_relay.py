"""cross_agent_relay: one agent prepares, another one acts.

Meaning: an agent of another session wrote, fetched or tainted a file, and this session
runs it or sends it. Neither has done anything that its own session could be asked
about; the room, which keeps the labels of files for all of them, sees both halves.

Window: all actions of all sessions of the room.

Threshold: one. Running what another agent wrote is asked, also where it is told to be
inert by the other; declared runners in the executor's sandbox are spared. What another
agent downloaded is staged_download; what it labelled secret, personal or internal is a
label of whoever reads it, and leaving with it is asked here, naming the other's action.
"""

from typing import Final

from clawlaw.core import actions
from clawlaw.core.composition.bits import CODE, PRIVATE, WRITTEN
from clawlaw.core.composition.exfiltration_chain import carries
from clawlaw.core.composition.step import Known, Pattern, Step
from clawlaw.core.composition.write_then_execute import ran
from clawlaw.core.decision import Finding, Verdict

PATTERN: Final = Pattern(
    name="cross_agent_relay",
    law=2,
    remedy="A steward can approve it after reading what the other agent wrote.",
)


def execute(step: Step, effect: actions.ProcessExec) -> Finding | None:
    """A program, by which session wrote the files that it runs."""
    if not step.work.state.room.tables:
        return None
    if effect.runner and step.view.facts.sandbox:
        return None
    for path, known in ran(step, effect):
        if _others(known) & (CODE | WRITTEN):
            return step.finding(
                PATTERN,
                Verdict.ESCALATE,
                f"{path} was written by another session ({known.because[-1]})",
                known.because,
            )
    return None


def read(step: Step, effect: actions.FileRead) -> None:
    """Keep that this action read what another session labelled."""
    if not step.work.state.room.tables:
        return
    for target in step.view.at(effect.path, glob=effect.glob) or ():
        if _others(step.known(target)) & PRIVATE:
            step.work.steps["relay"] = 1


def request(step: Step, effect: actions.NetRequest) -> Finding | None:
    """A request with a payload after such a read in the same action."""
    if not carries(effect) or "relay" not in step.work.steps:
        return None
    return step.finding(
        PATTERN,
        Verdict.ESCALATE,
        f"a file that another session labelled is sent to {effect.host}",
        (),
    )


def _others(known: Known) -> int:
    """Labels that only other sessions gave."""
    return known.labels & ~known.own if known.because else 0
