"""Dashboards as Grafana reads them, made from a small description.

One dashboard shows one signal and answers one question, which stands on top of it.

Source: Grafana, "Dashboard JSON model", schema version 39.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

FOLDER: Final = Path("gitops/observability/dashboards")
SCHEMA: Final = 39
_WIDTH, _HEIGHT, _ROW = 24, 8, 3  # units of Grafana's grid: whole, panel, question
_SOURCE: Final = {"type": "prometheus", "uid": "${source}"}


@dataclass(frozen=True)
class Panel:
    """One picture.

    Attributes:
        title: What is shown.
        queries: PromQL with the legend of its series, one or more.
        unit: Grafana's name of the unit, as ``celsius``, ``percentunit``, ``s``.
        limit: Value above which it is red; none where no alert says so.
        now: The last value as a number, instead of its course.
    """

    title: str
    queries: tuple[tuple[str, str], ...]
    unit: str = "short"
    limit: float | None = None
    now: bool = False


@dataclass(frozen=True)
class Dashboard:
    """One signal.

    Attributes:
        name: Of its file, and its lasting identity in Grafana.
        title: Of the page.
        question: What a reader wants to know when they open it.
        panels: Two beside each other, in the order of reading.
    """

    name: str
    title: str
    question: str
    panels: tuple[Panel, ...]


def render(board: Dashboard) -> str:
    """Return a dashboard's JSON, the same bytes for the same description."""
    said = {
        "uid": f"forge-{board.name}",
        "title": board.title,
        "description": board.question,
        "tags": ["forge"],
        "schemaVersion": SCHEMA,
        "version": 1,
        "editable": False,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "timezone": "browser",
        "templating": {"list": [_source()]},
        "annotations": {"list": []},
        "links": [],
        "panels": [_question(board), *_panels(board.panels)],
    }
    return json.dumps(said, indent=2) + "\n"


def _source() -> dict[str, Any]:
    return {
        "name": "source",
        "label": "Prometheus",
        "type": "datasource",
        "query": "prometheus",
        "hide": 0,
        "refresh": 1,
    }


def _question(board: Dashboard) -> dict[str, Any]:
    return {
        "id": 1,
        "type": "text",
        "title": "",
        "gridPos": {"x": 0, "y": 0, "w": _WIDTH, "h": _ROW},
        "options": {"mode": "markdown", "content": f"## {board.question}"},
    }


def _panels(panels: Sequence[Panel]) -> list[dict[str, Any]]:
    half = _WIDTH // 2
    return [
        _panel(panel, number + 2, x=number % 2 * half, y=_ROW + number // 2 * _HEIGHT)
        for number, panel in enumerate(panels)
    ]


def _panel(panel: Panel, identity: int, *, x: int, y: int) -> dict[str, Any]:
    steps: list[dict[str, Any]] = [{"color": "green", "value": None}]
    if panel.limit is not None:
        steps.append({"color": "red", "value": panel.limit})
    line = "line" if panel.limit is not None and not panel.now else "off"
    return {
        "id": identity,
        "type": "stat" if panel.now else "timeseries",
        "title": panel.title,
        "datasource": _SOURCE,
        "gridPos": {"x": x, "y": y, "w": _WIDTH // 2, "h": _HEIGHT},
        "fieldConfig": {
            "defaults": {
                "unit": panel.unit,
                "thresholds": {"mode": "absolute", "steps": steps},
                **(
                    {} if panel.now else {"custom": {"thresholdsStyle": {"mode": line}}}
                ),
            },
            "overrides": [],
        },
        "options": (
            {"reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False}}
            if panel.now
            else {
                "legend": {"displayMode": "list", "placement": "bottom"},
                "tooltip": {"mode": "multi"},
            }
        ),
        "targets": [
            {
                "refId": chr(ord("A") + number),
                "datasource": _SOURCE,
                "expr": query,
                "legendFormat": legend,
                "instant": panel.now,
                "range": not panel.now,
            }
            for number, (query, legend) in enumerate(panel.queries)
        ],
    }
