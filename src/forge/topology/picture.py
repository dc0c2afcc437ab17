"""Where everything in the picture is: boxes, lines and labels in pixels.

Pure geometry, no drawing. Nodes that talk to the boundary stand in the column next
to it, so that every flow between tiers is one straight horizontal line with its
label above; widths follow from the longest label, so that none overlap.
"""

import math
from collections.abc import Sequence

import msgspec

from forge.topology.firewall import end_hosts, named_ports
from forge.topology.model import (
    CONTROLLER,
    GATE_PORT,
    TIER_BOUNDARY,
    TIER_CLUSTER,
    TIER_INFERENCE,
    Flow,
    Host,
    Topology,
)
from forge.topology.render_table import port_text

MARGIN = 28
TITLE = 64  # height of the heading
CONTROLLER_HEIGHT = 50
FRAME_HEADER = 58
PADDING = 18
CARD_WIDTH, CARD_HEIGHT, CARD_GAP = 240, 108, 18
ARROW = 9  # length of an arrow's head
LINE_GAP = 30  # between two lines, room for a label
LABEL_SIZE = 11.5
CHIP_HEIGHT, CHIP_GAP, CHIP_SIZE = 24, 8, 11.5
LEGEND = 74
ROWS_MAX = 4  # nodes in one column, before a second column begins
TIER_TITLES = {1: "Control plane", 2: "Boundary", 3: "Inference"}


class Card(msgspec.Struct, frozen=True):
    """A host."""

    host: str
    x: float
    y: float
    width: float
    height: float


class Frame(msgspec.Struct, frozen=True):
    """A tier around its hosts; ``calls`` are the controller's flows into it."""

    tier: int
    title: str
    x: float
    y: float
    width: float
    height: float
    calls: tuple[tuple[str, str], ...]


class Line(msgspec.Struct, frozen=True):
    """A flow between two tiers, drawn from ``x1`` to ``x2`` at height ``y``."""

    flow: str
    label: str
    wire: str
    x1: float
    x2: float
    y: float
    is_gated: bool
    ends: tuple[str, str]


class Chip(msgspec.Struct, frozen=True):
    """A flow inside the cluster, as a label below the nodes."""

    flow: str
    label: str
    x: float
    y: float
    width: float


class Gutter(msgspec.Struct, frozen=True):
    """The space between two tiers, named for the wire that crosses it."""

    wire: str
    cidr: str
    x: float
    width: float


class Sample(msgspec.Struct, frozen=True):
    """An entry of the legend; ``kind`` is the class of what it explains."""

    kind: str
    label: str
    x: float


class Picture(msgspec.Struct, frozen=True):
    """Everything that is drawn, in one coordinate system."""

    width: float
    height: float
    frames: tuple[Frame, ...]
    cards: tuple[Card, ...]
    lines: tuple[Line, ...]
    chips: tuple[Chip, ...]
    gutters: tuple[Gutter, ...]
    legend: tuple[Sample, ...]


class Crossing(msgspec.Struct, frozen=True):
    """A flow between hosts of two neighbouring tiers, ``near`` the lower one."""

    flow: Flow
    near: Host
    far: Host
    is_outward: bool  # from the lower tier to the higher one


def text_width(text: str, size: float) -> float:
    """Return a width in pixels that holds a text in any common sans-serif font."""
    # 0.62 em is the mean of DejaVu Sans, the widest of the fonts that are named.
    return len(text) * size * 0.62


