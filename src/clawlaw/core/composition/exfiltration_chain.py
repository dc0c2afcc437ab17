"""exfiltration_chain: something that was read leaves the machine.

Meaning: a secret, personal or internal value became known to the session (or to an
earlier effect of the same action), and now something is sent that could carry it: a
payload, a message, a change at a service, or an address that is itself the payload (a
long encoded label of a host's name, path or query, a long question to a service).

Window: all actions. A value that was read stays known, so the label stays. Only a
*refused* read of a secret counts for `exfiltration_chain.window` actions (20): whoever
was refused a secret and then sends something is asked about it.

Threshold: one. The payload's own source decides the verdict: what this same action read
as secret is denied, what the session could know is asked, since a person can see
whether this payload holds it. Where only ordinary content was read, an encoded address
is asked from `exfiltration_chain.encoded` characters on (24): below that no address of
a page of ours looked encoded, and a chunk carries too little to pay for the traffic;
and a query from 200 characters.
"""

from typing import Final

from clawlaw.core import actions, values
from clawlaw.core.composition.bits import BY_NAME, PRIVATE, SECRET
from clawlaw.core.composition.encoding import QUERY, encoded, long_host
from clawlaw.core.composition.step import Pattern, Step
from clawlaw.core.decision import Finding, Verdict
from clawlaw.core.intent import in_hosts
from clawlaw.core.text import fold, fold_host

PATTERN: Final = Pattern(
    name="exfiltration_chain",
    law=5,
    remedy="A steward can approve this one transfer after looking at its content.",
    settings={"exfiltration_chain.window": 20, "exfiltration_chain.encoded": 24},
)
_ASKING: Final = frozenset({"GET", "HEAD", "OPTIONS", "CONNECT"})


def carries(effect: actions.NetRequest) -> bool:
    """Whether a request has a payload besides its address."""
    return effect.carries != "nothing" or effect.method.upper() not in _ASKING


def request(step: Step, effect: actions.NetRequest) -> Finding | None:
    """A request, by what it carries."""
    known = step.work.flow | step.work.labels
    inside = bool(effect.host) and step.view.policy.internal(fold(effect.host).text)
    if carries(effect):
        return _payload(step, known, inside=inside, to=effect.host or "an unknown host")
    hidden = _hidden(step, effect)
    if not hidden:
        return None
    if step.work.flow & SECRET:
        return _deny(step, f"{hidden} could carry the secret that this action reads")
    if known & SECRET:
        return _ask(step, f"{hidden} could carry a secret that the session read", known)
    return _ask(step, f"{hidden} could carry content that the session read", known)


def message(step: Step, effect: actions.MessageSend) -> Finding | None:
    """A message, by who receives it."""
    internal = step.view.policy.internal
    inside = bool(effect.recipients) and all(
        internal(fold(to.rpartition("@")[2]).text) for to in effect.recipients
    )
    known = step.work.flow | step.work.labels
    return _payload(step, known, inside=inside, to=", ".join(effect.recipients[:3]))


def service(step: Step, effect: actions.ServiceChange) -> Finding | None:
    """A change at a service, by its counterparty; none: the service's own data."""
    known = step.work.flow | step.work.labels
    domain = fold(effect.counterparty.rpartition("@")[2]).text
    inside = not effect.counterparty or step.view.policy.internal(domain)
    return _payload(step, known, inside=inside, to=effect.counterparty or "the service")


def query(step: Step, effect: actions.ServiceRead) -> Finding | None:
    """A question to a service, by what it could tell besides what it asks."""
    known = step.work.flow | step.work.labels
    if not known & PRIVATE:
        return None
    told = _told(step, effect.item)
    return (
        _ask(step, f"{told} could carry what the session read", known) if told else None
    )


def _told(step: Step, item: str) -> str:
    """Which part of a question could be the payload, "" for none."""
    if len(item) > QUERY:
        return "a question of this length"
    if encoded(item) >= step.setting(PATTERN, "encoded"):
        return "an encoded part of the question"
    address = item.partition("://")[2] or item
    place, slash, rest = address.partition("/")
    host = place.partition("?")[0].lower()
    sure = "://" in item or host.startswith("www.")
    if " " in address or "." not in host or not (sure or slash or "?" in address):
        return ""
    others = step.work.get("values", values.key(("host", host)))[0]
    if "?" in address or (slash and rest and others):
        return "" if _named(step, address) else "an address with more than a place"
    known = others or step.work.get("trusted", values.key(("host", host)))[0]
    if sure and not known and not in_hosts(fold_host(host).text, step.view.scope.hosts):
        return "an address that nothing has named"
    return ""


def _named(step: Step, address: str) -> bool:
    """Whether the address came back from somewhere, whole."""
    key = values.key(("address", address.lower().rstrip("/")))
    return any(step.work.get(table, key)[0] for table in ("values", "trusted"))


def memory(step: Step, _effect: actions.MemoryWrite) -> Finding | None:
    """What is kept for later sessions leaves this one."""
    if (step.work.flow | step.work.labels) & SECRET:
        return _ask(
            step,
            "a session that read a secret writes what later sessions read",
            SECRET,
        )
    return None


def _payload(step: Step, known: int, *, inside: bool, to: str) -> Finding | None:
    work = step.work
    if work.flow & SECRET and not inside:
        return _deny(step, f"what this action reads is secret and is sent to {to}")
    if known & SECRET:
        return _ask(step, f"the session read a secret and now sends to {to}", known)
    if known & PRIVATE and not inside:
        return _ask(
            step, f"personal or internal data was read and may go to {to}", known
        )
    window = step.setting(PATTERN, "window")
    sought = work.marks(PATTERN.name, window)
    if sought and not inside:
        return step.finding(
            PATTERN,
            Verdict.ESCALATE,
            f"a secret was refused at action {sought[-1]}, now it sends to {to}",
            step.ids(sought),
        )
    return None


def _hidden(step: Step, effect: actions.NetRequest) -> str:
    """Which part of an address could be the payload, "" for none."""
    work = step.work
    read = "read" in work.steps or work.state.session.counts.get("file.read", 0)
    if not read and not (work.flow | work.labels) & PRIVATE:
        return ""
    if long_host(effect.host):
        return "the host's name"
    path = effect.path
    private = (work.flow | work.labels) & SECRET
    limit = 1 if private else step.setting(PATTERN, "encoded")
    if "\ufffd" in path or "\ufffd" in effect.host:
        return "an address that is not known"
    if encoded(path) >= limit:
        return "an encoded part of the address"
    query = len(path.partition("?")[2])
    return "the query of the address" if query > (32 if private else QUERY) else ""


def _deny(step: Step, reason: str) -> Finding:
    return step.finding(PATTERN, Verdict.DENY, reason, _sources(step, PRIVATE))


def _ask(step: Step, reason: str, known: int) -> Finding:
    because = _sources(step, known & PRIVATE)
    if because:
        reason = f"{reason} (read at action {because[0].rpartition('#')[2]})"
    return step.finding(
        PATTERN,
        Verdict.ESCALATE,
        reason,
        because,
    )


def _sources(step: Step, labels: int) -> tuple[str, ...]:
    """The actions at which the session got these labels."""
    labelled = step.work.state.session.labelled
    numbers = {
        labelled[name]
        for name, bit in BY_NAME.items()
        if labels & bit and name in labelled
    }
    return step.ids(sorted(numbers))
