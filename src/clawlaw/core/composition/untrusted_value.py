"""untrusted_value: an action does what a text of others said.

Meaning: text that others wrote came into the session (a page, a mail, an issue, a file
so marked), and a sensitive action now carries a value that was seen only there: who
receives a message or a payment, where a payload goes, what is deleted or installed, the
command that runs. The task itself and text of the organisation know that value not.
This is how an instruction hidden in data becomes an action; whether the agent meant it
so is nothing that the gate can see, so it asks.

Window: all actions after the text; the digests stay.

Threshold: one value. Reading, searching, editing, testing and fetching carry no such
value whatever the text said. Where the table of values is full, it takes groups of
digests (more questions, never fewer).

Memory that later sessions read is asked in every session that has read such text.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import Any, Final

from clawlaw.core import actions, results, values
from clawlaw.core.actions import AnyEffect, Json
from clawlaw.core.composition.bits import UNTRUSTED, WRITTEN
from clawlaw.core.composition.exfiltration_chain import carries
from clawlaw.core.composition.step import Pattern, Step
from clawlaw.core.decision import Finding, Verdict
from clawlaw.core.spelling import snake
from clawlaw.core.text import fold
from clawlaw.core.values import Value

PATTERN: Final = Pattern(
    name="untrusted_value",
    law=1,
    remedy="A steward can approve it where the task asked for it.",
)
_BEFORE: Final = "which the session that delegated this one read"
_TABLE: Final = "values"
_TRUSTED: Final = "trusted"
_MAX_SAID: Final = 65_536  # characters of a call's texts
# Changes of the person's own records, whose names come from what they are about.
_KEPT: Final = tuple([word] for word in (
    "add", "append", "archive", "complete", "create", "draft", "edit", "label", "mark",
    "move", "new", "note", "read", "rename", "reschedule", "save", "set", "star",
    "update", "write",
))  # fmt: skip
# Words of changes that give something away, whatever value they carry.
_GIVING: Final = frozenset({
    "access", "admin", "approve", "authorize", "collaborator", "credential",
    "credentials", "disable", "filter", "forward", "forwarding", "grant", "guest",
    "invite", "member", "mfa", "owner", "passcode", "password", "permission",
    "permissions", "pin", "public", "publish", "recovery", "role", "share", "subscribe",
    "token", "unlock", "visibility", "webhook",
})  # fmt: skip
_CODE: Final = frozenset({"inline", "file", "input", "unknown"})


def check(step: Step, effect: AnyEffect) -> Finding | None:
    """A sensitive effect, by the values it carries."""
    work = step.work
    tables = work.state.session.tables
    tainted = _TABLE in tables
    if not tainted and work.labels & UNTRUSTED:
        return None  # nothing came back yet that could be told apart
    # Sorted: a set has another order in every process.
    carried = sorted(_CARRIED[type(effect)](step, effect))
    if not tainted:
        for value in carried:
            work.put(_TRUSTED, values.key(value), WRITTEN)
        return None
    for value in carried:
        labels, action = _seen(step, value)
        if labels:
            return step.finding(
                PATTERN,
                Verdict.ESCALATE,
                f"the {value[0]} {value[1][:80]!r} comes from text that others wrote, "
                + (f"which came back from action {action}" if action else _BEFORE),
                step.ids([action] if action else []),
            )
    return None


def memory(step: Step, _effect: actions.MemoryWrite) -> Finding | None:
    """What later sessions will read, after text of others."""
    labelled = step.work.state.session.labelled
    if not (step.work.labels | step.work.flow) & UNTRUSTED:
        return None
    since = labelled.get("UNTRUSTED", step.work.action)
    return step.finding(
        PATTERN,
        Verdict.ESCALATE,
        f"memory is written after text of others was read at action {since}",
        step.ids([since]),
    )


def _seen(step: Step, value: Value) -> tuple[int, int]:
    """(labels, action) of a value that only text of others has named."""
    work = step.work
    name = values.key(value)
    labels, action = work.get(_TABLE, name)
    if not labels:
        labels, action = work.get(_TABLE, results.ALL)
    if not labels or work.get(_TRUSTED, name)[0]:
        return 0, 0
    return labels, action


def _receivers(step: Step, texts: Iterable[str]) -> set[Value]:
    """Values of who receives something, the organisation's own left out."""
    found: set[Value] = set()
    for text in texts:
        exact = {v for v in values.exact(text) if not _own(step, v)}
        if exact:
            found |= {v for v in exact if v[0] != "host" or "@" not in text}
        elif not values.exact(text):
            found |= _whole_name(step, text)
    return found