def layout(topology: Topology) -> Picture:
    """Place everything of a valid topology."""
    near = _crossings(topology, TIER_CLUSTER, TIER_BOUNDARY)
    far = _crossings(topology, TIER_BOUNDARY, TIER_INFERENCE)
    frame, cards, chips = _cluster(topology, near, far)
    frames, lines, gutters, left = [frame], [], [], cards
    for tier, wire, crossings in (
        (TIER_BOUNDARY, "boundary", near),
        (TIER_INFERENCE, "inference", far),
    ):
        if not topology.in_tier(tier):
            break
        edge = frames[-1].x + frames[-1].width
        labels = [flow_label(crossing.flow, topology) for crossing in crossings]
        space = max([150.0, *(text_width(label, LABEL_SIZE) + 44 for label in labels)])
        gutters.append(Gutter(wire, str(topology.wires[wire].cidr), edge, space))
        box = (edge + space, frame.y, CARD_WIDTH + 2 * PADDING, frame.height)
        frames.append(_frame(topology, tier, box))
        right = _stack(topology.in_tier(tier), frames[-1])
        lines += _lines(crossings, left, right, topology)
        cards, left = [*cards, *right], right
    legend, end = _legend(topology)
    return Picture(
        width=max(frames[-1].x + frames[-1].width, end) + MARGIN,
        height=frame.y + frame.height + LEGEND,
        frames=tuple(frames),
        cards=tuple(cards),
        lines=tuple(lines),
        chips=tuple(chips),
        gutters=tuple(gutters),
        legend=tuple(legend),
    )


def _cluster(
    topology: Topology, near: Sequence[Crossing], far: Sequence[Crossing]
) -> tuple[Frame, list[Card], list[Chip]]:
    """Place tier I: its frame, its nodes, and the flows between them."""
    inner, outer = _columns(topology, near)
    rows = max(len(outer), min(ROWS_MAX, len(inner)), 1)
    columns = math.ceil(len(inner) / rows) + bool(outer)
    row = _row_height(near, far, rows)
    top = MARGIN + TITLE + CONTROLLER_HEIGHT + _calls_height(topology)
    width = columns * (CARD_WIDTH + CARD_GAP) - CARD_GAP + 2 * PADDING
    grid = rows * (row + CARD_GAP) - CARD_GAP
    chips, strip = _chips(
        topology,
        (MARGIN + PADDING, top + FRAME_HEADER + grid + 34),
        width - 2 * PADDING,
    )
    height = FRAME_HEADER + grid + strip + PADDING
    frame = _frame(topology, TIER_CLUSTER, (MARGIN, top, width, height))
    return frame, _grid(inner, outer, rows, row, top + FRAME_HEADER), chips


def _crossings(topology: Topology, low: int, high: int) -> list[Crossing]:
    found = []
    for flow in topology.flows:
        sources = end_hosts(flow.sources, topology)
        targets = end_hosts(flow.targets, topology)
        for source in sources:
            for target in targets:
                if (source.tier, target.tier) == (low, high):
                    found.append(Crossing(flow, source, target, is_outward=True))
                if (source.tier, target.tier) == (high, low):
                    found.append(Crossing(flow, target, source, is_outward=False))
    return found


def _columns(
    topology: Topology, crossings: Sequence[Crossing]
) -> tuple[list[Host], list[Host]]:
    """Split the nodes: those that talk to the boundary stand next to it."""
    names = {crossing.near.name for crossing in crossings}
    nodes = sorted(
        topology.in_tier(TIER_CLUSTER), key=lambda host: (not host.is_server, host.name)
    )
    return (
        [host for host in nodes if host.name not in names],
        [host for host in nodes if host.name in names],
    )


def _row_height(near: Sequence[Crossing], far: Sequence[Crossing], rows: int) -> float:
    """Return the height of a node: as high as its lines need, the far ones too."""
    counts = [sum(c.near == other.near for c in near) for other in near]
    return max(
        CARD_HEIGHT,
        LINE_GAP * (max(counts, default=0) + 1),
        (LINE_GAP * (len(far) + 1) - (rows - 1) * CARD_GAP) / rows,
    )


