"""Entries of the evidence log: one typed, versioned shape for everything recorded.

An entry is an envelope (number, time, boot) around one body. Bodies are a closed list
of tagged structs; `decided` holds the record that `clawlaw replay` decides again. Ids
link a chain: a session is opened, a proposal in it is decided, an escalation and its
answer name the decision, a consumption names the answer, an outcome names the decision.
"""

from typing import Final, Literal

import msgspec
from msgspec import Struct

from clawlaw.core.canonical import CanonicalError, canonical_struct
from clawlaw.core.decision import Outcome
from clawlaw.core.errors import ClawLawError
from clawlaw.record import DecisionRecord, Opening, RefusalRecord

ENTRY_VERSION: Final = 1

type Enforcement = Literal["mediated", "advisory"]
type Durability = Literal["fullfsync", "fdatasync", "barrier"]


class EntryError(ClawLawError):
    """Bytes are not an entry of a version that is known; the message says why."""


class Body(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind"):
    """One thing that is recorded; the subclasses are the closed list."""


class Started(Body, frozen=True, tag="started"):
    """A gate began to serve; the first entry of every boot.

    Attributes:
        version: Of the `clawlaw` wheel.
        durability: What an append waits for.
        observe: Verdicts are recorded and nothing is stopped.
        clean: The boot before ended with `stopped`.
    """

    version: str
    durability: Durability
    observe: bool
    clean: bool


class Stopped(Body, frozen=True, tag="stopped"):
    """A gate drained and ended."""

    reason: str


class Activated(Body, frozen=True, tag="activated"):
    """A policy took effect for every decision after this entry.

    Attributes:
        name: Of the policy.
        policy: Digest.
        kernel: Digest of code, grammar and profiles.
        by: "start", or the steward who asked for it.
    """

    name: str
    version: str
    policy: str
    kernel: str
    by: str


class Opened(Body, frozen=True, tag="opened"):
    """A session began.

    Attributes:
        client: The adapter or library that speaks for the agent.
        goal: Digest of the request that the session serves, "" where there is none.
    """

    opening: Opening
    client: str = ""
    goal: str = ""


class Closed(Body, frozen=True, tag="closed"):
    """A session ended, by itself or because it was quarantined.

    Attributes:
        reason: "" where the client ended it.
    """

    session: str
    reason: str = ""


class Decided(Body, frozen=True, tag="decided"):
    """One decision, with what made it and what it grants.

    Attributes:
        id: Of the decision, unique in the log.
        record: Decided again by `clawlaw replay`.
        enforcement: "mediated": the gate's executor or proxy performs it; "advisory":
            the client does, after the answer.
        observe: The verdict was recorded and not enforced.
        permit: Digest of the single-use permit that went with an ALLOW, else "".
        client: The adapter or library that proposed.
        trace: W3C traceparent of the request, "" where there was none.
    """

    id: str
    record: DecisionRecord
    enforcement: Enforcement = "advisory"
    observe: bool = False
    permit: str = ""
    client: str = ""
    trace: str = ""


class Refused(Body, frozen=True, tag="refused"):
    """Bytes that were no proposal, and so were denied."""

    id: str
    record: RefusalRecord
    principal: str = ""


class Written(Struct, frozen=True, forbid_unknown_fields=True):
    """A file as an action left it."""

    path: str
    digest: str  # of its bytes; "" where it was removed


class Exchange(Struct, frozen=True, forbid_unknown_fields=True):
    """What a model was asked and what it answered, without the words.

    Attributes:
        prompt: Digest of the request as the model's engine got it.
        response: Digest of the answer as the engine gave it, as far as it came.
        backend: Name of the engine that answered, "" where none was asked.
        prompt_tokens: As the engine reported.
        completion_tokens: As the engine reported.
        reported: The engine reported its usage; without it nothing is given back.
        first: Microseconds until the first piece of the answer; 0: none came.
    """

    prompt: str = ""
    response: str = ""
    backend: str = ""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    reported: bool = False
    first: int = 0


class Performed(Body, frozen=True, tag="performed"):
    """What became of an allowed action.

    Attributes:
        id: Of the decision.
        session: Of the decision.
        outcome: What it settles and teaches, for the state.
        status: "done": it ran to its end; "failed": it could not be started;
            "mismatch": what ran was not what was judged.
        exit: Exit status, -1 where there is none.
        duration: Microseconds.
        bytes_out: Bytes that the agent was shown.
        files: Written or removed by it.
        sandbox: Name of what confined it, "" where nothing did.
        history: Digest of every decision and outcome before it.
        exchange: Of a request to a model; none for any other action.
    """

    id: str
    session: str
    outcome: Outcome
    history: str
    status: Literal["done", "failed", "mismatch"] = "done"
    exit: int = -1
    duration: int = 0
    bytes_out: int = 0
    files: tuple[Written, ...] = ()
    sandbox: str = ""
    exchange: Exchange | None = None


class Certified(Body, frozen=True, tag="certified"):
    """An SSH certificate was signed for a run whose plan was allowed.

    Attributes:
        decision: Id of the one that allowed the plan; its permit is used up.
        serial: Of the certificate: the index of this entry.
        key_id: Run and plan, as sshd logs it at each login.
        hosts: That accept it.
        key: Fingerprint of the run's key.
        authority: Fingerprint of the key that signed.
        begins: Milliseconds since the epoch.
        ends: As well; at it, the certificate counts no more.
        sources: Networks that a login may come from; none: any.
    """

    decision: str
    session: str
    serial: int
    key_id: str
    hosts: tuple[str, ...]
    key: str
    authority: str
    begins: int
    ends: int
    sources: tuple[str, ...] = ()


class Escalated(Body, frozen=True, tag="escalated"):
    """A decision that waits for stewards.

    Attributes:
        id: Of the escalation.
        decision: Id.
        action: Digest that an approval must name.
        policy: Digest it was decided under.
        gates: Ids of the rules that asked.
        deadline: Milliseconds since the epoch; then it is denied.
        needed: Stewards who must approve.
        principal: Who proposed; never counts as one of them.
        session: Of the decision.
    """

    id: str
    decision: str
    action: str
    policy: str
    gates: tuple[str, ...]
    deadline: int
    needed: int = 1
    principal: str = ""
    session: str = ""


class Answered(Body, frozen=True, tag="answered"):
    """What a steward, or the deadline, said to an escalation.

    Attributes:
        id: Of the answer; an approval is consumed by this id.
        escalation: Id.
        answer: "expire" is the deadline's; "revoke" takes an approval back.
        steward: Key id; "" for the deadline.
        reason: In the steward's words.
        expires: Of an approval, milliseconds since the epoch; else 0.
        signature: Of the steward over the canonical answer, base64.
    """

    id: str
    escalation: str
    answer: Literal["approve", "deny", "expire", "revoke"]
    steward: str = ""
    reason: str = ""
    expires: int = 0
    signature: str = ""


class Consumed(Body, frozen=True, tag="consumed"):
    """An approval that a decision is about to use; logged first, so it is used up."""

    escalation: str
    decision: str


class Adjusted(Body, frozen=True, tag="adjusted"):
    """A steward changed a budget of a session: the only way to relax a level.

    Attributes:
        ceilings: By unit, new; empty for "reset".
    """

    session: str
    act: Literal["increase", "reset"]
    steward: str
    unit: str
    ceiling: int = 0
    signature: str = ""


class Summary(Body, frozen=True, tag="summary"):
    """Denials that were given without an entry each.

    Attributes:
        reason: "overload", "latched" or "malformed".
        count: How many.
        first: Milliseconds since the epoch, of the first.
        last: Of the last.
    """

    reason: Literal["overload", "latched", "malformed"]
    count: int
    first: int
    last: int


class Checkpointed(Body, frozen=True, tag="checkpointed"):
    """The log's head was signed.

    Attributes:
        note: The signed note, as sent to anchors and witnesses.
    """

    note: str


type AnyBody = (
    Started
    | Stopped
    | Activated
    | Opened
    | Closed
    | Decided
    | Refused
    | Performed
    | Certified
    | Escalated
    | Answered
    | Consumed
    | Adjusted
    | Summary
    | Checkpointed
)


class Entry(Struct, frozen=True, forbid_unknown_fields=True):
    """One entry.

    Attributes:
        seq: Index in the log, from 0.
        time: Milliseconds since the epoch, never before the entry's predecessor.
        boot: Names the run of the gate that wrote it.
    """

    version: Literal[1]
    seq: int
    time: int
    boot: str
    body: AnyBody


_DECODER: Final = msgspec.json.Decoder(Entry)


def encode_entry(entry: Entry) -> bytes:
    """Canonical bytes of an entry.

    Raises:
        EntryError: It holds what has no canonical form.
    """
    try:
        return canonical_struct(entry)
    except CanonicalError as error:
        raise EntryError(f"cannot be recorded: {error}") from error


def decode_entry(data: bytes) -> Entry:
    """Read one entry.

    Raises:
        EntryError: Not an entry, or of another version.
    """
    try:
        return _DECODER.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise EntryError(f"not an entry of version {ENTRY_VERSION}: {error}") from error
