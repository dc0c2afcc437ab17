"""What clients ask besides proposals: closed shapes, read as strictly as proposals."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from clawlaw.adapters.aliases import in_known_words
from clawlaw.core.actions import Count, Proposal
from clawlaw.core.decode import invalid, read_strictly, to_proposal
from clawlaw.core.errors import ProposalError
from clawlaw.core.state import Scope
from clawlaw.evidence.schema import Written
from clawlaw.gate.permits import MAX_LENGTH

MAX_SESSION_ID = 128  # characters
MAX_FILES = 1024  # in one outcome

Digest = Annotated[str, Meta(max_length=128)]
Client = Annotated[str, Meta(max_length=100)]
SessionId = Annotated[str, Meta(min_length=1, max_length=MAX_SESSION_ID)]
Carried = Literal["untrusted", "secret", "personal", "internal"]


class OpenRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """A client begins a session."""

    session: SessionId
    scope: Scope | None = None
    parent: Annotated[str, Meta(max_length=MAX_SESSION_ID)] = ""
    goal: Digest = ""
    client: Client = ""


class CloseRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """A client ends a session."""

    session: SessionId


class RedeemRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """An executor brings a permit."""

    permit: str


class ExchangeRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """What a model was asked and answered; as recorded, with bounds."""

    prompt: Digest = ""
    response: Digest = ""
    backend: Annotated[str, Meta(max_length=64)] = ""
    prompt_tokens: Count = 0
    completion_tokens: Count = 0
    reported: bool = False
    first: Count = 0


class OutcomeRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """What became of an allowed action.

    Attributes:
        id: Of the decision.
        exit: Exit status, -1 where there is none.
        duration: Microseconds.
        text: What came back, as the agent sees it; not kept.
        untrusted: Others wrote it.
        labels: What it is known to carry besides.
        sandbox: Name of what confined it.
        permit: That came with the answer, where the action was mediated. Who shows it
            is who proposed, and may give back what was reserved and not used.
        exchange: Of a request to a model.
    """

    id: Annotated[str, Meta(max_length=64)]
    status: Literal["done", "failed", "mismatch"] = "done"
    exit: Annotated[int, Meta(ge=-(2**31), le=2**31)] = -1
    duration: Count = 0
    bytes_out: Count = 0
    files: Annotated[tuple[Written, ...], Meta(max_length=MAX_FILES)] = ()
    text: str = ""
    untrusted: bool = False
    labels: tuple[Carried, ...] = ()
    sandbox: Annotated[str, Meta(max_length=64)] = ""
    permit: Annotated[str, Meta(max_length=MAX_LENGTH, pattern="^[ -~]*$")] = ""
    exchange: ExchangeRequest | None = None


class Call(Struct, frozen=True):
    """A proposal as it came over the wire.

    Attributes:
        mediated: An executor will perform it, against a permit.
    """

    proposal: Proposal
    mediated: bool


def read[T: Struct](raw: bytes, shape: type[T]) -> T:
    """One request.

    Raises:
        ProposalError: It is not of the shape; the field is named.
    """
    value = read_strictly(raw)
    if not isinstance(value, dict):
        raise ProposalError("", "a request is a JSON object")
    try:
        found = msgspec.convert(value, shape)
    except msgspec.ValidationError as error:
        raise invalid(value, str(error)) from error
    _check_texts(found, ("session", "parent", "goal", "client", "sandbox"))
    exchange = getattr(found, "exchange", None)
    if exchange is not None:
        _check_texts(exchange, ("prompt", "response", "backend"))
    return found


def _check_texts(found: Struct, names: tuple[str, ...]) -> None:
    for name in names:
        if not getattr(found, name, "").isprintable():
            raise ProposalError(name, "holds a control or invisible character")


def to_call(value: Any, principal: str) -> Call:  # noqa: ANN401  # any JSON value
    """A proposal of whoever the listener says, from plain data.

    Raises:
        ProposalError: It is none, or says itself who proposes.
    """
    if not isinstance(value, dict):
        raise ProposalError("", "a proposal is a JSON object")
    if "principal" in value:
        raise ProposalError("principal", "is the caller's; leave it out")
    given = dict(value)
    mediated = given.pop("mediated", False)
    if not isinstance(mediated, bool):
        raise ProposalError("mediated", "is true or false")
    given["principal"] = principal
    session = given.get("session")
    if isinstance(session, str) and len(session) > MAX_SESSION_ID:
        raise ProposalError("session", f"longer than {MAX_SESSION_ID} characters")
    return Call(in_known_words(to_proposal(given)), mediated)


__all__ = [
    "Call",
    "CloseRequest",
    "ExchangeRequest",
    "OpenRequest",
    "OutcomeRequest",
    "RedeemRequest",
    "read",
    "to_call",
]
