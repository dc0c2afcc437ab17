"""A file of records, decided again: by the same policy, or by a candidate."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from clawlaw.cli.output import UsageError
from clawlaw.cli.proposals import read_input
from clawlaw.core.errors import ProposalError, SessionError
from clawlaw.core.policy import Policy
from clawlaw.gate.evaluator import START, Evaluator
from clawlaw.record import (
    Bound,
    DecisionRecord,
    OutcomeRecord,
    Record,
    RecordError,
    RefusalRecord,
    decode,
)

type Compile = Callable[[str, str], Policy]


@dataclass(frozen=True, slots=True)
class Again:
    """One recorded decision and the same one decided now.

    Attributes:
        line: In the file, from 1.
        now: `None` where it cannot be decided again, for the reason in `problem`.
    """

    line: int
    then: DecisionRecord
    now: DecisionRecord | None
    problem: str = ""


def read_records(file: Path) -> list[tuple[int, Record]]:
    """Records by line; refusals included.

    Raises:
        UsageError: A line is no record, or there is none.
    """
    found: list[tuple[int, Record]] = []
    for number, line in enumerate(read_input(file).split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            found.append((number, decode(line)))
        except RecordError as error:
            remedy = "clawlaw decide --json prints records"
            raise UsageError(f"{file}:{number}", str(error), remedy) from error
    if not found:
        raise UsageError(str(file), "holds no record", "clawlaw decide --json does")
    return found


def decide_again(
    records: list[tuple[int, Record]], compiled: Compile, *, same: bool
) -> Iterator[Again]:
    """Decide every recorded decision again, outcomes taken in between.

    Args:
        records: Of one file, in order.
        compiled: Gives the policy for a workspace and a home.
        same: The state before each must be the recorded one; else a candidate policy
            makes a history of its own.

    Raises:
        PolicyError: The policy cannot be bound as it was.
    """
    places: dict[Bound, Evaluator] = {}
    last: Bound | None = None
    for line, record in records:
        if isinstance(record, RefusalRecord):
            continue
        if isinstance(record, OutcomeRecord):
            if last is not None:
                _take(places[last], record)
            continue
        last = record.bindings
        if last not in places or _begins(record):
            policy = compiled(last.workspace[0], last.home)
            places[last] = Evaluator(policy)
        yield _again(line, record, places[last], same=same)


def _begins(record: DecisionRecord) -> bool:
    """Whether nothing came before a decision but the opening of its session."""
    return record.history == Evaluator.history_of(START, record.opening)


def _take(evaluator: Evaluator, record: OutcomeRecord) -> None:
    if evaluator.knows(record.session):
        evaluator.take(record.session, record.outcome)


def _again(
    line: int, record: DecisionRecord, evaluator: Evaluator, *, same: bool
) -> Again:
    try:
        evaluator.open(record.opening)
        if same and evaluator.history != record.history:
            problem = "what came before it is not in the file"
            return Again(line, record, None, problem)
        done = evaluator.evaluate(record.proposal, record.facts)
    except (SessionError, ProposalError) as error:
        return Again(line, record, None, str(error))
    return Again(line, record, done.record())