def _grid(
    inner: Sequence[Host], outer: Sequence[Host], rows: int, height: float, top: float
) -> list[Card]:
    """Place nodes column by column; the outer ones in the last."""
    last = math.ceil(len(inner) / rows)
    places = [(host, i // rows, i % rows) for i, host in enumerate(inner)]
    places += [(host, last, i) for i, host in enumerate(outer)]
    return [
        Card(
            host.name,
            MARGIN + PADDING + column * (CARD_WIDTH + CARD_GAP),
            top + row * (height + CARD_GAP),
            CARD_WIDTH,
            height,
        )
        for host, column, row in places
    ]


def _stack(hosts: Sequence[Host], frame: Frame) -> list[Card]:
    """Share the height of a frame among its hosts."""
    space = frame.height - FRAME_HEADER - PADDING
    height = (space - CARD_GAP * (len(hosts) - 1)) / len(hosts)
    return [
        Card(
            host.name,
            frame.x + PADDING,
            frame.y + FRAME_HEADER + index * (height + CARD_GAP),
            CARD_WIDTH,
            height,
        )
        for index, host in enumerate(hosts)
    ]


def _lines(
    crossings: Sequence[Crossing],
    near: Sequence[Card],
    far: Sequence[Card],
    topology: Topology,
) -> list[Line]:
    """Draw each crossing at its own height, inside both of its cards."""
    by_name = {card.host: card for card in (*near, *far)}
    pairs: dict[tuple[str, str], list[Crossing]] = {}
    for crossing in crossings:
        pairs.setdefault((crossing.near.name, crossing.far.name), []).append(crossing)
    lines = []
    for (one, two), found in pairs.items():
        left, right = by_name[one], by_name[two]
        top = max(left.y, right.y)
        bottom = min(left.y + left.height, right.y + right.height)
        for index, crossing in enumerate(found, start=1):
            x1, x2 = left.x + left.width, right.x
            forward = crossing.is_outward
            lines.append(
                Line(
                    flow=crossing.flow.name,
                    label=flow_label(crossing.flow, topology),
                    wire=crossing.flow.wire,
                    x1=x1 if forward else x2,
                    x2=x2 if forward else x1,
                    y=top + (bottom - top) * index / (len(found) + 1),
                    is_gated=GATE_PORT in crossing.flow.ports,
                    ends=(one, two),
                )
            )
    return lines


def flow_label(flow: Flow, topology: Topology) -> str:
    """Return a flow's name and ports."""
    return f"{flow.name}  {port_text(flow, named_ports(topology))}"


def _frame(
    topology: Topology, tier: int, box: tuple[float, float, float, float]
) -> Frame:
    return Frame(tier, TIER_TITLES[tier], *box, _calls(topology, tier))


def _calls(topology: Topology, tier: int) -> tuple[tuple[str, str], ...]:
    """Return name and label of the controller's flows into a tier."""
    calls = []
    members = {host.name for host in topology.in_tier(tier)}
    for flow in topology.flows:
        targets = {host.name for host in end_hosts(flow.targets, topology)} & members
        if CONTROLLER in flow.sources and targets:
            whom = "" if targets == members else f" → {', '.join(sorted(targets))}"
            calls.append((flow.name, flow_label(flow, topology) + whom))
    return tuple(calls)


def _calls_height(topology: Topology) -> float:
    most = max(len(_calls(topology, tier)) for tier in TIER_TITLES)
    return 34 + 17 * most


def _chips(
    topology: Topology, corner: tuple[float, float], width: float
) -> tuple[list[Chip], float]:
    """Place the flows inside the cluster in rows below the nodes.

    Returns:
        The chips, and the height that they and their heading take.
    """
    chips: list[Chip] = []
    x, y = corner
    for flow in topology.flows:
        ends = end_hosts((*flow.sources, *flow.targets), topology)
        if CONTROLLER in flow.sources or any(h.tier != TIER_CLUSTER for h in ends):
            continue
        label = flow_label(flow, topology)
        size = text_width(label, CHIP_SIZE) + 20
        if x > corner[0] and x + size > corner[0] + width:
            x, y = corner[0], y + CHIP_HEIGHT + CHIP_GAP
        chips.append(Chip(flow.name, label, x, y, size))
        x += size + CHIP_GAP
    return chips, (y - corner[1] + CHIP_HEIGHT + 34 if chips else 0)


def _legend(topology: Topology) -> tuple[list[Sample], float]:
    """Place the legend's entries in one row; return them and where they end."""
    entries = [("call", "from the controller")]
    entries += [(f"flow {wire}", f"on wire {wire}") for wire in topology.wires]
    if any(GATE_PORT in flow.ports for flow in topology.flows):
        entries.append(("flow gated", "proposals, judged by the gate"))
    samples = []
    x = end = float(MARGIN)
    for kind, label in entries:
        samples.append(Sample(kind, label, x))
        end = x + 42 + text_width(label, 12)
        x = end + 20
    return samples, end
