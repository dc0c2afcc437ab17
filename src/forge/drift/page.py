"""A drift report as one HTML page that needs nothing else, scripts included.

The picture is one bar for each host: what is as declared, what would change, and
hosts of which nothing is known. A page's content security policy forbids requests.
"""

from html import escape
from importlib import resources
from itertools import groupby

from forge.drift.model import Change, Host, Report, State, Verdict

POLICY = "default-src 'none'; style-src 'unsafe-inline'"
HEADLINES = {
    Verdict.NONE: "No drift",
    Verdict.DRIFT: "Drift",
    Verdict.INCOMPLETE: "Not every host could be checked",
}
WORDS = {
    State.IN_SYNC: "as declared",
    State.DRIFTED: "drifted",
    State.UNCHECKED: "not checked",
    State.FAILED: "check failed",
    State.UNREACHABLE: "unreachable",
}


def html(report: Report) -> str:
    """Return the page of a report, always the same bytes for the same report."""
    facts = (
        ("Playbook", report.playbook),
        ("Limited to", report.scope or "nothing: every host and task"),
        ("Commit", report.commit or "not in git"),
        ("Started", report.started),
        ("Took", f"{report.seconds} s"),
    )
    listed = "".join(f"<dt>{name}<dd>{escape(text)}\n" for name, text in facts)
    style = resources.files(__package__).joinpath("page.css").read_text("utf-8")
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Drift: {HEADLINES[report.verdict].lower()}</title>
<style>
{style}</style>
</head>
<body>
<main>
<h1 class="{report.verdict}">{HEADLINES[report.verdict]}</h1>
<p>{escape(_summary(report))}</p>
<table class="hosts">
<thead><tr><th>Host<th>State<th>Tasks that looked, and would change<th></tr></thead>
<tbody>
{_bars(report)}</tbody>
</table>
{_details(report)}<dl>
{listed}</dl>
</main>
</body>
</html>
"""


def _summary(report: Report) -> str:
    total = sum(host.changes for host in report.hosts)
    drifted = sum(host.changes > 0 for host in report.hosts)
    unknown = sum(not host.state.is_known for host in report.hosts)
    text = f"{len(report.hosts)} hosts; {total} changes on {drifted} of them"
    return f"{text}; nothing certain about {unknown}." if unknown else f"{text}."


def _bars(report: Report) -> str:
    most = max([host.checked for host in report.hosts] + [1])
    return "".join(_bar(host, most) for host in report.hosts)


def _bar(host: Host, most: int) -> str:
    """One row: the bar is as long as tasks looked, its first part would change."""
    changed = min(host.changes, host.checked)
    parts = "".join(
        f'<span class="{name}" style="width:{100 * count / most:.2f}%"></span>'
        for name, count in (("drift", changed), ("same", host.checked - changed))
        if count
    )
    why = f'<p class="why">{escape(host.why)}</p>' if host.why else ""
    return (
        f'<tr class="{host.state}"><th scope="row">{escape(host.name)}'
        f"<td>{WORDS[host.state]}{why}"
        f'<td class="bar"><div aria-hidden="true">{parts}</div>'
        f"<td>{host.changes} of {host.checked}</tr>\n"
    )


def _details(report: Report) -> str:
    """The changes by host; the first host's are open."""
    sections: list[str] = []
    for name, changes in groupby(report.changes, key=lambda change: change.host):
        listed = list(changes)
        opened = "" if sections else " open"
        rows = "".join(_change(change) for change in listed)
        sections.append(
            f"<details{opened}><summary>{escape(name)}: {len(listed)}</summary>\n"
            f"{rows}</details>\n"
        )
    return "".join(sections)


def _change(change: Change) -> str:
    notes = [change.action, change.where]
    if change.is_handler:
        notes.append("because of another change")
    if change.withheld:
        notes.append(change.withheld)
    lines = "\n".join(_line(line) for line in change.diff.splitlines())
    body = f"<pre>{lines}</pre>\n" if lines else ""
    return (
        f"<article><h2>{escape(change.task)}</h2>"
        f'<p class="why">{escape(" · ".join(notes))}</p>\n{body}</article>\n'
    )


def _line(line: str) -> str:
    kind = {"+": "added", "-": "removed", "@": "place"}.get(line[:1])
    text = escape(line)
    return f'<span class="{kind}">{text}</span>' if kind else text
