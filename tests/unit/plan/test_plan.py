"""`forge plan`: what people and programs get to see of a plan."""

import json
import subprocess
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from rich.console import Console
from tests.unit.change.plans import impact, plan, room

from forge import paths
from forge.change.model import BlastRadius, Effect, Plan
from forge.change.verdict import Path as Way
from forge.change.verdict import Verdict, decide
from forge.cli import main
from forge.errors import InputError
from forge.plan.make import Asked, make
from forge.plan.picture import svg
from forge.plan.render_html import html
from forge.plan.tell import markdown, tell

CHECKOUT = Path(__file__).parents[3]
EVIL = "</style><script>alert(1)</script> | `x` **b** \n# h"


def judged(made: Plan) -> Verdict:
    return decide(made, Way.PREVIEW, now=1)


@pytest.fixture
def opened() -> Plan:
    flows = ("tcp 9443 boundary m4-pro -> worker-04",)
    hosts = ("m4-pro", "worker-04")
    given = impact(Effect.FLOW_OPENED, hosts=hosts)
    return plan(given, blast=BlastRadius(flows_opened=flows, minutes=2))


@pytest.fixture
def evil() -> Plan:
    return plan(impact(Effect.TRUST_CHANGE, subject=f"vars.{EVIL}"))


def test_table_says_change_verdict_and_what_to_approve(opened: Plan) -> None:
    console = Console(width=200, record=True)
    verdict = judged(opened)
    tell(console, opened, verdict)
    said = console.export_text()
    for wanted in (
        "vars.x", "flow opened", "ESCALATE (preview)", "infra.flow-opened",
        opened.digest, verdict.policy, "clawlaw steward approve", "about 2 minutes",
    ):  # fmt: skip
        assert wanted in said, wanted


def test_nothing_that_changes_is_said() -> None:
    console = Console(width=100, record=True)
    tell(console, plan(), judged(plan()))
    said = console.export_text()
    assert "Nothing changes." in said
    assert "ALLOW (preview)" in said
    assert "approve" not in said


def test_markdown_has_table_blast_radius_and_verdict(opened: Plan) -> None:
    text = markdown(opened, judged(opened))
    assert text.startswith("## ESCALATE: ")
    assert "| worker-01 |" not in text
    assert "| m4-pro | vars.x | changed | flow opened | 1 | for a test |" in text
    assert "- flows opened: tcp 9443 boundary m4-pro -> worker-04" in text


def test_markdown_of_names_that_are_markup_is_text(evil: Plan) -> None:
    text = markdown(evil, judged(evil))
    (row,) = [line for line in text.splitlines() if "alert" in line]
    assert "<" not in row
    assert row.replace("\\|", "").count("|") == 7
    assert "\n# h" not in text


def test_picture_is_well_formed_and_shows_each_host(opened: Plan) -> None:
    root = ET.fromstring(svg(opened))  # noqa: S314  # made here
    words = [e.text for e in root.iter("{http://www.w3.org/2000/svg}text")]
    for host in room():
        assert host.name in words
    assert words.count("flow opened") == 2
    assert words.count("stays as it is") == len(room()) - 2


def test_cards_do_not_overlap_nor_leave_the_picture() -> None:
    every = tuple(h.name for h in room())
    root = ET.fromstring(svg(plan(impact(*Effect, hosts=every))))  # noqa: S314
    width, height = (float(root.attrib[n]) for n in ("width", "height"))
    boxes = [
        tuple(float(e.attrib[n]) for n in ("x", "y", "width", "height"))
        for e in root.iter("{http://www.w3.org/2000/svg}rect")
        if e.attrib["class"] == "box"
    ]
    assert len(boxes) == len(every)
    for number, (x, y, w, h) in enumerate(boxes):
        assert x + w <= width
        assert y + h <= height
        for u, v, s, t in boxes[number + 1 :]:
            assert x + w <= u or u + s <= x or y + h <= v or v + t <= y


def test_page_needs_nothing_else_and_names_are_text(evil: Plan) -> None:
    page = html(evil, judged(evil))
    assert "<script" not in page
    assert "default-src 'none'" in page
    assert "http://" not in page.replace("http://www.w3.org/2000/svg", "")
    assert page == html(evil, judged(evil))


def test_revision_that_is_none_is_refused() -> None:
    inventory = (CHECKOUT / "inventory/forge",)
    with pytest.raises(InputError, match="--from no-such"):
        make(paths.checkout(CHECKOUT), Asked("no-such", inventory))


def test_option_in_place_of_a_revision_is_none() -> None:
    inventory = (CHECKOUT / "inventory/forge",)
    with pytest.raises(InputError, match="--from"):
        make(paths.checkout(CHECKOUT), Asked("--output=/tmp/x", inventory))


def test_inventory_from_elsewhere_has_no_revision(tmp_path: Path) -> None:
    inventory = tmp_path / "hosts.yml"
    inventory.write_text("all: {hosts: {a: {}}}\n")
    with pytest.raises(InputError, match="not in the checkout"):
        make(paths.checkout(CHECKOUT), Asked("HEAD", (inventory,)))


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The checkout's last commit in a repository of its own."""
    folder = tmp_path / "copy"
    words = ["git", "-C", str(CHECKOUT), "worktree", "list"]
    if subprocess.run(words, capture_output=True, check=False).returncode:
        pytest.skip("no repository of git")
    clone = ["git", "clone", "-q", "--no-hardlinks", str(CHECKOUT), str(folder)]
    subprocess.run(clone, check=True)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("FORGE_STATE", str(tmp_path / "state"))
    return folder


def test_command_ends_as_the_laws_say(
    copy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["plan", "--from", "HEAD", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["plan"]["changes"] == []
    hosts = copy / "inventory/forge/hosts.yml"
    text = hosts.read_text()
    taint = "- {key: forge.dev/dedicated, value: observability, effect: NoSchedule}"
    assert taint in text
    hosts.write_text(text.replace(taint, "[]"))
    assert main(["plan", "--from", "HEAD", "--json"]) == 3
    said = json.loads(capsys.readouterr().out)
    assert said["verdict"]["verdict"] == "deny"
    assert said["verdict"]["path"] == "preview"
    hosts.write_text(text.replace("forge_role: registry", "forge_role: regstry"))
    assert main(["plan", "--from", "HEAD", "--json"]) == 2
