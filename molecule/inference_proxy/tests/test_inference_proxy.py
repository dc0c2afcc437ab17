"""The proxy as the role installs it: an account of its own, and the gate is asked."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from testinfra.host import Host

CONFIG = "/etc/clawlaw/inference.yaml"
UNIT = "clawlaw-inference"
TOKEN = "/etc/clawlaw/agents/developer.token"  # noqa: S105  # a path


@pytest.fixture(scope="module")
def edge(hosts: Mapping[str, Host]) -> Host:
    return hosts["edge"]


def ask(edge: Host, path: str, token: str, body: str = "") -> tuple[int, Any]:
    script = (
        "import sys,urllib.request as u,urllib.error as e\n"
        "r=u.Request('http://127.0.0.1:11435'+sys.argv[1],"
        "data=sys.argv[3].encode() or None,"
        "headers={'Authorization':'Bearer '+sys.argv[2]})\n"
        "try: a=u.urlopen(r)\n"
        "except e.HTTPError as x: a=x\n"
        "print(a.status if hasattr(a,'status') else a.code); print(a.read().decode())"
    )
    done = edge.run("python3 -c %s %s %s %s", script, path, token, body)
    assert done.rc == 0, done.stderr
    status, _, answer = done.stdout.partition("\n")
    return int(status), json.loads(answer)


def test_the_service_runs_as_its_own_account(edge: Host) -> None:
    service = edge.service(UNIT)
    assert service.is_running
    assert service.is_enabled
    shown = edge.run("systemctl show -p User -p NoNewPrivileges %s", UNIT).stdout
    assert "User=clawlaw-inference" in shown
    assert "NoNewPrivileges=yes" in shown
    assert edge.user("clawlaw-inference").shell == "/usr/sbin/nologin"


def test_the_configuration_is_private(edge: Host) -> None:
    file = edge.file(CONFIG)
    assert (file.user, file.mode) == ("clawlaw-inference", 0o600)


def test_it_listens_on_loopback_alone(edge: Host) -> None:
    found = edge.run("ss -Hltn").stdout
    for port in ("11435", "9465"):
        lines = [line.split()[3] for line in found.splitlines() if f":{port} " in line]
        assert lines == [f"127.0.0.1:{port}"]


def test_a_stranger_is_turned_away_and_an_agent_is_known(edge: Host) -> None:
    assert ask(edge, "/v1/models", "nobody")[0] == 401
    token = edge.file(TOKEN).content_string.strip()
    status, answer = ask(edge, "/v1/models", token)
    assert (status, answer["data"]) == (200, [])


def test_an_unknown_model_is_denied_by_the_gate(edge: Host) -> None:
    token = edge.file(TOKEN).content_string.strip()
    said = {"model": "stranger", "messages": [{"role": "user", "content": "hi"}]}
    status, answer = ask(edge, "/v1/chat/completions", token, json.dumps(said))
    assert status == 404
    assert answer["error"]["id"].startswith("d")
