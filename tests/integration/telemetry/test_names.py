"""Every metric that a rule, a dashboard or a report names is exported by something.

Asked are a real gate, a real proxy before a double of an engine, Debian's node-exporter
on a double of a Mac mini's sensors, and a Prometheus that pushes. For exporters that
cannot run here their documentation stands, gitops/observability/exporters.yaml.
"""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.integration.inference.engine_double import EngineDouble
from tests.integration.inference.lab import Lab
from tests.integration.telemetry.servers import free_port, prometheus, read, served

from forge.cli import main
from forge.telemetry import names

ROOT = Path(__file__).resolve().parents[3]


def sensors(folder: Path) -> Path:
    """A folder like /sys of a machine with coretemp; nothing else is in it."""
    chip = folder / "sys/class/hwmon/hwmon0"
    device = folder / "sys/devices/platform/coretemp.0"
    chip.mkdir(parents=True)
    device.mkdir(parents=True)
    (chip / "device").symlink_to(device)
    (device / "subsystem").symlink_to(folder / "sys/bus/platform")
    (folder / "sys/bus/platform").mkdir(parents=True)
    (chip / "name").write_text("coretemp\n")
    (chip / "temp1_input").write_text("61000\n")
    (chip / "temp1_label").write_text("Core 0\n")
    return folder / "sys"


@pytest.fixture
def node(tmp_path: Path) -> Iterator[str]:
    """What node-exporter answers."""
    where = f"127.0.0.1:{free_port()}"
    url = f"http://{where}/metrics"
    options = [f"--path.sysfs={sensors(tmp_path)}", f"--web.listen-address={where}"]
    with served("prometheus-node-exporter", tmp_path, *options, ready=url):
        yield read(url)


@pytest.fixture
def own(tmp_path: Path) -> Iterator[str]:
    """What a Prometheus answers that has rules and pushed something."""
    rules = ROOT / "gitops/observability/prometheus/rules.yml"
    folders = tmp_path / "receiver", tmp_path / "own"
    for folder in folders:
        folder.mkdir()
    receives = "--web.enable-remote-write-receiver"
    with prometheus(folders[0], {"scrape_configs": []}, receives) as receiver:
        target = {"targets": [receiver.removeprefix("http://")]}
        said = {
            "global": {"scrape_interval": "1s"},
            "rule_files": [str(rules)],
            "remote_write": [{"url": f"{receiver}/api/v1/write"}],
            "scrape_configs": [{"job_name": "a", "static_configs": [target]}],
        }
        with prometheus(folders[1], said) as url:
            sent = "prometheus_remote_storage_queue_highest_sent_timestamp_seconds{"
            until = time.monotonic() + 120
            while sent not in (answer := read(f"{url}/metrics")):
                assert time.monotonic() < until, "nothing was pushed"
                time.sleep(0.5)
            yield answer


def test_sensors_of_a_mac_mini_have_the_labels_of_the_rules(node: str) -> None:
    line = next(x for x in node.splitlines() if x.startswith("node_hwmon_temp_celsius"))
    assert 'chip="platform_coretemp_0"' in line
    assert line.endswith(" 61")


def test_every_metric_that_is_asked_for_is_exported(
    make_lab: Callable[..., Lab], own_engine: EngineDouble, node: str, own: str
) -> None:
    lab = make_lab(own_engine.url)
    lab.session = "metrics"
    assert lab.chat()[0] in {200, 403}, "judged either way, and counted"
    lab.house.propose("read", path="missing.txt")
    gate = lab.house.ask("GET", "/metrics")[1]
    proxy = read(f"http://127.0.0.1:{lab.metrics_port}/metrics")
    known = names.documented(ROOT)
    for said in (gate, proxy, node, own):
        known |= names.exported(said)
    assert names.missing(ROOT, known) == []


def test_the_command_tells_what_a_prometheus_has_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with prometheus(tmp_path, {"scrape_configs": []}) as url:
        assert main(["telemetry", "check", "--url", url]) == 1
    assert (
        "rule GateLatched: nothing exports clawlaw_latched" in capsys.readouterr().err
    )
