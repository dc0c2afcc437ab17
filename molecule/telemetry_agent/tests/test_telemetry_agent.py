"""The boundary pushes what it reads of itself, and what tier III pushes to it."""

import json
import time
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import yaml
from testinfra.host import Host

CONFIG = "/etc/forge-telemetry/prometheus.yml"
UNIT = "forge-telemetry"
RECEIVER = "127.0.0.1:9999"


@pytest.fixture(scope="module")
def edge(hosts: Mapping[str, Host]) -> Host:
    return hosts["edge"]


@pytest.fixture(scope="module")
def receiver(edge: Host) -> Iterator[Host]:
    """A Prometheus where the boundary pushes to; the agent began before it."""
    command = (
        "systemd-run --unit receiver prometheus --config.file=/dev/null "
        f"--storage.tsdb.path=/tmp/receiver --web.listen-address={RECEIVER} "
        "--web.enable-remote-write-receiver"
    )
    assert edge.run(command).rc == 0
    yield edge
    edge.run("systemctl stop receiver")


@pytest.fixture(scope="module")
def studio(receiver: Host) -> Iterator[Host]:
    """An agent of tier III that pushes to the boundary's, over the wire inference."""
    own = yaml.safe_load(receiver.file(CONFIG).content_string)
    own["remote_write"] = [{"url": f"http://{address(receiver)}/api/v1/write"}]
    for job in own["scrape_configs"]:
        job["static_configs"][0]["labels"] |= {"node": "studio", "tier": "III"}
    own["scrape_configs"] = [
        x for x in own["scrape_configs"] if x["job_name"] == "node"
    ]
    receiver.run("echo %s >/tmp/studio.yml", yaml.safe_dump(own))
    command = (
        "systemd-run --unit studio prometheus --config.file=/tmp/studio.yml "
        "--enable-feature=agent --storage.agent.path=/tmp/studio "
        "--web.listen-address=127.0.0.1:9998"
    )
    assert receiver.run(command).rc == 0
    yield receiver
    receiver.run("systemctl stop studio")


def address(edge: Host) -> str:
    """Where the boundary's agent listens."""
    listening = edge.run("ss -Hltn").stdout.splitlines()
    [found] = [line.split()[3] for line in listening if ":9090 " in line]
    return str(found)


def ask(edge: Host, query: str) -> list[dict[str, Any]]:
    script = (
        "import sys,urllib.request as u,urllib.parse as p\n"
        "print(u.urlopen('http://'+sys.argv[1]+'/api/v1/query?'"
        "+p.urlencode({'query':sys.argv[2]})).read().decode())"
    )
    done = edge.run("python3 -c %s %s %s", script, RECEIVER, query)
    if done.rc != 0:
        return []
    found: list[dict[str, Any]] = json.loads(done.stdout)["data"]["result"]
    return found


def arrived(edge: Host, query: str) -> list[dict[str, Any]]:
    """What a query has, once it has anything."""
    until = time.monotonic() + 180
    while not (found := ask(edge, query)):
        assert time.monotonic() < until, f"{query}: nothing arrived"
        time.sleep(2)
    return found


def test_the_service_runs_as_its_own_account(edge: Host) -> None:
    service = edge.service(UNIT)
    assert service.is_running
    assert service.is_enabled
    shown = edge.run("systemctl show -p User %s", UNIT).stdout
    assert "User=forge-telemetry" in shown


def test_the_package_runs_nothing_of_its_own(edge: Host) -> None:
    assert edge.service("prometheus").is_masked
    assert not edge.service("prometheus").is_running


def test_the_boundary_listens_on_the_wire_of_tier_three_alone(edge: Host) -> None:
    on = edge.run("ip -4 -o addr").stdout
    host, _, _ = address(edge).rpartition(":")
    assert f" {host}/" in on
    assert host != "127.0.0.1"


def test_what_the_boundary_says_arrives(receiver: Host) -> None:
    [sample] = arrived(receiver, 'up{job="node",node="edge"}')
    assert sample["metric"]["tier"] == "II"
    assert sample["metric"]["role"] == "boundary"
    assert sample["value"][1] == "1"
    assert arrived(receiver, 'node_memory_MemTotal_bytes{node="edge"}')


def test_the_gate_arrives_and_one_that_stopped_is_told(receiver: Host) -> None:
    gate = 'up{job="clawlaw-gate",tier="II"}'
    assert arrived(receiver, f"{gate} == 1")
    receiver.check_output("systemctl stop clawlaw.service")
    try:
        assert arrived(receiver, f"{gate} == 0")
    finally:
        receiver.check_output("systemctl start clawlaw.service")


def test_tier_three_arrives_through_the_boundary(studio: Host) -> None:
    [sample] = arrived(studio, 'up{job="node",node="studio"}')
    assert sample["metric"]["tier"] == "III"
    assert sample["value"][1] == "1"
