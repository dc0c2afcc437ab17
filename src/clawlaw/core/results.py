"""What came back from an action, as far as later actions are judged by it.

Text that others wrote may tell the agent what to do. Nothing here decides whether it
does: the values in it that an action could take over (addresses, hosts, accounts,
paths, commands, packages, names) are kept as short digests, and a later sensitive
action that carries one of them is asked about (pattern untrusted_value). A value that
was known before, from the agent's own task or from text of the organisation, is no
sign.

The text itself is not kept.
"""

from collections.abc import Iterable
from typing import Final

from clawlaw.core import values
from clawlaw.core.actions import AnyEffect, NetRequest, ServiceRead
from clawlaw.core.decision import Outcome
from clawlaw.core.state import Label, State, pack

MAX_TEXT: Final = 1 << 20  # characters; longer text labels every value
ALL: Final = "*"  # key that stands for every value
_CONTEXT: Final = int(Label.UNTRUSTED | Label.SECRET | Label.PERSONAL | Label.INTERNAL)


def outcome(
    state: State,
    text: str,
    *,
    untrusted: bool = False,
    labels: int = 0,
    effects: Iterable[AnyEffect] = (),
    action: int | None = None,
) -> Outcome:
    """What a result teaches, for `settle`.

    Args:
        state: After `apply` of the action's decision; only read.
        text: What came back, as the agent will see it.
        untrusted: Others wrote it.
        labels: Bits that the tool map gives to what the tool returns.
        effects: Of the action: the network and services make a result untrusted.
        action: Its number in the session; none: the last one decided.

    Returns:
        Labels for the session and digests of the values, as table entries.
    """
    session = state.session
    number = session.actions if action is None else action
    effects = tuple(effects)
    labels |= _pending(state, number)
    if untrusted or any(map(_by_others, effects)):
        labels |= Label.UNTRUSTED
    if labels & Label.UNTRUSTED:
        table, bits = "values", int(Label.UNTRUSTED)
    elif session.labels & Label.UNTRUSTED and not _of_services(effects):
        # Text may repeat what others wrote: it makes nothing known.
        return Outcome(labels=labels & _CONTEXT)
    else:
        table, bits = "trusted", int(Label.WRITTEN)
    # What is no Unicode text cannot be a value: an effect that holds it is refused.
    valid = text[:MAX_TEXT].encode("utf-8", "replace").decode()
    find = values.every if table == "values" else values.main
    keys = set(map(values.key, find(valid)))
    if len(text) > MAX_TEXT and table == "values":
        keys.add(ALL)
    packed = pack(bits, number)
    return Outcome(
        labels=labels & _CONTEXT,
        tables=tuple((table, name, packed) for name in sorted(keys)),
    )


def _pending(state: State, number: int) -> int:
    """Labels of an escalated action, which a result shows to have been performed."""
    table = state.session.tables.get("pending")
    return 0 if table is None else table.entries.get(str(number), 0) & 0xFFFF


def _by_others(effect: AnyEffect) -> bool:
    return isinstance(effect, NetRequest) or (
        isinstance(effect, ServiceRead) and "untrusted" in effect.labels
    )


def _of_services(effects: tuple[AnyEffect, ...]) -> bool:
    return bool(effects) and all(isinstance(e, ServiceRead) for e in effects)
