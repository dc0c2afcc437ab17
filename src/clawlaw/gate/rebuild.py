"""What the log says of the gate: every entry takes effect again, in order.

The log is the authority. Nothing is decided again; what was decided, opened, answered,
consumed and performed has the effect that it had. Permits are not rebuilt: they end
with the process that gave them.
"""

from collections.abc import Callable

from clawlaw.core.errors import ClawLawError, StateError
from clawlaw.evidence.schema import (
    Activated,
    Adjusted,
    AnyBody,
    Checkpointed,
    Closed,
    Decided,
    Entry,
    EntryError,
    Opened,
    Performed,
    Stopped,
    decode_entry,
)
from clawlaw.gate.ledger import EntryLog
from clawlaw.gate.state import GateState


class RebuildError(ClawLawError):
    """The log does not say how the gate stood; it does not start."""


class Rebuilt:
    """How a log ended.

    Attributes:
        entries: How many there were.
        clean: The boot before ended with `stopped`, or there was none.
        policy: Digest that was in force; "" where there was none.
    """

    def __init__(self) -> None:
        """Nothing was read yet."""
        self.entries = 0
        self.clean = True
        self.policy = ""


def rebuild(
    state: GateState,
    log: EntryLog,
    signed: Callable[[bytes, int], None] = lambda _note, _time: None,
) -> Rebuilt:
    """Let every entry of a log take effect.

    Args:
        state: With the policy in force and nothing else.
        log: Verified as far as its frames and links go.
        signed: Is told every signed head with its time.

    Raises:
        RebuildError: An entry is none, out of order, or cannot follow those before it.
    """
    told = Rebuilt()
    for index, payload in log.read():
        try:
            entry = decode_entry(payload)
            _check(entry, index, state.ledger.last)
            state.ledger.last = entry.time
            _take(state, entry.body, entry.time)
        except (EntryError, ClawLawError, KeyError, ValueError) as error:
            raise RebuildError(
                f"entry {index} of the log: {error}; `clawlaw verify` says more. The "
                "gate does not start on a log that does not say how it stood"
            ) from error
        told.entries += 1
        told.clean = isinstance(entry.body, Stopped)
        if isinstance(entry.body, Activated):
            told.policy = entry.body.policy
        elif isinstance(entry.body, Checkpointed):
            signed(entry.body.note.encode(), entry.time)
    return told


def _check(entry: Entry, index: int, last: int) -> None:
    if entry.seq != index:
        raise StateError(f"is numbered {entry.seq}")
    if entry.time < last:
        raise StateError("is older than the one before it")


def _take(state: GateState, body: AnyBody, time: int) -> None:
    """Let one body take effect."""
    evaluator = state.evaluator
    match body:
        case Opened() | Closed():
            state.sessions.take(body, time)
        case Decided():
            evaluator.restore(body.record)
            session = body.record.proposal.session
            known = state.sessions.get(session)
            if known is not None:
                known.used = time
            state.allowed.take(body, evaluator.session(session).actions)
        case Performed():
            if body.history != evaluator.history:
                raise StateError(f"{body.id}: its outcome follows another history")
            evaluator.take(body.session, body.outcome)
            state.allowed.remove(body.id)
        case Adjusted():
            unit = body.unit if body.act == "increase" else ""
            evaluator.adjust(body.session, unit, body.ceiling)
        case _:
            pass
    state.escalations.take(body)
