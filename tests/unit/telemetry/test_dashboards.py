"""Dashboards: one signal, one question, and a form that Grafana reads."""

import json
from pathlib import Path
from typing import Any

import pytest

from forge.telemetry import boards, dashboards
from forge.telemetry.dashboards import Dashboard, Panel

ROOT = Path(__file__).resolve().parents[3]
FOLDER = ROOT / dashboards.FOLDER


def made(board: Dashboard) -> dict[str, Any]:
    said: dict[str, Any] = json.loads(dashboards.render(board))
    return said


@pytest.mark.parametrize("board", boards.ALL, ids=lambda board: board.name)
def test_the_file_is_made_from_the_description(board: Dashboard) -> None:
    file = FOLDER / f"{board.name}.json"
    assert file.read_text() == dashboards.render(board), (
        "run `forge telemetry dashboards --write`"
    )


def test_no_dashboard_is_left_over() -> None:
    assert {file.stem for file in FOLDER.iterdir()} == {b.name for b in boards.ALL}


@pytest.mark.parametrize("board", boards.ALL, ids=lambda board: board.name)
def test_the_question_stands_on_top(board: Dashboard) -> None:
    said = made(board)
    first = said["panels"][0]
    assert board.question.endswith("?")
    assert board.question in first["options"]["content"]
    assert first["type"] == "text"
    assert first["gridPos"]["y"] == 0


@pytest.mark.parametrize("board", boards.ALL, ids=lambda board: board.name)
def test_panels_have_places_and_names_of_their_own(board: Dashboard) -> None:
    said = made(board)
    panels = said["panels"]
    assert said["schemaVersion"] >= 39
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        at = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert not cells & taken
        assert at["x"] + at["w"] <= 24
        taken |= cells
    titles = [panel["title"] for panel in panels[1:]]
    assert all(titles)
    assert len(set(titles)) == len(titles)


def test_a_limit_is_drawn_and_a_number_has_no_course() -> None:
    said = made(
        Dashboard(
            "a", "A", "Is it?", (Panel("x", (("up", ""),), limit=2, now=True),) * 1
        )
    )
    panel = said["panels"][1]
    assert panel["type"] == "stat"
    assert panel["targets"][0]["instant"] is True
    steps = panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
    assert [step["value"] for step in steps] == [None, 2]
