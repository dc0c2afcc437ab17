"""What a steward sees of an escalation.

The agent wrote most of it: nothing is interpreted, and what a terminal would not show,
or would show as something else, is shown as its number.
"""

import json
from collections.abc import Iterable

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from clawlaw.gate.desk_view import CaseView, DeskView

STYLES = {
    "pending": "yellow",
    "approved": "green",
    "consumed": "dim",
    "denied": "red",
    "expired": "red",
    "revoked": "red",
}
SHORT = 60  # characters of a command in a list


def visible(text: str) -> str:
    r"""The text with every character that does not print as itself written `\u{..}`.

    Letters beyond ASCII are written so too: one that looks like another must not.
    """
    return "".join(
        c if " " <= c <= "~" else "\n" if c == "\n" else f"\\u{{{ord(c):x}}}"
        for c in text
    )


def span(milliseconds: int) -> str:
    """A time from now for a person: `in 4m 10s`, `12s ago`."""
    seconds = abs(milliseconds) // 1000
    hours, minutes = seconds // 3600, seconds // 60 % 60
    if hours:
        shown = f"{hours}h {minutes:02d}m"
    elif minutes:
        shown = f"{minutes}m {seconds % 60:02d}s"
    else:
        shown = f"{seconds}s"
    return f"{shown} ago" if milliseconds < 0 else f"in {shown}"


def summary(case: CaseView) -> str:
    """The tool and the beginning of its first argument, on one line."""
    if case.proposal is None:
        return ""
    values = [v for v in case.proposal.arguments.values() if isinstance(v, str)]
    shown = visible(values[0] if values else "").replace("\n", "\\n")
    cut = f"{shown[:SHORT]}..." if len(shown) > SHORT else shown
    return f"{visible(case.proposal.tool)}: {cut}"


def table(view: DeskView) -> RenderableType:
    """Everything that waits, a line each."""
    if not view.escalations:
        return Text("nothing waits")
    found = Table(header_style="bold")
    for column in ("id", "state", "ends", "who", "what", "why"):
        found.add_column(column, overflow="fold")
    for case in view.escalations:
        counted = f"{case.state} {len(case.approvals)}/{case.asked.needed}"
        found.add_row(
            Text(visible(case.asked.id)),
            Text(counted, style=STYLES.get(case.state, "")),
            Text(span(case.due - view.now) if case.due else ""),
            Text(visible(case.asked.principal)),
            Text(summary(case)),
            Text(visible(case.reason)),
        )
    return found


def details(view: DeskView, case: CaseView) -> RenderableType:
    """One escalation, whole."""
    asked = case.asked
    rows: list[tuple[str, str]] = [
        ("gate", view.gate),
        ("state", f"{case.state}, {len(case.approvals)} of {asked.needed} approved"),
        ("ends", span(case.due - view.now) if case.due else "has ended"),
        ("principal", asked.principal),
        ("session", asked.session),
    ]
    if case.proposal is not None:
        rows += [
            ("tool", case.proposal.tool),
            ("directory", case.proposal.cwd),
            *((f"  {k}", _shown(v)) for k, v in case.proposal.arguments.items()),
        ]
    if case.facts is not None:
        rows += [
            ("leads to", f"{path} -> {fact.resolved or 'unknown'} ({fact.kind})")
            for path, fact in case.facts.paths.items()
        ]
        rows += [
            ("runs", f"{name} -> {fact.resolved or 'nothing'}")
            for name, fact in case.facts.programs.items()
        ]
    rows += [("asks", f"{rule}: {said}") for rule, said in case.findings]
    rows += [("approved", f"{a.steward}: {a.reason}") for a in case.approvals]
    rows += [
        ("risk", f"{case.risk / 10_000:.1f} %"),
        ("because", case.reason),
        ("action", asked.action),
        ("policy", asked.policy),
    ]
    return Group(Text(visible(asked.id), style="bold"), _grid(rows))


def _shown(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _grid(rows: Iterable[tuple[str, str]]) -> Table:
    found = Table.grid(padding=(0, 2))
    found.add_column(style="dim")
    found.add_column(overflow="fold")
    for name, value in rows:
        found.add_row(Text(visible(name)), Text(visible(value)))
    return found
