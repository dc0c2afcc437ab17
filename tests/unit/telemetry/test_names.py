"""Which metrics a query asks for, and which an exporter shows."""

from pathlib import Path

import pytest

from forge.telemetry import names

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize(
    ("query", "asked"),
    [
        ("up == 0", {"up"}),
        ('rate(a_total{b="c(d)"}[5m])', {"a_total"}),
        ("sum by (node, le) (rate(a_bucket[5m] offset 1h))", {"a_bucket"}),
        ("a / on (x) group_left (y) b", {"a", "b"}),
        ("a > bool 85 and b unless c or d", {"a", "b", "c", "d"}),
        ("node:x:max - time() < 14 * 86400", {"node:x:max"}),
        ("clamp_min(sum(a) - 2e3, 0) / (b > 0)", {"a", "b"}),
        ('absent(up{job="x"}) or vector(1)', {"up"}),
        ("max without (pod) (a) + Inf", {"a"}),
    ],
)
def test_metrics_of_a_query(query: str, asked: set[str]) -> None:
    assert names.asked(query) == asked


def test_a_family_without_samples_counts() -> None:
    text = (
        "# HELP a_total of a\n# TYPE a_total counter\n"
        "# TYPE b_seconds histogram\n"
        'c{x="y"} 1\nd 2\n'
    )
    assert names.exported(text) == {
        "a_total",
        "b_seconds_bucket",
        "b_seconds_count",
        "b_seconds_sum",
        "c",
        "d",
    }


def test_what_is_documented_is_asked_for() -> None:
    asked = {name for _, query in names.queries(ROOT) for name in names.asked(query)}
    assert names.documented(ROOT) <= asked


def test_a_name_that_nobody_exports_is_told_with_its_place() -> None:
    there = {name for _, query in names.queries(ROOT) for name in names.asked(query)}
    assert names.missing(ROOT, there) == []
    told = names.missing(ROOT, there - {"clawlaw_latched"})
    assert "rule GateLatched: nothing exports clawlaw_latched" in told
    assert any(line.startswith("evidence.json: ") for line in told)
