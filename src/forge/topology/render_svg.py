"""The topology as one SVG: tiers, hosts, flows, the gates in amber.

The same text is the body of the HTML page, where a script makes it answer. Colours
follow the reader's light or dark setting, without any script.
"""

from importlib import resources
from xml.sax.saxutils import escape, quoteattr

from forge.topology import picture as at
from forge.topology.model import CONTROLLER, Host, Taint, Topology
from forge.topology.picture import (
    Card,
    Frame,
    Gutter,
    Line,
    Picture,
    layout,
    text_width,
)

ROMAN = {1: "I", 2: "II", 3: "III"}
BAR = 16  # width of a gate
TALL = 200  # pixels; a card this high lists what it runs line by line
RISE = 0.36  # of a font's size: from its middle to its baseline


def svg(topology: Topology) -> str:
    """Return the picture of a valid topology, always the same bytes."""
    picture = layout(topology)
    width, height = _n(picture.width), _n(picture.height)
    head = _open(
        "svg",
        xmlns="http://www.w3.org/2000/svg",
        class_="picture",
        viewBox=f"0 0 {width} {height}",
        width=width,
        height=height,
        role="group",
        aria_labelledby="picture-title",
    )
    style = resources.files(__package__).joinpath("picture.css").read_text("utf-8")
    parts = [
        head,
        f'<title id="picture-title">{escape(_title(topology))}</title>',
        f"<style>\n{style}</style>",
        _rect((0, 0, picture.width, picture.height), "ground", 0),
        *_heading(topology, picture),
    ]
    for frame in picture.frames:
        parts += _frame(frame, topology)
    for gutter in picture.gutters:
        parts += _gutter(gutter, picture.frames[0])
    for line in picture.lines:
        parts += _line(line)
    for card in picture.cards:
        parts += _card(topology.hosts[card.host], card, topology)
    parts += _chips(picture)
    parts += _legend(picture)
    return "\n".join([*parts, "</svg>", ""])


def is_gate(host: Host) -> bool:
    """Return whether a host runs the gate."""
    return "clawlaw_gate" in host.components


def _title(topology: Topology) -> str:
    hosts, flows = len(topology.hosts), len(topology.flows)
    return f"{topology.name}: {hosts} hosts, {flows} declared flows"


def _heading(topology: Topology, picture: Picture) -> list[str]:
    left, right = at.MARGIN, picture.width - at.MARGIN
    top = at.MARGIN + at.TITLE
    task = "runs Ansible from outside the cluster"
    return [
        _text((left, at.MARGIN + 18), topology.name, 22, "bold"),
        _text((left, at.MARGIN + 40), topology.domain, 13, "soft"),
        _text((right, at.MARGIN + 18), "what is not drawn is dropped", 13, "soft end"),
        _open_host(CONTROLLER, f"{CONTROLLER}, {task}", ""),
        _rect((left, top, right - left, at.CONTROLLER_HEIGHT), "box", 10),
        _text((left + 16, top + 21), CONTROLLER, 14, "bold"),
        _text((left + 16, top + 39), task, 12, "soft"),
        "</g>",
    ]


def _frame(frame: Frame, topology: Topology) -> list[str]:
    """Draw a tier, its heading, and the controller's arrow into it."""
    start = at.MARGIN + at.TITLE + at.CONTROLLER_HEIGHT
    x, right = frame.x + 26, frame.x + frame.width - 18
    title_x = frame.x + 30 + 8 * frame.tier
    parts = [
        _rect((frame.x, frame.y, frame.width, frame.height), "frame", 14),
        _text((frame.x + 18, frame.y + 35), ROMAN[frame.tier], 19, "bold soft"),
        _text((title_x, frame.y + 34), frame.title, 15, "bold"),
    ]
    if frame.tier == 1 and "cluster" in topology.wires:
        cidr = str(topology.wires["cluster"].cidr)
        parts += [
            _text((right, frame.y + 24), "cluster", 13, "bold cluster end"),
            _text((right, frame.y + 41), cidr, 11, "soft mono end"),
        ]
    if frame.calls:
        parts += [
            _open("g", class_="call"),
            _path(f"M{_n(x)} {_n(start)}V{_n(frame.y - at.ARROW)}"),
            _path(f"M{_n(x)} {_n(frame.y)}l-5 -{at.ARROW}h10z", "tip"),
            "</g>",
        ]
    for index, (name, label) in enumerate(frame.calls):
        place = x + 14, start + 24 + 17 * index
        parts += [
            _open("g", class_="call", data_flow=name),
            _text(place, label, at.LABEL_SIZE),
            "</g>",
        ]
    return parts


