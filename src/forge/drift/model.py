"""The types of a drift report, in the order in which it is written."""

from enum import StrEnum

import msgspec

FORM = 1  # of the JSON; a reader refuses another one


class State(StrEnum):
    """What a check showed of one host, the worst last."""

    IN_SYNC = "in_sync"
    DRIFTED = "drifted"
    UNCHECKED = "unchecked"
    FAILED = "failed"
    UNREACHABLE = "unreachable"

    @property
    def is_known(self) -> bool:
        """Whether the check of the host came to its end."""
        return self in {State.IN_SYNC, State.DRIFTED}


class Verdict(StrEnum):
    """What a report says as a whole."""

    NONE = "none"
    DRIFT = "drift"
    INCOMPLETE = "incomplete"

    @property
    def status(self) -> int:
        """The exit status: 0 no drift, 1 drift, 2 not every host could be checked."""
        return {Verdict.NONE: 0, Verdict.DRIFT: 1, Verdict.INCOMPLETE: 2}[self]


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One task that would change one host.

    ``where`` is the task's file and line below the checkout. ``diff`` is unified text
    without secrets, empty where the module gives none; ``withheld`` says why nothing
    is shown of a secret. ``is_handler``: it would run because another task changes
    something.
    """

    host: str
    play: str
    role: str
    task: str
    action: str
    where: str
    diff: str
    withheld: str
    is_handler: bool


class Host(msgspec.Struct, frozen=True, kw_only=True):
    """One host: how many tasks looked at it, and how many would change it.

    ``why`` is empty unless the check could not be finished.
    """

    name: str
    state: State
    checked: int
    changes: int
    why: str = ""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """A whole check. ``started`` is UTC (RFC 3339), ``seconds`` its duration."""

    form: int = FORM
    verdict: Verdict
    commit: str
    playbook: str
    scope: str
    started: str
    seconds: int
    hosts: tuple[Host, ...]
    changes: tuple[Change, ...]


def verdict_of(hosts: tuple[Host, ...]) -> Verdict:
    """Return the verdict: without hosts, or with one unchecked, nothing is known."""
    if not hosts or any(not host.state.is_known for host in hosts):
        return Verdict.INCOMPLETE
    drifted = any(host.state is State.DRIFTED for host in hosts)
    return Verdict.DRIFT if drifted else Verdict.NONE


def encode(report: Report) -> bytes:
    """Return a report as indented JSON, UTF-8, with a line end."""
    return msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n"


def decode(text: bytes) -> Report:
    """Read what :func:`encode` wrote.

    Raises:
        msgspec.ValidationError: It is another form, or no report.
    """
    report = msgspec.json.decode(text, type=Report)
    if report.form != FORM:
        raise msgspec.ValidationError(f"form {report.form}: this is form {FORM}")
    return report
