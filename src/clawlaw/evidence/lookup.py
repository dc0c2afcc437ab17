"""Find things in a log by reading it: without an index, and so always right."""

from pathlib import Path

from clawlaw.evidence.proof import ProofError
from clawlaw.evidence.reader import entries
from clawlaw.evidence.schema import Checkpointed, Decided, Refused, decode_entry


def index_of(folder: Path, decision: str) -> int:
    """Index of the entry of a decision.

    Raises:
        ProofError: No decision has that id.
        EntryError: An entry cannot be read.
        LogDamaged: The log is not what was written.
    """
    wanted = decision.encode()
    for index, payload in entries(folder):
        if wanted in payload:
            body = decode_entry(payload).body
            if isinstance(body, Decided | Refused) and body.id == decision:
                return index
    raise ProofError(f"{folder}: no decision {decision!r}")


def last_head(folder: Path) -> str:
    """The last signed head that the log itself holds, as a note.

    Raises:
        ProofError: It holds none yet.
        EntryError: An entry cannot be read.
        LogDamaged: The log is not what was written.
    """
    note = ""
    for _, payload in entries(folder):
        if b'"checkpointed"' in payload:
            body = decode_entry(payload).body
            if isinstance(body, Checkpointed):
                note = body.note
    if not note:
        raise ProofError(f"{folder}: holds no checkpoint yet; give one by --checkpoint")
    return note