def _whole_name(step: Step, text: str) -> set[Value]:
    """The words of a name, where text of others has named all of them."""
    words = set(map(values.name_form, text.split()))
    if not step.work.state.session.tables.get(_TABLE):
        return words
    return words if all(_seen(step, word)[0] for word in words) else set()


def _own(step: Step, value: Value) -> bool:
    kind, text = value
    if kind not in {"mail", "host", "address"}:
        return False
    return step.view.policy.internal(text.rpartition("@")[2].partition("/")[0])


def _message(step: Step, effect: actions.MessageSend) -> set[Value]:
    return _receivers(step, effect.recipients)


def _service(step: Step, effect: actions.ServiceChange) -> set[Value]:
    exact = {v for v in values.exact(effect.item) if v[0] in {"mail", "account"}}
    named = [effect.counterparty] if effect.counterparty else []
    found = _receivers(step, named) | {v for v in exact if not _own(step, v)}
    if _words(effect.action)[:1] not in _KEPT:
        found |= _whole_name(step, effect.item)
    return found | _said(step)


def _words(name: str) -> list[str]:
    """Words of a tool's or an action's name."""
    text = snake(name) if name.isascii() else fold(name).text
    for mark in "-. /":
        text = text.replace(mark, "_")
    return [word for word in text.lower().split("_") if word]


def gives(step: Step, effect: actions.ServiceChange) -> Finding | None:
    """Who may enter, see or receive is changed, after text of others was read."""
    if not (step.work.labels | step.work.flow) & UNTRUSTED:
        return None
    words = {*_words(effect.action), *_words(step.view.proposal.tool)}
    found = sorted(words & _GIVING)
    if not found:
        return None
    since = step.work.state.session.labelled.get("UNTRUSTED", step.work.action)
    return step.finding(
        PATTERN,
        Verdict.ESCALATE,
        f"{found[0]!r} changes who may enter, see or receive, after text of others was "
        f"read at action {since}",
        step.ids([since]),
    )


def _said(step: Step) -> set[Value]:
    """Whom the call's own texts name: not all that a tool does is in its effects."""
    text = "\n".join(_texts(step.view.proposal.arguments))[:_MAX_SAID]
    return {
        v
        for v in values.exact(text)
        if v[0] in {"mail", "address"} or (v[0] == "account" and v[1][0].isalpha())
        if not _own(step, v)
    }


def _texts(value: Json) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)


def _request(step: Step, effect: actions.NetRequest) -> set[Value]:
    if not carries(effect):
        return set()
    host = effect.host.lower()
    names, beneath = _scope(step.view.scope.hosts)
    if host in names or host.endswith(beneath):
        return {("address", f"{host}{effect.path}".lower().rstrip("/"))}
    return {("host", host), ("address", f"{host}{effect.path}".lower().rstrip("/"))}


@lru_cache(maxsize=64)
def _scope(hosts: tuple[str, ...]) -> tuple[frozenset[str], tuple[str, ...]]:
    """Hosts of a scope as they are written, and those that take what is beneath."""
    return frozenset(hosts), tuple(host for host in hosts if host.startswith("."))


def _execute(step: Step, effect: actions.ProcessExec) -> set[Value]:
    command = step.view.proposal.arguments.get("command")
    if effect.code not in _CODE or not isinstance(command, str):
        return set()
    return values.commands(command[: values.MAX_COMMAND * 4])


def _delete(step: Step, effect: actions.FileDelete) -> set[Value]:
    found = {("path", values.path_form(effect.path))}
    for root in (step.view.proposal.cwd, *step.view.policy.workspace):
        if effect.path.startswith(root + "/"):
            found.add(("path", values.path_form(effect.path[len(root) + 1 :])))
    home = step.view.policy.home
    if home and effect.path.startswith(home + "/"):
        found.add(("path", values.path_form(effect.path[len(home) + 1 :])))
    return found


def _package(_step: Step, effect: actions.PackageInstall) -> set[Value]:
    return {("package", values.package_form(name)) for name in effect.packages}


def _delegate(step: Step, effect: actions.AgentDelegate) -> set[Value]:
    return {("host", host) for host in effect.hosts if not _own(step, ("host", host))}


_CARRIED: Final[dict[type[AnyEffect], Callable[[Step, Any], set[Value]]]] = {
    actions.MessageSend: _message,
    actions.ServiceChange: _service,
    actions.NetRequest: _request,
    actions.ProcessExec: _execute,
    actions.FileDelete: _delete,
    actions.PackageInstall: _package,
    actions.AgentDelegate: _delegate,
}
