"""Scenarios, numbers and picture of a benchmark; what it measures is given here."""

import json
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from forge.bench import report, roofline, scenario
from forge.bench.ask import Sample
from forge.bench.plot import draw
from forge.bench.run import Measured, Report, Result, prompt_of
from forge.cli import main
from forge.errors import InputError

FOLDER = Path(__file__).resolve().parents[4] / "benchmarks" / "inference"
FILES = sorted(FOLDER.glob("*.yaml"))


def made(first: float, rate: float) -> Sample:
    return Sample(first, first + 10 / rate, 20, 11, 500.0)


@pytest.fixture
def measured() -> Report:
    told = scenario.load(FILES[0])
    target = told.targets[0]
    result = Result(target, 100.0, (1e11, "given"))
    direct = [made(0.1 + n / 1000, 50) for n in range(100)]
    governed = [made(0.103 + n / 1000, 49) for n in range(100)]
    result.runs = [
        Measured("direct", 1, direct, 30.0),
        Measured("governed", 1, governed, 31.0),
    ]
    host = {"cpu": "test", "cores": 2, "system": "none", "load": 0.0}
    return Report(told, [result], {"idle": [0.001, 0.002]}, host)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_scenarios_can_be_read(path: Path) -> None:
    told = scenario.load(path)
    for target in told.targets:
        assert target.bandwidth.source
        roof = target.bandwidth.gb_per_s * 1e9 / target.read_bytes
        assert 1 < roof < 100
    assert main(["bench", "inference", "--scenario", str(path), "--check"]) == 0


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("words:", "word:"),
        lambda text: text.replace("engine: ollama", "engine: other"),
        lambda text: text + "\n  - :",
    ],
)
def test_what_is_no_scenario_is_refused(
    tmp_path: Path, change: Callable[[str], str]
) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(change(FILES[0].read_text()))
    with pytest.raises(InputError, match=r"x\.yaml"):
        scenario.load(path)


def test_numbers_are_those_of_the_samples(measured: Report) -> None:
    [row] = report.compared(measured.results[0])
    assert row["rate_ratio_p50"] == pytest.approx(49 / 50)
    assert row["rate_ratio_of_pairs"] == pytest.approx(49 / 50)
    assert row["first_token_more_ms_p50"] == pytest.approx(3)
    assert row["first_token_more_ms_of_pairs"] == pytest.approx(3)
    said = report.summary(measured.results[0].runs[0])
    assert said["first_token_s"]["p95"] == pytest.approx(0.195)
    assert said["generation_tok_s"]["p50"] == pytest.approx(50)
    assert said["tokens"] == 1100
    assert json.loads(json.dumps(report.as_json(measured)))["gate_seconds"]["idle"]


def test_the_picture_is_of_the_samples(measured: Report, tmp_path: Path) -> None:
    draw(measured, tmp_path / "a.svg")
    draw(measured, tmp_path / "b.svg")
    assert ET.parse(tmp_path / "a.svg").getroot().tag.endswith("svg")  # noqa: S314  # own
    first = (tmp_path / "a.svg").read_bytes()
    assert first == (tmp_path / "b.svg").read_bytes()
    measured.results[0].runs[1].samples[0] = made(9, 1)
    draw(measured, tmp_path / "c.svg")
    assert first != (tmp_path / "c.svg").read_bytes()


def test_no_prompt_begins_like_another() -> None:
    assert prompt_of(1, 5) == prompt_of(1, 5)
    assert prompt_of(1, 5).split()[0] != prompt_of(2, 5).split()[0]
    assert len(prompt_of(1, 100).split()) > 100


def test_the_roof_is_bandwidth_by_bytes() -> None:
    assert roofline.tokens_per_second(819e9, 43_300_000_000) == pytest.approx(
        18.9, 0.01
    )
    assert roofline.measured(1 << 20, 1) > 0
