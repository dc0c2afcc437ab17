"""Records of runs on their way into the gate's log.

A run cannot deliver its own end. So the next run that the gate answers takes along what
was not delivered yet, in order; a run whose entries did not arrive goes again.
"""

from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from clawlaw.private import PrivateFileError, replace_private
from forge.runs import chain, journal, show
from forge.runs.journal import FOLDER, SUFFIX, JournalError

DELIVERED: Final = "delivered"  # holds the name of the newest run that arrived
MOST: Final = 20  # runs at once; the next run takes the rest

type Send = Callable[[str, Sequence[dict[str, Any]]], None]


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


def deliver(state: Path, present: str, send: Send) -> list[str]:
    """Send what is pending.

    Args:
        state: Folder of the controller's records.
        present: The run that is at work.
        send: Puts records of one run into the log; raises if they did not arrive.

    Returns:
        The runs that arrived.

    Raises:
        JournalError: That they arrived cannot be noted.
    """
    done = []
    for name in pending(state, present):
        send(name, records(state, name))
        path = state / FOLDER / DELIVERED
        try:
            replace_private(path, f"{name}\n".encode())
        except (OSError, PrivateFileError) as error:
            raise JournalError(f"{path}: {error}") from error
        done.append(name)
    return done


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
