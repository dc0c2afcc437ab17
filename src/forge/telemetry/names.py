"""Names of metrics: those that a query asks for, and those that something exports.

A query that asks for what nobody exports shows nothing and alerts never, without an
error. The names of a query are what stands in it where a metric may stand: no function,
no label, no keyword. What Prometheus makes itself, records included, is exported too.

Source: Prometheus, "Querying basics", "Operators"; exposition formats, text format.
"""

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import yaml

from forge.report import uptime
from forge.telemetry import rules

DOCUMENTED: Final = Path("gitops/observability/exporters.yaml")
_TEXT: Final = re.compile(r'"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])*\'')
_LABELS: Final = re.compile(r"\{[^{}]*\}|\[[^\]]*\]")
_GROUPING: Final = re.compile(
    r"\b(by|without|on|ignoring|group_left|group_right)\s*\([^()]*\)"
)
_NAME: Final = re.compile(r"(?<![\w:.])([a-zA-Z_:][\w:]*)(?!\s*\(|[\w:])")
_WORDS: Final = frozenset(
    {
        *("and", "or", "unless", "bool", "offset", "by", "without", "on"),
        *("ignoring", "group_left", "group_right", "inf", "nan"),
    }
)
_TYPE: Final = re.compile(r"^# TYPE (\S+) (\w+)$", re.MULTILINE)
_SAMPLE: Final = re.compile(r"^([a-zA-Z_:][\w:]*)(?=[{\s])", re.MULTILINE)
# Written by Prometheus beside what it reads, and by its rules.
OWN: Final = frozenset({"up", "ALERTS", "scrape_samples_scraped"})


def asked(query: str) -> set[str]:
    """Return the metrics that a query names, matchers by ``__name__`` aside."""
    bare = _LABELS.sub(" ", _TEXT.sub('""', query))
    bare = _GROUPING.sub(" ", bare)
    return {name for name in _NAME.findall(bare) if name.lower() not in _WORDS}


def exported(exposition: str) -> set[str]:
    """Return the names of what an exporter answers, families without samples included.

    A family has no sample before its first event, but says its name and type.
    """
    found = set(_SAMPLE.findall(exposition))
    for name, kind in _TYPE.findall(exposition):
        parts = ("_bucket", "_count", "_sum") if kind == "histogram" else ("",)
        found |= {name + part for part in parts}
    return found


def documented(root: Path) -> set[str]:
    """Return the names that exporters' documentation gives.

    Args:
        root: The checkout.
    """
    said = yaml.safe_load((root / DOCUMENTED).read_text())
    return {name for exporter in said for name in exporter["metrics"]}


def queries(root: Path) -> Iterator[tuple[str, str]]:
    """Yield every query of rules, dashboards and reports, with where it stands.

    Args:
        root: The checkout.
    """
    for rule in rules.rules(root / rules.RULES):
        yield f"rule {rule.get('alert') or rule['record']}", rule["expr"]
    for file in sorted((root / "gitops/observability/dashboards").glob("*.json")):
        for panel in json.loads(file.read_text())["panels"]:
            for target in panel.get("targets", []):
                yield f"{file.name}: {panel['title']}", target["expr"]
    for name, query in uptime.queries(30).items():
        yield f"uptime report: {name}", query


def missing(root: Path, known: Iterable[str]) -> list[str]:
    """Return what is asked for and nobody exports, each with where it stands."""
    records = {r["record"] for r in rules.rules(root / rules.RULES) if "record" in r}
    there = OWN | records | set(known)
    return [
        f"{place}: nothing exports {name}"
        for place, query in queries(root)
        for name in sorted(asked(query) - there)
    ]
