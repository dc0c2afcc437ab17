"""Whether the applied state is the newest one that the runs of this controller wrote.

The record's MAC does not tell an older record from the newest. Each run notes in its
own record which number of the applied state it wrote, and at a good end the digest; the
one on the disk may not be behind that.

Who puts the records of the runs back as well is found out by the gate's log, which has
the digests of the newest record as well: ``/v1/applied`` of ``clawlaw.gate``.
"""

from pathlib import Path

from forge.change.applied import Applied, AppliedStateError
from forge.runs import journal


def refuse_older(folder: Path, record: Applied | None) -> None:
    """Refuse a record that was put back.

    A record that is gone is no older one: every host is then unknown to the plan.

    Args:
        folder: Of one platform's state; the records of runs are beside it.
        record: Of what is applied, as stored.

    Raises:
        AppliedStateError: A run has written a newer one, or another one.
        InputError: A record of a run cannot be read.
    """
    if record is None:
        return
    state = folder.parent
    for name in reversed(journal.names(state)):
        if name < record.run:
            return
        run = journal.load(state, name)
        judged, done = run.first("judged"), run.first("applied")
        if judged.get("platform") != folder.name or "sequence" not in judged:
            continue
        number = judged["sequence"] + bool(done)
        other = done and number == record.sequence and done["digest"] != record.digest()
        if number > record.sequence or other:
            raise AppliedStateError(
                f"the applied state is number {record.sequence}, of run {record.run};"
                f" run {name} wrote number {number}: an older one was put back",
                remedy=(
                    f"restore the newest {folder}/applied.json, or remove it: every"
                    " host is then unknown to the plan that the gate judges"
                ),
            )
        return


def untold(folder: Path, newest: str) -> list[str]:
    """Return the records before the newest one that runs without the gate followed.

    The gate's log has no word of a run that was judged in the controller's process (a
    repair, an installation). It says so in its own record, with the digest of the
    record of what was applied before it.

    Args:
        folder: Of one platform's state.
        newest: Digest of the record that is on the disk.

    Returns:
        Their digests, the newest first.

    Raises:
        InputError: A record of a run cannot be read.
    """
    state, found = folder.parent, [newest]
    for name in reversed(journal.names(state)):
        run = journal.load(state, name)
        judged, done = run.first("judged"), run.first("applied")
        if judged.get("platform") != folder.name or "sequence" not in judged:
            continue
        wrote = {judged.get("begun"), done.get("digest")}
        basis = judged.get("basis")
        if judged.get("by") == "gate" or not basis or found[-1] not in wrote:
            break
        found.append(str(basis))
    return found[1:]
