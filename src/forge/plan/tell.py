"""A plan and its verdict for people: tables on a terminal, and Markdown."""

from collections.abc import Iterator

from rich.console import Console
from rich.table import Table
from rich.text import Text

from forge.change.model import BlastRadius, Effect, Plan
from forge.change.verdict import Path, Said, Verdict

STYLES = {"allow": "bold green", "escalate": "bold yellow", "deny": "bold red"}
BLAST = {
    "hosts_restarted": "hosts restarted",
    "hosts_drained": "hosts drained",
    "hosts_reinstalled": "hosts reinstalled",
    "data_lost": "data lost",
    "storage_removed": "storage removed",
    "trust_changed": "trust changed",
    "policy_keys": "policy keys changed",
    "certificates_reissued": "certificates reissued",
    "services_interrupted": "services interrupted",
    "quorum_changed": "voters changed",
    "taints_changed": "taints changed",
    "versions_changed": "versions changed",
    "flows_opened": "flows opened",
    "flows_closed": "flows closed",
    "unknown": "cannot be told",
}
HEADS = ("Host", "What", "How", "Does", "Minutes", "Why")


def rows(plan: Plan) -> Iterator[tuple[str, ...]]:
    """Yield a row for each change: host, subject, kind, effects, minutes, why."""
    for impact in plan.impacts:
        change = impact.change
        hosts = "all" if change.host == "*" else change.host
        effects = ", ".join(_word(effect) for effect in impact.effects)
        minutes = str(impact.minutes or "")
        yield hosts, change.subject, change.kind.value, effects, minutes, impact.why


def blast_lines(blast: BlastRadius) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield what a plan does to the room, only what there is."""
    for field, name in BLAST.items():
        found = getattr(blast, field)
        if found:
            yield name, found


def approval_lines(plan: Plan, verdict: Verdict) -> list[str]:
    """Return what a steward would have to approve; empty unless one is asked."""
    if verdict.verdict != "escalate":
        return []
    lines = [
        f"plan    {plan.digest}",
        f"policy  {verdict.policy}",
        f"rules   {', '.join(verdict.gates)}",
        (
            "run the playbook; the gate asks, and prints the id for"
            " `clawlaw steward approve ID` on the boundary"
        ),
    ]
    if verdict.path is Path.REPAIR:
        lines.pop()  # no gate asks
    if verdict.escalation:
        lines[-1] = f"clawlaw steward approve {verdict.escalation}"
    return lines


def tell(console: Console, plan: Plan, verdict: Verdict) -> None:
    """Print a plan and its verdict."""
    if plan.impacts:
        table = Table(*HEADS)
        for row in rows(plan):
            table.add_row(*(Text(cell) for cell in row))
        console.print(table)
    else:
        console.print("Nothing changes.")
    for name, found in blast_lines(plan.blast):
        console.print(Text.assemble((f"{name}: ", "bold"), ", ".join(found)))
    if plan.blast.minutes:
        console.print(f"about {plan.blast.minutes} minutes")
    console.print()
    head = (verdict.verdict.upper(), STYLES[verdict.verdict])
    console.print(Text.assemble(head, f" ({verdict.path}) {verdict.reason}"))
    for said in verdict.findings:
        console.print(
            Text.assemble("  ", (said.verdict, STYLES[said.verdict]), f" {_of(said)}")
        )
        if said.remedy:
            console.print(Text(f"      {said.remedy}", style="dim"))
    for line in approval_lines(plan, verdict):
        console.print(Text(f"  {line}"), soft_wrap=True)
    console.print(Text(f"plan {plan.digest}", style="dim"), soft_wrap=True)


def markdown(plan: Plan, verdict: Verdict) -> str:
    """Return a plan and its verdict as GitHub's Markdown."""
    lines = [f"## {verdict.verdict.upper()}: {_cell(verdict.reason)}", ""]
    lines += [
        f"- **{said.verdict}** {_cell(_of(said))}"
        + (f" _{_cell(said.remedy)}_" if said.remedy else "")
        for said in verdict.findings
    ]
    if verdict.findings:
        lines.append("")
    if plan.impacts:
        lines += ["| " + " | ".join(HEADS) + " |", "|" + "---|" * len(HEADS)]
        lines += [
            "| " + " | ".join(_cell(cell) for cell in row) + " |" for row in rows(plan)
        ]
    else:
        lines.append("Nothing changes.")
    blast = list(blast_lines(plan.blast))
    if blast:
        lines += ["", "### Blast radius", ""]
        lines += [f"- {name}: {_cell(', '.join(found))}" for name, found in blast]
    if plan.blast.minutes:
        lines.append(f"- about {plan.blast.minutes} minutes")
    asked = approval_lines(plan, verdict)
    if asked:
        lines += ["", "### To approve", "", "```", *asked, "```"]
    lines += ["", f"`{plan.digest}`, judged as a {verdict.path}.", ""]
    return "\n".join(lines)


def _of(said: Said) -> str:
    waived = "approved, " if said.is_waived else ""
    hosts = f" ({', '.join(said.hosts)})" if said.hosts else ""
    return f"{waived}{said.rule}: {said.reason}{hosts}"


def _word(effect: Effect) -> str:
    return effect.value.replace("_", " ")


def _cell(text: str) -> str:
    """Return text that cannot end a cell, nor be markup or HTML."""
    plain = " ".join(text.split())
    for mark in "\\`*_|[]~":
        plain = plain.replace(mark, f"\\{mark}")
    return plain.replace("&", "&amp;").replace("<", "&lt;")
