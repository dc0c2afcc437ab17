"""The uptime table from a real Prometheus that holds known days."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.integration.telemetry.servers import prometheus

from forge.telemetry.programs import program

HOUR = 3600
DAYS = 3


def samples(now: int) -> Iterator[str]:
    """Three days, a sample each five minutes, in OpenMetrics.

    worker-01 was away for a quarter of the time, was restarted twice and ended five
    processes for memory; control-01 was always there; m4-pro pushed for one day only.
    """
    times = range(now - DAYS * 24 * HOUR, now, 300)
    total = len(times)
    for number, at in enumerate(times):
        share = number / total
        node, core = 'node="worker-01",tier="I"', 'node="control-01",tier="I"'
        yield f'up{{job="node",{node}}} {int(share < 0.75)} {at}'
        yield f'up{{job="node",{core}}} 1 {at}'
        if share >= 2 / 3:
            yield f'up{{job="node",node="m4-pro",tier="II"}} 1 {at}'
        begun = number % (total // 3)
        yield f"node_context_switches_total{{{node}}} {1000 + begun} {at}"
        yield f"node_context_switches_total{{{core}}} {1000 + number} {at}"
        yield f"node_vmstat_oom_kill{{{node}}} {5 if share > 0.5 else 0} {at}"
        yield f"node:cpu_temperature_celsius:max{{{core}}} {60 + 30 * share:.3f} {at}"
        yield f"node:within_thermal_slo:bool{{{core}}} {int(share < 0.9)} {at}"
        yield (
            f"etcd_server_leader_changes_seen_total{{{core}}} "
            f"{1 if share < 0.5 else 3} {at}"
        )
    expires = now + 40 * 24 * HOUR
    for at in range(now - HOUR, now + HOUR, 60):
        yield (
            "certmanager_certificate_expiration_timestamp_seconds"
            f'{{namespace="a",name="b"}} {expires} {at}'
        )


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("uptime")
    lines = sorted(samples(int(time.time())), key=lambda x: x.partition("{")[0])
    (folder / "samples.om").write_text("\n".join([*lines, "# EOF", ""]))
    command = ["tsdb", "create-blocks-from", "openmetrics", "samples.om", "data"]
    made = subprocess.run(
        [program("promtool"), *command],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert made.returncode == 0, made.stderr
    with prometheus(folder, {"scrape_configs": []}, data=folder / "data") as url:
        yield url


def report(*options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "forge", "report", "uptime", *options],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def told(server: str) -> dict[str, Any]:
    done = report("--days", str(DAYS), "--url", server, "--json")
    assert done.returncode == 0, done.stderr
    said: dict[str, Any] = json.loads(done.stdout)
    return said


def test_the_table_says_what_the_days_were(server: str) -> None:
    said = told(server)
    nodes = {node["name"]: node for node in said["nodes"]}
    assert list(nodes) == ["control-01", "worker-01", "m4-pro"]
    away, core, pushed = nodes["worker-01"], nodes["control-01"], nodes["m4-pro"]
    assert away["availability"] == pytest.approx(0.75, abs=0.01)
    assert away["restarts"] == 2
    assert away["oom_kills"] == 5
    assert away["hottest"] is None
    assert core["availability"] == 1
    assert core["restarts"] == 0
    assert core["hottest"] == pytest.approx(90, abs=0.5)
    assert core["within_slo"] == pytest.approx(0.9, abs=0.01)
    assert pushed["availability"] == 1
    assert pushed["seen"] == pytest.approx(1 / 3, abs=0.01)


def test_what_is_of_the_whole_cluster(server: str) -> None:
    said = told(server)
    assert said["elections"] == 2
    assert said["certificate_days"] == pytest.approx(40, abs=0.2)
    assert said["container_restarts"] is None


def test_the_table_is_for_people(server: str) -> None:
    done = report("--days", str(DAYS), "--url", server)
    assert done.returncode == 0, done.stderr
    row = next(line for line in done.stdout.splitlines() if "worker-01" in line)
    name, tier, availability, *_ = row.split()
    assert (name, tier) == ("worker-01", "I")
    assert float(availability.rstrip("%")) == pytest.approx(75, abs=1)
    assert "leader elections: 2" in done.stdout
    assert "restarts of containers: -" in done.stdout


def test_a_server_that_is_not_there_is_told(tmp_path: Path) -> None:
    done = report("--url", "http://127.0.0.1:9")
    assert done.returncode == 1
    assert "does not answer" in done.stderr
    assert "remedy" in done.stderr
    assert report("--url", str(tmp_path)).returncode == 2


def test_days_that_cannot_be_looked_back_are_refused(server: str) -> None:
    assert report("--days", "0", "--url", server).returncode == 2


def test_a_prometheus_that_knows_no_host_is_told(tmp_path: Path) -> None:
    with prometheus(tmp_path, {"scrape_configs": []}) as url:
        done = report("--url", url)
    assert done.returncode == 1
    assert "no reads of hosts" in done.stderr
