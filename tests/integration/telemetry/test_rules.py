"""Rules and routes as Prometheus' and Alertmanager's own tools judge them."""

import shutil
import subprocess
from pathlib import Path

import pytest

from forge.telemetry import rules
from forge.telemetry.programs import program

ROOT = Path(__file__).resolve().parents[3]
OBSERVABILITY = ROOT / "gitops/observability"
TESTS = sorted((OBSERVABILITY / "tests").glob("*.yaml"))
ROUTES = OBSERVABILITY / "alertmanager/alertmanager.yml"


def run(*command: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(word) for word in command],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_prometheus_reads_the_rules() -> None:
    done = run(program("promtool"), "check", "rules", ROOT / rules.PLAIN)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("file", TESTS, ids=lambda file: file.stem)
def test_rules_fire_when_they_should(file: Path) -> None:
    done = run(program("promtool"), "test", "rules", file)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_threshold_that_moved_is_seen(tmp_path: Path) -> None:
    shutil.copytree(OBSERVABILITY / "tests", tmp_path / "tests")
    plain = tmp_path / "prometheus/rules.yml"
    plain.parent.mkdir()
    text = (ROOT / rules.PLAIN).read_text()
    moved = text.replace("container:memory_of_limit:ratio > 0.85", "vector(0) > 1")
    assert moved != text
    plain.write_text(moved)
    done = run(program("promtool"), "test", "rules", tmp_path / "tests/platform.yaml")
    assert done.returncode != 0


def test_alertmanager_reads_the_routes() -> None:
    done = run(program("amtool"), "check-config", ROUTES)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("labels", "receiver"),
    [
        (["alertname=GateDown", "severity=critical"], "stewards-now"),
        (["alertname=NodeHot", "severity=warning"], "stewards"),
        (["alertname=Watchdog", "severity=none"], "dead-man"),
        (["alertname=Unheard", "severity=odd"], "stewards"),
    ],
    ids=["critical", "warning", "watchdog", "unknown severity"],
)
def test_an_alert_reaches_its_receiver(labels: list[str], receiver: str) -> None:
    command = ["config", "routes", "test", "--config.file", ROUTES, *labels]
    done = run(program("amtool"), *command)
    assert done.stdout.split() == [receiver], done.stderr
