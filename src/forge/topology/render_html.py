"""The topology as one HTML page that needs nothing else.

The page holds the SVG, the resolved topology as JSON, a style and a script. Its
content security policy forbids every request.
"""

import json
from importlib import resources
from xml.sax.saxutils import escape

from forge.topology.firewall import named_ports
from forge.topology.model import Topology
from forge.topology.render_svg import svg
from forge.topology.render_table import port_text
from forge.topology.resolve import describe

POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"


def html(topology: Topology) -> str:
    """Return the page for a valid topology, always the same bytes."""
    data = describe(topology)
    # `</script` inside a string would end the element.
    embedded = json.dumps(data).replace("<", "\\u003c")
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{escape(topology.name)}: topology</title>
<style>
{_asset("page.css")}</style>
</head>
<body>
<main>
<div class="scroll" id="scroll">
{svg(topology)}</div>
<aside id="details" aria-live="polite" aria-label="details" tabindex="-1">
<p class="hint">Choose a host to see its role, addresses, pins, labels and taints, and
who may reach it. Tab moves between hosts, Enter chooses, Escape goes back.</p>
</aside>
<section aria-label="flows">
<h2>Declared flows</h2>
<table>
<thead><tr><th>Flow<th>From<th>To<th>Wire<th>Ports<th>Why</tr></thead>
<tbody>
{_rows(topology)}</tbody>
</table>
<p class="digest">{escape(str(data["digest"]))}</p>
</section>
</main>
<script type="application/json" id="topology">{embedded}</script>
<script>
{_asset("page.js")}</script>
</body>
</html>
"""


def _rows(topology: Topology) -> str:
    names = named_ports(topology)
    rows = []
    for flow in topology.flows:
        cells = [
            ", ".join(flow.sources),
            ", ".join(flow.targets),
            "every" if flow.wire == "*" else flow.wire,
            port_text(flow, names),
            flow.why,
        ]
        name = escape(flow.name, {'"': "&quot;"})
        rows.append(
            f'<tr data-flow="{name}"><th scope="row"><button type="button">{name}'
            "</button>" + "".join(f"<td>{escape(cell)}" for cell in cells) + "</tr>\n"
        )
    return "".join(rows)


def _asset(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")
