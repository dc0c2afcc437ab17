"""What is applied: the last known facts of every host, in a record that shows edits.

A run marks its hosts before it touches them, and clears the mark when it ends well; so
a run that fails, or is killed, leaves them unknown without having to do anything.

A record is canonical JSON under a MAC, and names the record before it. Who does not
have the key cannot write one that is believed. An older record that is put back is
refused (:mod:`forge.change.newest`). Who has the key, and rewrites the records of the
runs as well, is found out by the gate: its log has the digests of the record with which
the last run that it allowed began and of the one that it was to write, and the record
that the next run finds has to be one of them (:mod:`forge.change.running`).
"""

import hmac
from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Any

import msgspec

from clawlaw.core.canonical import CanonicalError, canonical_json, digest
from forge.change.model import NOTHING_APPLIED, Kind, Plan
from forge.change.snapshot import Facts, Snapshot
from forge.errors import ForgeError

FORMAT = 1
FIRST = NOTHING_APPLIED  # the record before the first one
_UNKNOWN_HOST = ("host", Kind.UNKNOWN)
_TAG = b"forge applied state\x00"


class AppliedStateError(ForgeError):
    """The record is damaged, was edited, or is not of this controller."""


class AppliedHost(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one host.

    Attributes:
        facts: Of the last run that ended well; empty if none did.
        run: Id of that run; empty if none did.
        attempt: Digest of the plan whose run has not ended well there; empty if the
            facts are what is applied.
    """

    facts: Facts
    run: str = ""
    attempt: str = ""


class Applied(msgspec.Struct, frozen=True, kw_only=True):
    """One record of the applied state.

    Attributes:
        sequence: 1 for the first record, one more for each that follows.
        previous: Digest of the record before it; ``none`` for the first.
        run: Id of the run that wrote it.
        plan: Digest of that run's plan.
        basis: Digest of the record that this plan was compared with, or ``none``.
        unknown: Hosts that were unknown to this plan.
        hosts: By name.
    """

    sequence: int
    previous: str
    run: str
    plan: str
    basis: str
    unknown: tuple[str, ...]
    hosts: dict[str, AppliedHost]

    def digest(self) -> str:
        """Return the digest of the record, for the run's record and the gate's log."""
        return digest(_body(self))

    def known(self) -> Snapshot:
        """Return the facts of the runs that ended well, whatever failed since."""
        return Snapshot({n: h.facts for n, h in self.hosts.items() if h.facts})

    def attempted(self) -> list[str]:
        """Return the hosts that a run began with and did not end well, sorted."""
        return sorted(name for name, host in self.hosts.items() if host.attempt)


def supposed(snapshot: Snapshot) -> Applied:
    """Return a record that says so of a snapshot, to compare two proposals.

    It is no evidence of anything that was applied, and must not be stored.
    """
    hosts = {name: AppliedHost(facts=facts) for name, facts in snapshot.hosts.items()}
    return Applied(
        sequence=0,
        previous=FIRST,
        run="",
        plan="",
        basis=FIRST,
        unknown=(),
        hosts=hosts,
    )


def begin(
    applied: Applied | None, plan: Plan, hosts: Iterable[str], run: str
) -> Applied:
    """Return the record to write before a run touches a host: its hosts are unknown.

    Args:
        applied: The record so far.
        plan: What is to be done.
        hosts: All that the run may touch.
        run: Its id.
    """
    known = dict(applied.hosts) if applied else {}
    for name in hosts:
        old = known.get(name, AppliedHost(facts={}))
        known[name] = msgspec.structs.replace(old, attempt=plan.digest)
    return _next(applied, run, known, plan)


def finish(
    applied: Applied, proposed: Snapshot, plan: Plan, hosts: Iterable[str], run: str
) -> Applied:
    """Return the record to write after a run that ended well.

    Args:
        applied: The record that :func:`begin` made.
        proposed: What the plan proposed.
        plan: What was done.
        hosts: Those that the run converged; a host of the record that is no longer
            proposed is forgotten when all proposed hosts are among them.
        run: Its id.

    Raises:
        AppliedStateError: A host is marked by another plan, or not proposed.
    """
    done = sorted(set(hosts))
    known = dict(applied.hosts)
    for name in done:
        marked = known.get(name)
        if (
            marked is None
            or marked.attempt != plan.digest
            or name not in proposed.hosts
        ):
            raise AppliedStateError(
                f"{name} was not begun under plan {plan.digest}: nothing is recorded",
                remedy="run the playbook again from its beginning",
            )
        known[name] = AppliedHost(facts=proposed.hosts[name], run=run)
    if proposed.hosts.keys() <= set(done):
        known = {name: known[name] for name in proposed.hosts}
    return _next(applied, run, known, plan)


def _next(
    applied: Applied | None, run: str, hosts: dict[str, AppliedHost], plan: Plan
) -> Applied:
    unknown = [c.host for c in plan.changes if (c.subject, c.kind) == _UNKNOWN_HOST]
    return Applied(
        sequence=applied.sequence + 1 if applied else 1,
        previous=applied.digest() if applied else FIRST,
        run=run,
        plan=plan.digest,
        basis=plan.applied_digest,
        unknown=tuple(unknown),
        hosts=hosts,
    )


def encode(applied: Applied, key: bytes) -> bytes:
    """Return a record as bytes, under the MAC of a key of 32 bytes."""
    body = _body(applied)
    mac = hmac.digest(key, _TAG + canonical_json(body), sha256).hex()
    return canonical_json({"body": body, "mac": mac}) + b"\n"


def decode(data: bytes, key: bytes) -> Applied:
    """Read a record.

    Raises:
        AppliedStateError: Not what :func:`encode` made with this key.
    """
    try:
        envelope = msgspec.json.decode(data, type=_Envelope, strict=True)
        body = canonical_json(envelope.body)
        expected = hmac.digest(key, _TAG + body, sha256).hex()
        # Compared as bytes: text beyond ASCII is no MAC, and no error either.
        if not hmac.compare_digest(expected.encode(), envelope.mac.encode()):
            raise _refused("its MAC is not that of this controller's key")
        read = msgspec.convert(envelope.body, _Body, strict=True)
        found = _unpacked(read)
        if encode(found, key) != data:
            raise _refused("it is not in its one form")
    except (
        msgspec.DecodeError,
        CanonicalError,
        IndexError,
        RecursionError,
        UnicodeError,
    ) as error:
        raise _refused(f"it cannot be read: {error}") from error
    return found


def _refused(why: str) -> AppliedStateError:
    return AppliedStateError(
        f"the applied state is not trusted: {why}",
        remedy="restore the file, or have a steward approve a plan without it",
    )


class _Host(msgspec.Struct, forbid_unknown_fields=True):
    facts: dict[str, int]
    run: str
    attempt: str


class _Body(msgspec.Struct, forbid_unknown_fields=True):
    format: int
    sequence: int
    previous: str
    run: str
    plan: str
    basis: str
    unknown: tuple[str, ...]
    values: list[str]
    hosts: dict[str, _Host]


class _Envelope(msgspec.Struct, forbid_unknown_fields=True):
    body: Any
    mac: str


def _body(applied: Applied) -> dict[str, Any]:
    """Return the record as data; each text is in it once, hosts name it by number."""
    numbers: dict[str, int] = {}
    hosts: dict[str, Any] = {}
    for name in sorted(applied.hosts):
        host = applied.hosts[name]
        facts = {
            subject: numbers.setdefault(host.facts[subject], len(numbers))
            for subject in sorted(host.facts)
        }
        hosts[name] = {"facts": facts, "run": host.run, "attempt": host.attempt}
    return {
        "format": FORMAT,
        "sequence": applied.sequence,
        "previous": applied.previous,
        "run": applied.run,
        "plan": applied.plan,
        "basis": applied.basis,
        "unknown": applied.unknown,
        "values": list(numbers),
        "hosts": hosts,
    }


def _unpacked(body: _Body) -> Applied:
    if body.format != FORMAT:
        raise _refused(f"its format is {body.format}, not {FORMAT}")
    return Applied(
        sequence=body.sequence,
        previous=body.previous,
        run=body.run,
        plan=body.plan,
        basis=body.basis,
        unknown=body.unknown,
        hosts={
            name: AppliedHost(
                facts=_facts(host.facts, body.values),
                run=host.run,
                attempt=host.attempt,
            )
            for name, host in body.hosts.items()
        },
    )


def _facts(numbers: Mapping[str, int], values: list[str]) -> Facts:
    if any(number < 0 for number in numbers.values()):
        raise _refused("a fact has no value")
    return {subject: values[number] for subject, number in numbers.items()}