def _gutter(gutter: Gutter, frame: Frame) -> list[str]:
    x = gutter.x + gutter.width / 2
    return [
        _text((x, frame.y + 24), gutter.wire, 13, f"bold middle {gutter.wire}"),
        _text((x, frame.y + 41), gutter.cidr, 11, "soft mono middle"),
    ]


def _line(line: Line) -> list[str]:
    forward = line.x2 > line.x1
    back = at.ARROW if forward else -at.ARROW
    x, y = _n(line.x2), _n(line.y)
    kind = f"flow {line.wire} gated" if line.is_gated else f"flow {line.wire}"
    middle = (line.x1 + line.x2) / 2, line.y - 6
    return [
        _open("g", class_=kind, data_flow=line.flow),
        _path(f"M{_n(line.x1)} {y}H{_n(line.x2 - back)}"),
        _path(f"M{x} {y}l{-back} -5v10z", "tip"),
        _text(middle, line.label, at.LABEL_SIZE, f"middle {line.wire}"),
        "</g>",
    ]


def _card(host: Host, card: Card, topology: Topology) -> list[str]:
    gate = is_gate(host)
    left = card.x + 14 + BAR * gate
    parts = [
        _open_host(host.name, _spoken(host), " gate" if gate else ""),
        _rect((card.x, card.y, card.width, card.height), "box", 10),
        _text((left, card.y + 24), host.name, 14.5, "bold"),
        *_role(host, card),
    ]
    rows = _wrapped(", ".join(host.components) or "the control plane" * host.is_server)
    if card.height > TALL:
        rows = [*host.components, "", f"{host.os} {host.arch}", host.model]
        if host.memory_gb is not None:
            rows.append(f"{host.memory_gb} GB")
    for index, row in enumerate(rows):
        step = 18 if card.height > TALL else 15
        parts.append(_text((left, card.y + 44 + step * index), row, 12, "soft"))
    if host.taints:
        label = "taint " + ", ".join(_short(taint) for taint in host.taints)
        parts.append(_text((left, card.y + card.height - 29), label, 11, "taint"))
    parts += _addresses(host, card, topology, left)
    if gate:
        for x in (card.x, card.x + card.width - BAR):
            parts += _gate_bar(x, card)
    return [*parts, "</g>"]


def _role(host: Host, card: Card) -> list[str]:
    width = text_width(host.role, 10.5) + 14
    x = card.x + card.width - 12 - BAR * is_gate(host) - width
    return [
        _rect((x, card.y + 11, width, 18), "pill", 9),
        _text((x + width / 2, card.y + 23.5), host.role, 10.5, "soft middle"),
    ]


def _addresses(host: Host, card: Card, topology: Topology, left: float) -> list[str]:
    """Draw the addresses at the bottom of a card, a dot in each wire's colour."""
    parts = []
    for index, wire in enumerate(w for w in topology.wires if w in host.addresses):
        x, y = left + index * 106, card.y + card.height - 12
        if is_gate(host):  # the bars leave room for one address in a row
            x, y = left, y - 18 * (len(host.addresses) - 1 - index)
        address = str(host.addresses[wire])
        parts += [
            f'<circle class="dot {wire}" cx="{_n(x + 3)}" cy="{_n(y - 4)}" r="3"/>',
            _text((x + 10, y), address, 10.5, "soft mono"),
        ]
    return parts


