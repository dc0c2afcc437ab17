"""Records of runs on their way into the gate's log, and what became of its decisions.

A run cannot deliver its own end. So the next run that the gate answers takes along what
was not delivered yet, in order; a run whose entries did not arrive goes again.
"""

from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, NamedTuple

from clawlaw.private import PrivateFileError, replace_private
from forge.runs import chain, journal, show
from forge.runs.journal import FOLDER, SUFFIX, JournalError

DELIVERED: Final = "delivered"  # holds the name of the newest run that arrived
MOST: Final = 20  # runs at once; the next run takes the rest


class Outcome(NamedTuple):
    """What became of a run that the gate allowed.

    Attributes:
        decision: Id of the gate's decision.
        result: ``done`` or ``failed``.
        seconds: How long the run took; 0 where it did not come to its end.
    """

    decision: str
    result: str
    seconds: int


type Send = Callable[[str, Sequence[dict[str, Any]]], None]
type Report = Callable[[Outcome], None]


def pending(state: Path, present: str) -> list[str]:
    """Return the runs that the gate's log does not have yet, the oldest first.

    Args:
        state: Folder of the controller's records.
        present: The run that is at work, which is not among them.
    """
    try:
        arrived = (state / FOLDER / DELIVERED).read_text("utf-8").strip()
    except FileNotFoundError:
        arrived = ""
    return [name for name in journal.names(state) if arrived < name < present][:MOST]


def deliver(state: Path, present: str, send: Send, report: Report) -> list[str]:
    """Send what is pending.

    Args:
        state: Folder of the controller's records.
        present: The run that is at work.
        send: Puts records of one run into the log; raises if they did not arrive.
        report: Tells the gate what became of a decision; raises if it did not hear it.

    Returns:
        The runs that arrived.

    Raises:
        JournalError: That they arrived cannot be noted.
    """
    done = []
    for name in pending(state, present):
        became = outcome(journal.read(state / FOLDER / f"{name}{SUFFIX}"))
        if became:
            report(became)
        send(name, records(state, name))
        path = state / FOLDER / DELIVERED
        try:
            replace_private(path, f"{name}\n".encode())
        except (OSError, PrivateFileError) as error:
            raise JournalError(f"{path}: {error}") from error
        done.append(name)
    return done


def outcome(run: journal.Run) -> Outcome | None:
    """Return what became of a run; None if it was not the gate that allowed it.

    A run without an end was killed, and its hosts are unknown: it failed.
    """
    judged, ended = run.first("judged"), run.first("ended")
    decision = judged.get("decision")
    if (judged.get("by"), judged.get("verdict")) != ("gate", "allow") or not decision:
        return None
    return Outcome(
        decision=decision,
        result="done" if ended.get("result") == "succeeded" else "failed",
        seconds=round(ended.get("milliseconds", 0) / 1000),
    )


def records(state: Path, name: str) -> list[dict[str, Any]]:
    """Return what the gate's log gets of one run.

    The head of its chain binds every entry; a decision that was made in-process goes
    as it was recorded, so that the log can decide it again, and with it what a steward
    signed for it.
    """
    path = state / FOLDER / f"{name}{SUFFIX}"
    run = journal.read(path)
    _, head, _ = chain.read(path.read_bytes().split(b"\n")[:-1])
    found = [{"kind": "run", "digest": f"sha256:{head}", "record": show.summary(run)}]
    judged = run.first("judged")
    decided = judged.get("record")
    if decided:
        digest = f"sha256:{sha256(decided.encode()).hexdigest()}"
        found.append({"kind": "verdict", "digest": digest, "record": decided})
    approved = judged.get("approval")
    if approved:
        digest = f"sha256:{sha256(approved.encode()).hexdigest()}"
        found.append({"kind": "approval", "digest": digest, "record": approved})
    applied = run.first("applied").get("digest")
    if applied:
        found.append({"kind": "applied", "digest": applied})
    return found
