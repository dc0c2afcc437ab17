"""The blast radius as one SVG: tiers with their hosts, each with what happens to it.

In the manner of ``forge topology graph``: the same colours, which follow the reader's
light or dark setting, and always the same bytes for the same plan.
"""

from importlib import resources
from xml.sax.saxutils import escape, quoteattr

from forge.change.model import Effect, HostFacts, Plan

TIERS = {1: "I  Control plane", 2: "II  Boundary", 3: "III  Inference", 0: "No tier"}
MARGIN, GAP, HEADER = 28, 16, 46
CARD_WIDTH, LINE, CARD_HEAD = 256, 17, 52
COLUMNS = 4
TITLE = 64
# How a host's card looks, by the worst that happens to it.
STOPS = frozenset(
    {Effect.DATA_LOSS, Effect.HOST_REINSTALL, Effect.STORAGE_REMOVED, Effect.UNKNOWN}
)
ASKS = frozenset({Effect.TRUST_CHANGE, Effect.POLICY_KEY, Effect.FLOW_OPENED})


def svg(plan: Plan) -> str:
    """Return the picture of a plan."""
    hosts = {h.name: h for h in (*plan.hosts_before, *plan.hosts_after)}
    effects = _effects(plan)
    parts: list[str] = []
    top = float(MARGIN + TITLE)
    for tier in (1, 2, 3, 0):
        members = sorted(n for n, h in hosts.items() if h.tier == tier)
        if members:
            drawn, bottom = _frame(
                tier, [hosts[n] for n in members], plan, effects, top
            )
            parts += drawn
            top = bottom + GAP
    width = 2 * MARGIN + COLUMNS * (CARD_WIDTH + GAP) + GAP
    height = top - GAP + MARGIN
    touched = sum(bool(found) for found in effects.values())
    title = f"{touched} of {len(hosts)} hosts are reached"
    head = (
        '<svg xmlns="http://www.w3.org/2000/svg" class="picture" role="img"'
        f' viewBox="0 0 {width} {height:.0f}" width="{width}"'
        f' height="{height:.0f}" aria-label={quoteattr(title)}>'
    )
    return "\n".join(
        [
            head,
            f"<style>\n{style()}</style>",
            f'<rect class="ground" width="{width}" height="{height:.0f}"/>',
            _text(MARGIN, MARGIN + 22, "Blast radius", 22, "bold"),
            _text(MARGIN, MARGIN + 44, f"{title}; {plan.digest[:23]}", 13, "soft"),
            *parts,
            "</svg>",
            "",
        ]
    )


def style() -> str:
    """Return the styles of the picture, those of the topology's first."""
    shared = resources.files("forge.topology").joinpath("picture.css")
    own = resources.files(__package__).joinpath("plan.css")
    return shared.read_text("utf-8") + own.read_text("utf-8")


def _effects(plan: Plan) -> dict[str, list[Effect]]:
    found: dict[str, set[Effect]] = {
        h.name: set() for h in (*plan.hosts_before, *plan.hosts_after)
    }
    for impact in plan.impacts:
        for host in impact.hosts:
            found.setdefault(host, set()).update(impact.effects)
    return {name: sorted(some - {Effect.NOTHING}) for name, some in found.items()}


def _frame(
    tier: int,
    hosts: list[HostFacts],
    plan: Plan,
    effects: dict[str, list[Effect]],
    top: float,
) -> tuple[list[str], float]:
    width = COLUMNS * (CARD_WIDTH + GAP) + GAP
    cards: list[str] = []
    y = top + HEADER
    for start in range(0, len(hosts), COLUMNS):
        row = hosts[start : start + COLUMNS]
        height = CARD_HEAD + LINE * max(1, *(len(effects[h.name]) for h in row))
        for column, host in enumerate(row):
            x = MARGIN + GAP + column * (CARD_WIDTH + GAP)
            cards += _card(host, plan, effects[host.name], (x, y, height))
        y += height + GAP
    frame = [
        (
            f'<rect class="frame" x="{MARGIN}" y="{top:.0f}" width="{width}" '
            f'height="{y - top:.0f}" rx="14"/>'
        ),
        _text(MARGIN + GAP, top + 29, TIERS[tier], 15, "bold"),
    ]
    return frame + cards, y


def _card(
    host: HostFacts,
    plan: Plan,
    effects: list[Effect],
    place: tuple[float, float, float],
) -> list[str]:
    x, y, height = place
    kinds = ["host"]
    if effects:
        kinds += ["hit", _look(effects)]
    if host.name not in {h.name for h in plan.hosts_after}:
        kinds.append("gone")
    words = [effect.value.replace("_", " ") for effect in effects] or ["stays as it is"]
    return [
        f'<g class="{" ".join(kinds)}">',
        (
            f'<rect class="box" x="{x}" y="{y:.0f}" width="{CARD_WIDTH}" '
            f'height="{height}" rx="10"/>'
        ),
        _text(x + 14, y + 24, host.name, 14, "bold"),
        _text(x + CARD_WIDTH - 14, y + 24, host.role, 12, "soft end"),
        *(
            _text(x + 14, y + 46 + LINE * index, word, 12, "" if effects else "soft")
            for index, word in enumerate(words)
        ),
        "</g>",
    ]


def _look(effects: list[Effect]) -> str:
    if STOPS.intersection(effects):
        return "stops"
    return "asks" if ASKS.intersection(effects) else "moves"


def _text(x: float, y: float, text: str, size: int, kind: str = "") -> str:
    look = f' class="{kind}"' if kind else ""
    return (
        f'<text x="{x:.0f}" y="{y:.0f}" font-size="{size}"{look}>{escape(text)}</text>'
    )