def _gate_bar(x: float, card: Card) -> list[str]:
    middle = x + BAR / 2 + 10.5 * RISE, card.y + card.height / 2
    turn = f"rotate(-90 {_n(middle[0])} {_n(middle[1])})"
    return [
        _rect((x, card.y, BAR, card.height), "bar", 4),
        _open("g", transform=turn),
        _text(middle, "CLAWLAW GATE", 10.5, "bar-text middle"),
        "</g>",
    ]


def _chips(picture: Picture) -> list[str]:
    parts = []
    for first in picture.chips[:1]:
        words = "between nodes, on wire cluster"
        parts.append(_text((first.x, first.y - 10), words, 11.5, "soft"))
    for chip in picture.chips:
        middle = chip.x + chip.width / 2, chip.y + 16
        parts += [
            _open("g", class_="chip", data_flow=chip.flow),
            _rect((chip.x, chip.y, chip.width, at.CHIP_HEIGHT), "cluster", 12),
            _text(middle, chip.label, at.CHIP_SIZE, "cluster middle"),
            "</g>",
        ]
    return parts


def _legend(picture: Picture) -> list[str]:
    y = picture.height - at.LEGEND / 2 + 4
    parts = []
    for sample in picture.legend:
        x = sample.x
        parts += [
            _open("g", class_=sample.kind),
            _path(f"M{_n(x)} {_n(y)}h26"),
            _path(f"M{_n(x + 34)} {_n(y)}l-{at.ARROW} -5v10z", "tip"),
            "</g>",
            _text((x + 42, y + 12 * RISE), sample.label, 12, "soft"),
        ]
    return parts


def _spoken(host: Host) -> str:
    runs = ", ".join(host.components)
    tier = ROMAN[host.tier]
    return f"{host.name}, tier {tier}, {host.role}" + (f", runs {runs}" if runs else "")


def _short(taint: Taint) -> str:
    name = taint.key.rpartition("/")[2]
    return f"{name}={taint.value}" if taint.value else name


def _wrapped(text: str) -> list[str]:
    rows: list[str] = []
    for word in text.split():
        joined = f"{rows[-1]} {word}" if rows else word
        if rows and text_width(joined, 12) <= at.CARD_WIDTH - 24:
            rows[-1] = joined
        else:
            rows.append(word)
    return rows


def _open_host(name: str, label: str, kind: str) -> str:
    return _open(
        "g",
        class_=f"host{kind}",
        data_host=name,
        tabindex="0",
        role="button",
        aria_label=label,
    )


def _open(element: str, **attributes: str) -> str:
    """Return a start tag; ``class_`` and ``data_x`` become class and data-x."""
    pairs = (
        f" {name.rstrip('_').replace('_', '-')}={quoteattr(value)}"
        for name, value in attributes.items()
    )
    return f"<{element}{''.join(pairs)}>"


def _path(steps: str, kind: str = "line") -> str:
    return f'<path class="{kind}" d="{steps}"/>'


def _rect(box: tuple[float, float, float, float], kind: str, radius: int) -> str:
    x, y, width, height = (_n(value) for value in box)
    size = f'x="{x}" y="{y}" width="{width}" height="{height}"'
    return f'<rect class="{kind}" {size} rx="{radius}"/>'


def _text(place: tuple[float, float], text: str, size: float, kind: str = "") -> str:
    if not text:
        return ""
    look = f' class="{kind}"' if kind else ""
    x, y = place
    return (
        f'<text x="{_n(x)}" y="{_n(y)}" font-size="{size}"{look}>{escape(text)}</text>'
    )


def _n(value: float) -> str:
    """Return a coordinate with at most one decimal, the same on every machine."""
    return f"{value:.1f}".removesuffix(".0")
