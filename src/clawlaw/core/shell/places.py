"""Operands to effects: every operand has a place in the table, or is reported."""

from clawlaw.core.shell.kinds.cloud import call
from clawlaw.core.shell.kinds.programs import run_command
from clawlaw.core.shell.kinds.transfer import place
from clawlaw.core.shell.run import Run, Slot
from clawlaw.core.shell.tables import LOOKED_AT, Plan, Table
from clawlaw.core.shell.words import Match, Word

TEXT = Slot("text")


def assign(run: Run, table: Table, plan: Plan, operands: list[Word]) -> None:
    """Give each operand its place."""
    lead, rest, tail = plan.lead, plan.rest, plan.tail
    first, count = len(lead), len(operands)
    last = count
    if rest is not None:
        last = max(count - len(tail), min(first, count))
    elif count > first:
        run.context.opaque(f"{table.name}: too many operands", operands[first].text)
    if not plan.mild:
        _check_places(run, plan, operands, last)
    if not table.spec.safe_options:
        _check_patterns(run, plan, operands[: run.literal_from], last)
    for slot, word in zip(lead, operands, strict=False):
        run.use(slot, word)
    for slot in lead[count:]:
        if slot.default:
            run.use(slot, Word(slot.default))
    if rest is not None:
        _rest(run, rest, operands[first:last], alone=count <= first)
        for slot, word in zip(tail, operands[last:], strict=False):
            run.use(slot, word)


def _rest(run: Run, rest: Slot, words: list[Word], *, alone: bool) -> None:
    if rest.command:
        run_command(run, words, rest.kind)
        return
    for word in words:
        run.use(rest, word)
    if alone and rest.default:
        run.use(rest, Word(rest.default))


def _check_places(run: Run, plan: Plan, operands: list[Word], last: int) -> None:
    """Report a word that may become several where the number decides the meaning."""
    first = len(plan.lead)
    for index, word in enumerate(operands):
        inside = plan.rest is not None and first <= index < last
        several = word.many or (word.glob and not isinstance(word, Match))
        if not inside and several and not word.within:
            run.context.opaque("word may be several operands", word.text)


def _check_patterns(run: Run, plan: Plan, operands: list[Word], last: int) -> None:
    """Report a pattern that may match a name with a dash, unless its effect says so.

    The facts list what the pattern of an effect matches, and a name with a dash among
    that never passes; a word without such an effect is not looked at.
    """
    for index, word in enumerate(operands):
        if not word.glob or word.text[:1] not in "*?[":
            continue
        if _slot_of(plan, index, last).kind not in LOOKED_AT:
            run.context.opaque("pattern may match a name with a dash", word.text)


def _slot_of(plan: Plan, index: int, last: int) -> Slot:
    """Place of an operand; `last` is the index of the first one at the end."""
    first = len(plan.lead)
    if index < first:
        return plan.lead[index]
    if plan.rest is not None and index < last:
        return plan.rest
    at = index - last
    return plan.tail[at] if 0 <= at < len(plan.tail) else TEXT


def shape(run: Run, table: Table, operands: list[Word]) -> None:
    """Effects of copy, move and link."""
    kind = table.spec.shape
    if kind == "cloud":
        call(run, operands)
        return
    if "into" in run.captures:  # -t DIRECTORY
        run.marks.add("inside")
        place(run, kind, operands, Word(run.captures["into"][-1]))
    elif len(operands) == 1 and kind == "link":
        place(run, kind, operands, None)
    elif operands:
        place(run, kind, operands[:-1], operands[-1])
