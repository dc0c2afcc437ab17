"""A plan and its verdict as one HTML page that needs nothing else."""

from importlib import resources
from xml.sax.saxutils import escape

from forge.change.model import Plan
from forge.change.verdict import Said, Verdict
from forge.plan.picture import svg
from forge.plan.tell import HEADS, approval_lines, blast_lines, rows

POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def html(plan: Plan, verdict: Verdict) -> str:
    """Return the page, always the same bytes for the same plan and verdict."""
    page = resources.files("forge.topology").joinpath("page.css").read_text("utf-8")
    asked = "\n".join(approval_lines(plan, verdict))
    approve = f"<h2>To approve</h2><pre>{escape(asked)}</pre>" if asked else ""
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{verdict.verdict.upper()}: plan {escape(plan.digest[:23])}</title>
<style>
{page}</style>
</head>
<body>
<main class="plan">
<section class="verdict">
<p><b class="{escape(verdict.verdict)}">{verdict.verdict.upper()}</b>
{escape(verdict.reason)} <span class="hint">({escape(verdict.path)})</span></p>
<ul>{"".join(_finding(said) for said in verdict.findings)}</ul>
</section>
<div class="scroll">
{svg(plan)}</div>
<section>
<h2>Blast radius</h2>
<dl>{_blast(plan)}</dl>
{approve}
<h2>Changes</h2>
<table>
<thead><tr>{"".join(f"<th>{head}" for head in HEADS)}</tr></thead>
<tbody>
{_rows(plan)}</tbody>
</table>
<p class="digest">{escape(plan.digest)}</p>
</section>
</main>
</body>
</html>
"""


def _finding(said: Said) -> str:
    hosts = f" ({', '.join(said.hosts)})" if said.hosts else ""
    waived = ", approved" if said.is_waived else ""
    remedy = f' <span class="hint">{escape(said.remedy)}</span>' if said.remedy else ""
    text = escape(f"{said.verdict}{waived} {said.rule}: {said.reason}{hosts}")
    return f"<li>{text}{remedy}</li>\n"


def _blast(plan: Plan) -> str:
    lines = [
        f"<dt>{escape(name)}<dd>{escape(', '.join(found))}"
        for name, found in blast_lines(plan.blast)
    ]
    lines.append(f"<dt>minutes<dd>about {plan.blast.minutes}")
    return "\n".join(lines)


def _rows(plan: Plan) -> str:
    return "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}" for cell in row) + "</tr>\n"
        for row in rows(plan)
    )
