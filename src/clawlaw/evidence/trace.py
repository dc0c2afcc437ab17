"""One action from what was asked to what came of it: intent, authority, execution.

The chain is followed through ids in both directions: from a decision to the escalation
it asked and the answers to that, to a later decision that used the approval, and to
what was performed; and up through the parents that a proposal names.
"""

from dataclasses import dataclass
from typing import Final

from clawlaw.evidence.errors import EvidenceError
from clawlaw.evidence.index import Index
from clawlaw.evidence.schema import (
    Answered,
    Certified,
    Consumed,
    Decided,
    Entry,
    Escalated,
    Opened,
    Performed,
    Refused,
)

_MOST: Final = 1_000  # ids of one chain


class TraceError(EvidenceError):
    """No entry has the id."""


@dataclass(frozen=True, slots=True)
class Trace:
    """Entries of one chain, each in the order of the log.

    Attributes:
        intent: Sessions, and decisions that a proposal names as parents.
        authority: Decisions, escalations, answers, and approvals used up.
        outcome: What was performed, and what came of it.
    """

    intent: list[Entry]
    authority: list[Entry]
    outcome: list[Entry]


def trace(index: Index, name: str) -> Trace:
    """Everything that an id is linked with.

    Args:
        index: Of the log.
        name: Of a decision, an escalation or an answer.

    Raises:
        TraceError: No entry has it.
    """
    found: dict[int, Entry] = {}
    _follow(index, name, found)
    if not found:
        raise TraceError(f"no decision, escalation or answer {name!r} in the log")
    intent: dict[int, Entry] = {}
    for entry in list(found.values()):
        if isinstance(entry.body, Decided):
            _sessions(index, entry.body, intent)
            _parents(index, entry.body, intent)
    chosen = [found[seq] for seq in sorted(found)]
    return Trace(
        [intent[seq] for seq in sorted(intent) if seq not in found],
        [entry for entry in chosen if not isinstance(entry.body, Performed)],
        [entry for entry in chosen if isinstance(entry.body, Performed)],
    )


def _follow(index: Index, name: str, found: dict[int, Entry]) -> None:
    waiting, seen = [name], set[str]()
    while waiting and len(seen) < _MOST:
        current = waiting.pop()
        if current in seen:
            continue
        seen.add(current)
        for entry in index.named(current):
            if not isinstance(entry.body, Opened):
                found[entry.seq] = entry
                waiting += _ids(entry)


def _ids(entry: Entry) -> tuple[str, ...]:
    match entry.body:
        case Decided(id=name) | Refused(id=name) | Performed(id=name):
            return (name,)
        case Escalated(id=name, decision=decision):
            return (name, decision)
        case Answered(id=name, escalation=escalation):
            return (name, escalation)
        case Consumed(escalation=escalation, decision=decision):
            return (escalation, decision)
        case Certified(decision=decision):
            return (decision,)
    return ()


def _sessions(index: Index, body: Decided, intent: dict[int, Entry]) -> None:
    """The session of a decision and those that delegated to it."""
    name, seen = body.record.opening.session, set[str]()
    while name and name not in seen:
        seen.add(name)
        above = ""
        for entry in index.named(name):
            if isinstance(entry.body, Opened):
                intent[entry.seq] = entry
                above = entry.body.opening.parent
        name = above


def _parents(index: Index, body: Decided, intent: dict[int, Entry]) -> None:
    waiting, seen = list(body.record.proposal.parents), set[str]()
    while waiting and len(seen) < _MOST:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        for entry in index.named(name):
            if isinstance(entry.body, Decided) and entry.body.id == name:
                intent[entry.seq] = entry
                waiting += entry.body.record.proposal.parents
