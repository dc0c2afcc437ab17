"""The picture: complete, without overlaps, self-contained, always the same bytes."""

import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from html.parser import HTMLParser
from itertools import combinations
from pathlib import Path

import msgspec
import pytest

from forge.topology import Finding, Topology, describe
from forge.topology.picture import LABEL_SIZE, Picture, layout, text_width
from forge.topology.render_html import html
from forge.topology.render_svg import svg

ROOT = Path(__file__).resolve().parents[3]
VALID = sorted((ROOT / "tests/fixtures/inventory/valid").glob("*.yml"))
FORGE = ROOT / "inventory/forge"
OPTIONAL = ROOT / "inventory/optional/inference-01.yml"

type Examined = tuple[Topology, tuple[Finding, ...]]
type Box = tuple[float, float, float, float]


@pytest.fixture
def forge(examined: Callable[..., Examined]) -> Topology:
    return examined(FORGE)[0]


@pytest.fixture(params=[*VALID, FORGE, OPTIONAL], ids=lambda path: path.stem)
def drawn(
    request: pytest.FixtureRequest, examined: Callable[..., Examined]
) -> Topology:
    path: Path = request.param
    paths = (FORGE, OPTIONAL) if path == OPTIONAL else (path,)
    return examined(*paths)[0]


def overlap(one: Box, two: Box) -> bool:
    return (
        one[0] < two[0] + two[2]
        and two[0] < one[0] + one[2]
        and one[1] < two[1] + two[3]
        and two[1] < one[1] + one[3]
    )


def label_boxes(picture: Picture) -> list[Box]:
    """What is written above the lines, and the lines themselves."""
    boxes = []
    for line in picture.lines:
        width = text_width(line.label, LABEL_SIZE)
        middle = (line.x1 + line.x2) / 2
        boxes.append(
            (middle - width / 2, line.y - 6 - LABEL_SIZE, width, LABEL_SIZE + 9)
        )
    return boxes


def test_nothing_overlaps(drawn: Topology) -> None:
    picture = layout(drawn)
    cards = [(c.x, c.y, c.width, c.height) for c in picture.cards]
    chips = [(c.x, c.y, c.width, 24.0) for c in picture.chips]
    frames = [(f.x, f.y, f.width, f.height) for f in picture.frames]
    for group in ([*cards, *chips, *label_boxes(picture)], frames):
        for one, two in combinations(group, 2):
            assert not overlap(one, two), (one, two)


def test_everything_is_inside_its_frame(drawn: Topology) -> None:
    picture = layout(drawn)
    cards = [(c.x, c.y, c.width, c.height) for c in picture.cards]
    chips = [(c.x, c.y, c.width, 24.0) for c in picture.chips]
    for x, y, width, height in [*cards, *chips]:
        assert any(
            frame.x <= x
            and frame.y <= y
            and x + width <= frame.x + frame.width
            and y + height <= frame.y + frame.height
            for frame in picture.frames
        )
    for frame in picture.frames:
        assert frame.x + frame.width <= picture.width
        assert frame.y + frame.height <= picture.height


def test_labels_fit_between_the_tiers(drawn: Topology) -> None:
    for line in layout(drawn).lines:
        assert text_width(line.label, LABEL_SIZE) < abs(line.x2 - line.x1) - 20


def test_lines_touch_both_cards(drawn: Topology) -> None:
    picture = layout(drawn)
    cards = {card.host: card for card in picture.cards}
    for line in picture.lines:
        left, right = (cards[name] for name in line.ends)
        assert {line.x1, line.x2} == {left.x + left.width, right.x}
        for card in (left, right):
            assert card.y < line.y < card.y + card.height


def test_every_host_and_flow_is_drawn(drawn: Topology) -> None:
    picture = svg(drawn)
    assert {*re.findall(r'data-host="([^"]+)"', picture)} == {
        *drawn.hosts,
        "controller",
    }
    assert {*re.findall(r'data-flow="([^"]+)"', picture)} == {
        flow.name for flow in drawn.flows
    }


def test_svg_is_xml(drawn: Topology) -> None:
    root = ET.fromstring(svg(drawn))  # noqa: S314 - our own text
    assert root.tag == "{http://www.w3.org/2000/svg}svg"


def test_gate_is_amber_on_the_boundary_only(forge: Topology) -> None:
    picture = svg(forge)
    assert picture.count("CLAWLAW GATE") == 2
    assert re.findall(r'class="host gate" data-host="([^"]+)"', picture) == ["m4-pro"]
    gated = re.findall(r'class="flow boundary gated" data-flow="([^"]+)"', picture)
    assert gated == ["proposals"]


def test_text_is_escaped(forge: Topology) -> None:
    named = msgspec.structs.replace(forge, domain="<b>&</b>")
    assert "&lt;b&gt;&amp;&lt;/b&gt;" in svg(named)
    flows = (msgspec.structs.replace(forge.flows[0], why="</script><b>"),)
    page = html(msgspec.structs.replace(forge, flows=flows))
    assert "</script><b>" not in page
    assert "&lt;/script&gt;&lt;b&gt;" in page


class Reader(HTMLParser):
    """Collects tags, and the text of script elements."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "script":
            self.scripts.append("")

    def handle_data(self, data: str) -> None:
        if self.tags and self.tags[-1][0] == "script":
            self.scripts[-1] += data


def test_page_asks_for_nothing(forge: Topology) -> None:
    page = html(forge)
    reader = Reader()
    reader.feed(page)
    attributes = {name for _, found in reader.tags for name in found}
    assert not attributes & {"src", "href", "srcset", "xlink:href", "action"}
    assert not {tag for tag, _ in reader.tags} & {"link", "img", "iframe", "base"}
    assert re.findall(r"https?://[^\"']+", page) == ["http://www.w3.org/2000/svg"]
    assert "url(" not in page
    assert "@import" not in page
    assert "default-src 'none'" in page


def test_page_holds_what_roles_read(forge: Topology) -> None:
    reader = Reader()
    reader.feed(html(forge))
    assert json.loads(reader.scripts[0]) == describe(forge)


def test_hosts_are_reached_by_keyboard(forge: Topology) -> None:
    reader = Reader()
    reader.feed(html(forge))
    hosts = [found for _, found in reader.tags if "data-host" in found]
    assert len(hosts) == 9
    for found in hosts:
        assert found["tabindex"] == "0"
        assert found["role"] == "button"
        assert found["aria-label"]


def test_picture_in_the_documentation_is_current(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from forge.cli import main  # noqa: PLC0415 - only here

    monkeypatch.chdir(ROOT)
    assert main(["topology", "graph"]) == 0
    made = capsys.readouterr().out.encode("utf-8")
    assert made == (ROOT / "docs/topology.svg").read_bytes(), (
        "run: forge topology graph -o docs/topology.svg"
    )
