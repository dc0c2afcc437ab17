"""Records of runs on their way into the gate's log, and what became of its decisions.

A run cannot deliver its own end. So the next run that the gate answers takes along what
was not delivered yet, in order; where one did not arrive, all of them go again.
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


class Delivery(NamedTuple):
    """What the gate's log gets of one run.

    Attributes:
        run: Its name.
        records: In their order.
        outcome: Of the gate's decision that allowed it; none, if another way did.
    """

    run: str
    records: Sequence[dict[str, Any]]
    outcome: Outcome | None = None


type Send = Callable[[Sequence[Delivery]], None]


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


def deliver(
    state: Path, present: str, send: Send, own: Sequence[dict[str, Any]] = ()
) -> list[str]:
    """Send what is pending, all at once.

    Args:
        state: Folder of the controller's records.
        present: The run that is at work.
        send: Puts records into the log, and tells the gate of outcomes; raises if some
            did not arrive.
        own: Records of the run that is at work, which go last.

    Returns:
        The earlier runs that arrived.

    Raises:
        JournalError: That they arrived cannot be noted.
    """
    names = pending(state, present)
    sent = [
        Delivery(
            name,
            records(state, name),
            outcome(journal.read(state / FOLDER / f"{name}{SUFFIX}")),
        )
        for name in names
    ]
    if own:
        sent.append(Delivery(present, own))
    if sent:
        send(sent)
    if names:
        path = state / FOLDER / DELIVERED
        try:
            replace_private(path, f"{names[-1]}\n".encode())
        except (OSError, PrivateFileError) as error:
            raise JournalError(f"{path}: {error}") from error
    return names


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
    for row in (row for row in run.entries if row["kind"] == "plain_key"):
        said = {name: row[name] for name in ("host", "uses", "last", "unreadable")}
        found.append({"kind": "plain_key", "digest": row["digest"], "record": said})
    applied = run.first("applied").get("digest")
    if applied:
        found.append({"kind": "applied", "digest": applied})
    return found
