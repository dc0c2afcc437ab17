"""What the log says of the gate: every entry takes effect again, in order.

The log is the authority. Nothing is decided again; what was decided, opened, answered,
consumed and performed has the effect that it had. Permits are not rebuilt: they end
with the process that gave them. A snapshot saves the entries before it; where anything
about it is off, every entry is read.
"""

from collections.abc import Callable, Iterator

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
from clawlaw.gate.journal import note
from clawlaw.gate.ledger import RootedLog
from clawlaw.gate.snapshot import Snapshot
from clawlaw.gate.standing import stand
from clawlaw.gate.state import GateState


class RebuildError(ClawLawError):
    """The log does not say how the gate stood; it does not start."""


class Rebuilt:
    """How a log ended.

    Attributes:
        entries: How many there were.
        known: Entries that a snapshot stood for and that were not read.
        clean: The boot before ended with `stopped`, or there was none.
        policy: Digest that was in force; "" where there was none.
        heads: Signed heads among the entries that were read, with their times.
    """

    def __init__(self) -> None:
        """Nothing was read yet."""
        self.entries = 0
        self.known = 0
        self.clean = True
        self.policy = ""
        self.heads: list[tuple[bytes, int]] = []


def rebuild(
    state: GateState,
    log: RootedLog,
    snapshot: Snapshot | None = None,
    resume: Callable[[Snapshot], bool] = lambda _snapshot: True,
) -> Rebuilt:
    """Let every entry of a log take effect.

    Args:
        state: With the policy in force and nothing else.
        log: Verified as far as its frames and links go.
        snapshot: Of the gate's own, under the policy in force.
        resume: Lets what else goes on from the snapshot do so; false: it cannot.

    Raises:
        RebuildError: An entry is none, out of order, or cannot follow those before it.
    """
    if snapshot is not None:
        try:
            return _from_snapshot(state, log, snapshot, resume)
        except (ClawLawError, KeyError, ValueError) as error:
            note("snapshot not used", problem=str(error), entries=snapshot.size)
            state.clear()
    told = Rebuilt()
    _replay(state, log.read(), told)
    return told


def _from_snapshot(
    state: GateState,
    log: RootedLog,
    snapshot: Snapshot,
    resume: Callable[[Snapshot], bool],
) -> Rebuilt:
    rest = log.after(snapshot.size, bytes.fromhex(snapshot.root))
    stand(state, snapshot.standing)
    told = Rebuilt()
    told.entries = told.known = snapshot.size
    told.clean, told.policy = snapshot.clean, snapshot.policy
    _replay(state, rest, told)
    if not resume(snapshot):
        raise StateError("what the witnesses had then is not known now")
    return told


def _replay(
    state: GateState, payloads: Iterator[tuple[int, bytes]], told: Rebuilt
) -> None:
    for index, payload in payloads:
        try:
            entry = decode_entry(payload)
            _check(entry, index, state.ledger.newest)
            state.ledger.went(entry.time)
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
            told.heads.append((entry.body.note.encode(), entry.time))


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
            state.applied.take(body)
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
