"""The gate as the role installs it: it decides, records, and nobody gets around it."""

import json
import subprocess
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pytest
from testinfra.host import Host

if TYPE_CHECKING:
    from conftest import Converge, Room

CLAWLAW = "/opt/clawlaw/current/bin/clawlaw"
PYTHON = "/opt/clawlaw/current/bin/python"
LOG = "/var/lib/clawlaw/log"
WORK = "/srv/clawlaw/work/developer"

# Run on the host by an agent's account, with its token: one request, one line of JSON.
ASK = """
import http.client, json, sys
method, path, token = sys.argv[1:4]
asked = http.client.HTTPConnection("127.0.0.1", 8181, timeout=20)
head = {"Content-Type": "application/json"}
if token != "none":
    head["Authorization"] = "Bearer " + open(token).read().strip()
asked.request(method, path, sys.stdin.read() or None, head)
answer = asked.getresponse()
print(json.dumps({"status": answer.status, **json.loads(answer.read() or b"{}")}))
"""


@pytest.fixture(scope="module")
def edge(hosts: Mapping[str, Host]) -> Host:
    return hosts["edge"]


def as_agent(
    room: "Room", user: str, *words: str, text: str = ""
) -> subprocess.CompletedProcess[str]:
    options, destination = room.login("edge")
    quoted = " ".join("'" + word.replace("'", "'\\''") + "'" for word in words)
    return subprocess.run(
        ["ssh", *options, "-o", "BatchMode=yes", destination,
         f"runuser -u {user} -- {quoted}"],
        input=text, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


def ask(
    room: "Room",
    method: str,
    path: str,
    body: object = None,
    *,
    agent: str = "developer",
) -> dict[str, Any]:
    file = f"/etc/clawlaw/agents/{agent}.token" if agent else "none"
    done = as_agent(
        room, "agent-developer", PYTHON, "-I", "-c", ASK, method, path, file,
        text="" if body is None else json.dumps(body),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def propose(room: "Room", tool: str, **arguments: str) -> dict[str, Any]:
    call = {"session": "molecule", "tool": tool, "arguments": arguments, "cwd": WORK}
    return ask(room, "POST", "/v1/proposals", call)


def test_the_gate_runs_under_its_own_account(edge: Host) -> None:
    unit = edge.service("clawlaw")
    assert unit.is_running
    assert unit.is_enabled
    process = edge.process.get(comm="clawlaw")
    assert process.user == "clawlaw"


def test_it_listens_on_loopback_alone(edge: Host) -> None:
    listening = edge.check_output("ss -Hltn | awk '{print $4}'").split()
    assert "127.0.0.1:8181" in listening
    assert [place for place in listening if place.endswith(":8181")] == [
        "127.0.0.1:8181"
    ]


@pytest.mark.parametrize(
    "user", ["clawlaw", "clawlaw-steward", "agent-developer", "agent-operator"]
)
def test_no_account_is_sudos_or_has_a_password(edge: Host, user: str) -> None:
    assert not {"sudo", "root", "wheel"} & set(edge.user(user).groups)
    assert edge.user(user).password.startswith("!")


@pytest.mark.parametrize(
    ("path", "owner", "mode"),
    [
        ("/etc/clawlaw/gate.yaml", "clawlaw", 0o600),
        ("/etc/clawlaw/log.key", "clawlaw", 0o600),
        ("/etc/clawlaw/agents/developer.token", "agent-developer", 0o600),
        ("/etc/claude-code/managed-settings.json", "root", 0o644),
        ("/var/lib/clawlaw", "clawlaw", 0o700),
    ],
)
def test_files_are_as_private_as_they_must_be(
    edge: Host, path: str, owner: str, mode: int
) -> None:
    assert (edge.file(path).user, edge.file(path).mode) == (owner, mode)


@pytest.mark.parametrize(
    "command",
    [
        "cat /etc/clawlaw/gate.yaml",
        "cat /etc/clawlaw/log.key",
        "cat /etc/clawlaw/agents/operator.token",
        f"ls {LOG}",
        "ls /srv/clawlaw/work/operator/../../../../var/lib/clawlaw/state",
        "touch /etc/clawlaw/policy/more.yaml",
        "touch /etc/claude-code/managed-settings.json",
        "pkill clawlaw",
        "systemctl stop clawlaw",
    ],
)
def test_an_agent_does_not_reach_the_gates_own(room: "Room", command: str) -> None:
    assert as_agent(room, "agent-developer", "sh", "-c", command).returncode != 0


def test_an_agent_is_turned_away_from_the_stewards_socket(room: "Room") -> None:
    asking = (
        "import socket; s = socket.socket(socket.AF_UNIX); s.settimeout(5);"
        "s.connect('/run/clawlaw/steward.sock');"
        "s.sendall(b'GET /v1/steward/escalations HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n');"
        "print(repr(s.recv(100)))"
    )
    done = as_agent(room, "agent-developer", PYTHON, "-I", "-c", asking)
    assert b"200" not in done.stdout.encode()


def test_an_ordinary_action_is_allowed(room: "Room") -> None:
    answer = propose(room, "write", path=f"{WORK}/notes.md", content="# Notes\n")
    assert (answer["status"], answer["verdict"]) == (200, "allow"), answer


@pytest.mark.parametrize(
    "path", ["/etc/hosts", f"{WORK}/../../../../etc/hosts", "/etc/clawlaw/gate.yaml"]
)
def test_a_write_outside_is_denied(room: "Room", path: str) -> None:
    answer = propose(room, "write", path=path, content="x")
    assert answer["verdict"] == "deny", answer


def test_an_escalation_nobody_answers_is_a_denial(room: "Room") -> None:
    answer = propose(room, "exec", command="git push origin main")
    assert answer["verdict"] == "escalate", answer
    name = answer["escalation"]["id"]
    ended = ask(room, "GET", f"/v1/escalations/{name}?wait=15")
    assert ended["state"] == "expired"


def test_a_malformed_action_is_denied(room: "Room") -> None:
    answer = ask(room, "POST", "/v1/proposals", {"tool": "write", "no": 1})
    assert answer["verdict"] == "deny", answer


def test_nobody_asks_without_a_token(room: "Room") -> None:
    call = {"session": "x", "tool": "read", "arguments": {"path": WORK}, "cwd": WORK}
    assert ask(room, "POST", "/v1/proposals", call, agent="")["status"] == 401


def test_a_hook_is_answered_as_claude_code_reads_it(room: "Room") -> None:
    hook = {
        "hook_event_name": "PreToolUse",
        "session_id": "molecule-hook",
        "cwd": WORK,
        "tool_name": "Write",
        "tool_input": {"file_path": "/etc/hosts", "content": "x"},
        "tool_use_id": "toolu_1",
    }
    answer = ask(room, "POST", "/v1/hooks/claude-code", hook)
    assert answer["hookSpecificOutput"]["permissionDecision"] == "deny"


def test_the_evidence_verifies_and_grows_over_a_restart(edge: Host) -> None:
    verify = f"{CLAWLAW} verify {LOG} --json"
    before = json.loads(edge.check_output(verify))
    with edge.sudo():
        edge.check_output("systemctl restart clawlaw")
    after = json.loads(edge.check_output(verify))
    assert after != before
    journal = edge.check_output("journalctl --namespace=clawlaw -o cat -n 20")
    assert '"event": "drained"' in journal
    assert '"clean": true' in journal


def test_a_lower_version_is_refused(edge: Host, converge: "Converge") -> None:
    file = "/opt/clawlaw/current/wheelhouse.json"
    there = edge.file(file).content_string
    edge.check_output(f"""printf '{{"key": "x", "version": "99.0.0"}}' > {file}""")
    try:
        done = converge()
    finally:
        edge.check_output("printf '%s' '" + there.strip() + "' > " + file)
    assert done.returncode != 0
    assert "a gate never goes back" in done.stdout
    assert edge.service("clawlaw").is_running


def test_settings_that_were_changed_are_noticed_and_put_back(
    edge: Host, converge: "Converge"
) -> None:
    file = "/etc/claude-code/managed-settings.json"
    proof = f"{CLAWLAW} agents verify developer"
    assert edge.run(proof).rc == 0
    edge.check_output(f"""sed -i 's/"block"/"continue"/' {file}""")
    assert edge.run(proof).rc == 1
    done = converge()
    assert done.returncode == 0, done.stdout
    assert edge.run(proof).rc == 0


def test_an_agent_that_is_taken_out_loses_its_token(
    edge: Host, converge: "Converge"
) -> None:
    one = [{"name": "developer", "user": "agent-developer"}]
    done = converge(clawlaw_agents=one)
    assert done.returncode == 0, done.stdout
    assert not edge.file("/etc/clawlaw/agents/operator.token").exists
    assert "operator" not in edge.file("/etc/clawlaw/gate.yaml").content_string


def test_removal_keeps_the_evidence(edge: Host, converge: "Converge") -> None:
    before = edge.check_output(f"ls {LOG}")
    done = converge(clawlaw_part="remove")
    assert done.returncode == 0, done.stdout
    assert edge.check_output(f"ls {LOG}") == before
    assert not edge.file("/opt/clawlaw").exists
    assert not edge.file("/etc/clawlaw/agents").exists
    assert edge.file("/etc/clawlaw/log.key").exists
    assert converge(clawlaw_part="remove").returncode == 0
    done = converge()
    assert done.returncode == 0, done.stdout
    assert edge.run(f"{CLAWLAW} verify {LOG}").rc == 0


def test_ordinary_work_passes_and_a_chain_does_not(edge: Host) -> None:
    done = edge.run(f"{CLAWLAW} agents exercise developer --json")
    said = json.loads(done.stdout)
    assert (done.rc, said["verdicts"]) == (0, {"allow": 200}), said
    assert said["probes"][-1]["said"] == "escalate"
