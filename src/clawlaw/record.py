"""The decision record: everything that a decision rested on, in one line of JSON.

`clawlaw decide --json` prints it, the log frames it, `clawlaw replay` decides it
again. A file of records is the history of one boundary: decisions and outcomes in the
order in which they took effect, so that the state before each one is known again.
The bytes are canonical: the same decision is the same line everywhere.
"""

import hashlib
from collections.abc import Mapping
from typing import Any, Final, Literal, cast

import msgspec
from msgspec import Struct

from clawlaw.core.actions import AnyEffect, Proposal
from clawlaw.core.canonical import CanonicalError, canonical_struct, digest
from clawlaw.core.decision import Decision, Outcome, Verdict
from clawlaw.core.errors import ClawLawError
from clawlaw.core.facts import Facts
from clawlaw.core.state import Scope

VERSION: Final = 1
NAMES = {verdict: verdict.name.lower() for verdict in Verdict}
VERDICTS = {name: verdict for verdict, name in NAMES.items()}


class RecordError(ClawLawError):
    """A line is not a record of a version that is known; the message says why."""


class Opening(Struct, frozen=True, forbid_unknown_fields=True):
    """How the session of a decision began.

    Attributes:
        scope: As declared; `None` took the principal's ceiling.
        parent: Session that delegated to it, "" where none did.
    """

    principal: str
    session: str
    scope: Scope | None = None
    parent: str = ""


class Bound(Struct, frozen=True, forbid_unknown_fields=True):
    """What the variables of the policy stood for."""

    workspace: tuple[str, ...]
    home: str


class DecisionRecord(
    Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="decision"
):
    """One decision.

    Attributes:
        history: Digest of every decision and outcome before it at this boundary.
        effects: What the analysis found, in order.
        decision: With verdicts by name.
    """

    version: Literal[1]
    history: str
    bindings: Bound
    opening: Opening
    proposal: Proposal
    effects: tuple[AnyEffect, ...]
    facts: Facts
    decision: dict[str, Any]


class OutcomeRecord(
    Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="outcome"
):
    """What an action turned out to use and to teach; no text of the result itself."""

    version: Literal[1]
    history: str
    session: str
    outcome: Outcome


class RefusalRecord(
    Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="refusal"
):
    """Bytes that were no proposal, and so were denied.

    Attributes:
        input: Digest of the bytes.
        field: Where it was wrong.
        reason: What was wrong.
    """

    version: Literal[1]
    history: str
    input: str
    field: str
    reason: str
    verdict: Literal["deny"] = "deny"


type Record = DecisionRecord | OutcomeRecord | RefusalRecord


def decision_fields(decision: Decision) -> dict[str, Any]:
    """A decision as the record holds it: verdicts by name, the rest as it is."""
    fields: dict[str, Any] = msgspec.to_builtins(decision)
    fields["verdict"] = NAMES[decision.verdict]
    for finding, said in zip(fields["findings"], decision.findings, strict=True):
        finding["verdict"] = NAMES[said.verdict]
    return fields


def encode(record: Record) -> bytes:
    """The line of a record, without its end.

    Raises:
        RecordError: It holds what has no canonical form.
    """
    try:
        return canonical_struct(record)
    except CanonicalError as error:
        raise RecordError(f"cannot be recorded: {error}") from error


def decode(line: bytes) -> Record:
    """Read one line.

    Raises:
        RecordError: Not a record, or of another version.
    """
    try:
        return cast("Record", msgspec.json.decode(line, type=Record))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RecordError(f"not a record of version {VERSION}: {error}") from error


def extend(history: str, entry: Mapping[str, Any]) -> str:
    """Digest of a history with one more entry, in constant time."""
    return digest({"before": history, "entry": dict(entry)})


def extend_struct(history: str, name: str, value: Struct) -> str:
    """Digest of a history with one more entry: :func:`extend` of `{name: value}`."""
    said = canonical_struct(value)
    line = b'{"before":"%s","entry":{"%s":%s}}' % (
        history.encode(),
        name.encode(),
        said,
    )
    return "sha256:" + hashlib.sha256(line).hexdigest()
