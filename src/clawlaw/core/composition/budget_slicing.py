"""budget_slicing: what would be refused in one piece goes in many small ones.

Meaning: many payloads to one host or recipient, each too small to notice, or many
payments to one counterparty, each below what a person would be asked about. A request
whose address holds a digest or a query carries a few bytes too and is counted apart.

Window: `budget_slicing.window` actions (100) for the number of sends; it begins anew at
the first send after it has passed (an agent can place two rows back to back, no more).
Bytes and amounts are summed over the whole session.

Threshold: `budget_slicing.sends` payloads (20) to one destination in the window;
`budget_slicing.queries` addresses with a digest or a query (60), since searching is
ordinary work; `budget_slicing.bytes` (1,048,576) to one destination in the session,
which is the size of a small source tree; `budget_slicing.payments` (3) to one
counterparty in the window. Hosts are counted with their parent domain once the table is
full.
"""

from typing import Final

from clawlaw.core import actions
from clawlaw.core.composition.encoding import digests, encoded
from clawlaw.core.composition.exfiltration_chain import carries
from clawlaw.core.composition.step import Pattern, Step
from clawlaw.core.decision import Finding, Verdict
from clawlaw.core.text import fold

PATTERN: Final = Pattern(
    name="budget_slicing",
    law=4,
    remedy="A steward can raise the budget of this destination.",
    settings={
        "budget_slicing.window": 100,
        "budget_slicing.sends": 20,
        "budget_slicing.queries": 60,
        "budget_slicing.bytes": 1 << 20,
        "budget_slicing.payments": 3,
    },
)
_COUNT_BITS: Final = 16


def request(step: Step, effect: actions.NetRequest) -> Finding | None:
    """A request, by the destination's sum."""
    host = fold(effect.host).text
    key = "/".join(reversed(host.split(".")))
    if carries(effect):
        return _send(step, key, host, effect.bytes_out, "sends")
    path = effect.path
    if "?" in path or digests(path) or encoded(path):
        return _send(step, f"ask/{key}", host, 0, "queries")
    return None


def message(step: Step, effect: actions.MessageSend) -> Finding | None:
    """A message, by each recipient's sum."""
    found = None
    for to in effect.recipients:
        name = fold(to).text
        user, _, domain = name.rpartition("@")
        found = found or _send(
            step, f"{domain}/{user}", name, effect.bytes_out, "sends"
        )
    return found


def service(step: Step, effect: actions.ServiceChange) -> Finding | None:
    """A payment, by its counterparty's sum."""
    if not effect.amount or not effect.counterparty:
        return None
    name = fold(effect.counterparty).text
    return _send(step, f"pay/{name}", name, 0, "payments")


def _send(step: Step, key: str, name: str, size: int, unit: str) -> Finding | None:
    work = step.work
    total = work.counted("bytes", key) + size
    if size:
        work.put_value("bytes", key, total)
    number, began = _count(step, key)
    limit = step.setting(PATTERN, unit)
    most = step.setting(PATTERN, "bytes")
    if number <= limit and total <= most:
        return None
    what = f"{number} {unit}" if number > limit else f"{total} bytes"
    return step.finding(
        PATTERN,
        Verdict.ESCALATE,
        f"{what} to {name} since action {began}",
        step.ids([began]),
    )


def _count(step: Step, key: str) -> tuple[int, int]:
    """(sends in this window with this one, action at which the window began)."""
    work = step.work
    value = work.counted("sends", key)
    began, number = value >> _COUNT_BITS, value & ((1 << _COUNT_BITS) - 1)
    if not began or work.action - began >= step.setting(PATTERN, "window"):
        began, number = work.action, 0
    number = min(number + 1, (1 << _COUNT_BITS) - 1)
    # A later window is a larger value, and of two values the larger counts.
    work.put_value("sends", key, began << _COUNT_BITS | number)
    return number, began
