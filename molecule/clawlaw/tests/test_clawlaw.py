"""The gate as the role installs it: it decides, records, and nobody gets around it."""

import json
import subprocess
import time
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


def test_the_gate_runs_under_its_own_account_on_loopback_alone(edge: Host) -> None:
    unit = edge.service("clawlaw")
    assert (unit.is_running, unit.is_enabled) == (True, True)
    of = "systemctl show --property=User --value clawlaw"
    assert edge.check_output(of) == "clawlaw"
    listening = edge.check_output("ss -Hltn | awk '{print $4}'").split()
    assert [p for p in listening if p.endswith(":8181")] == ["127.0.0.1:8181"]


def test_no_account_is_sudos_or_has_a_password(edge: Host) -> None:
    accounts = {"clawlaw", "clawlaw-steward", "agent-developer", "agent-operator"}
    shadow = edge.check_output("getent shadow").splitlines()
    words = {line.split(":")[0]: line.split(":")[1] for line in shadow}
    assert {words[name][0] for name in accounts} == {"!"}
    for line in edge.check_output(
        f"id -Gn {' && id -Gn '.join(accounts)}"
    ).splitlines():
        assert not {"sudo", "root", "wheel"} & set(line.split())


def test_files_are_as_private_as_they_must_be(edge: Host) -> None:
    wanted = {
        "/etc/clawlaw/gate.yaml": "clawlaw 600",
        "/etc/clawlaw/log.key": "clawlaw 600",
        "/etc/clawlaw/ssh-authority": "clawlaw 600",
        "/etc/clawlaw/agents/developer.token": "agent-developer 600",
        "/etc/claude-code/managed-settings.json": "root 644",
        "/var/lib/clawlaw": "clawlaw 700",
        "/var/lib/clawlaw-drill/steward.pem": "clawlaw-steward 600",
        "/var/lib/clawlaw-drill/passphrase": "clawlaw-steward 600",
    }
    found = edge.check_output(f"stat -c '%n %U %a' {' '.join(wanted)}").splitlines()
    assert dict(line.split(" ", 1) for line in found) == wanted


def test_an_agent_does_not_reach_the_gates_own(room: "Room") -> None:
    tries = (
        "cat /etc/clawlaw/gate.yaml",
        "cat /etc/clawlaw/log.key",
        "cat /etc/clawlaw/agents/operator.token",
        "cat /var/lib/clawlaw-drill/passphrase",
        f"ls {LOG}",
        "ls /var/lib/clawlaw-witness",
        "ls /srv/clawlaw/work/operator/../../../../var/lib/clawlaw/state",
        "touch /etc/clawlaw/policy/more.yaml",
        "touch /etc/claude-code/managed-settings.json",
        "touch /run/clawlaw/sandbox.json",
        "pkill clawlaw",
        "systemctl stop clawlaw",
    )
    script = "\n".join(f"({one}) >&2 && echo '{one}'" for one in tries)
    done = as_agent(room, "agent-developer", "sh", "-c", f"{script}\ntrue")
    assert (done.returncode, done.stdout) == (0, ""), done.stdout


def test_an_agents_script_runs_in_the_sandbox(edge: Host, room: "Room") -> None:
    script = """
        touch inside
        touch /srv/clawlaw/work/outside && echo OUT
        cat /etc/clawlaw/gate.yaml && echo READ
        (exec 3<>/dev/tcp/127.0.0.1/8181) && echo NET
        id -un
    """
    edge.check_output(f"cat > {WORK}/build.sh <<'END'\n{script}\nEND")
    done = as_agent(
        room, "agent-developer", "sh", "-c",
        f"cd {WORK} && {CLAWLAW} run --session build -- bash build.sh",
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "agent-developer\n"), done.stderr
    assert edge.file(f"{WORK}/inside").user == "agent-developer"
    assert not edge.file("/srv/clawlaw/work/outside").exists
    query = f"{CLAWLAW} evidence query {LOG} --session build --json"
    bodies = [
        json.loads(line)["body"] for line in edge.check_output(query).splitlines()
    ]
    decided = next(body for body in bodies if body["kind"] == "decided")
    assert decided["record"]["facts"]["sandbox"] is True
    performed = next(body for body in bodies if body["kind"] == "performed")
    assert performed["sandbox"].startswith("bubblewrap+landlock")


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


def test_what_must_not_happen_is_denied(room: "Room") -> None:
    paths = ("/etc/hosts", f"{WORK}/../../../../etc/hosts", "/etc/clawlaw/gate.yaml")
    for path in paths:
        answer = propose(room, "write", path=path, content="x")
        assert answer["verdict"] == "deny", answer
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


def test_a_walk_an_experiment_and_a_drill_end_as_they_must(edge: Host) -> None:
    said = json.loads(edge.run(f"{CLAWLAW} agents exercise developer --json").stdout)
    assert (said["good"], said["verdicts"]) == (True, {"allow": 200}), said
    assert said["probes"][-1]["said"] == "escalate"
    said = json.loads(edge.run(f"{CLAWLAW} drill experiment developer --json").stdout)
    assert (said["good"], sorted(said["milliseconds"])) == (
        True,
        ["verdict", "with", "without"],
    ), said
    drill = f"{CLAWLAW} drill escalation developer --steward /var/lib/clawlaw-drill"
    said = json.loads(edge.run(f"{drill} --json").stdout)
    assert [step["said"] for step in said["steps"]] == [
        "escalate", "approved", "allow", "escalate", "expired"
    ]  # fmt: skip


def test_the_witness_cosigns_what_the_gate_signs(edge: Host) -> None:
    for unit, user in (("witness", "clawlaw-witness"), ("anchor", "clawlaw")):
        assert edge.check_output(f"systemctl is-active clawlaw-{unit}") == "active"
        of = f"systemctl show --property=User --value clawlaw-{unit}"
        assert edge.check_output(of) == user
    own = edge.check_output(
        "stat -c '%U %a' /var/lib/clawlaw-witness/*.pem /var/lib/clawlaw-witness/*.key"
    )
    assert set(own.splitlines()) == {"clawlaw-witness 600"}
    listening = edge.check_output("ss -Hltn | awk '{print $4}'").split()
    places = [place for place in listening if place.endswith(":8445")]
    assert places
    assert not {"0.0.0.0:8445", "*:8445", "[::]:8445"} & set(places)
    deadline = time.monotonic() + 30
    while edge.run(f"{CLAWLAW} anchor --status").rc and time.monotonic() < deadline:
        time.sleep(1)
    said = json.loads(edge.check_output(f"{CLAWLAW} anchor --status --json"))
    assert said["store"] == "not configured"
    assert said["protected"] > 0
    (witness,) = said["witnesses"]
    note = "/var/lib/clawlaw/anchor/witnessed.note"
    keys = "--key /etc/clawlaw/log.pub --key /etc/clawlaw/witnesses.pub"
    proven = edge.check_output(
        f"{CLAWLAW} verify {LOG} {keys} --checkpoint {note} --json"
    )
    complete = json.loads(proven)["completeness"]
    assert complete["complete"] is True
    assert witness in complete["checkpoints"][0]["signed_by"]


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


def test_changed_settings_are_put_back_and_an_agent_that_is_gone_loses_its_token(
    edge: Host, converge: "Converge"
) -> None:
    file = "/etc/claude-code/managed-settings.json"
    proof = f"{CLAWLAW} agents verify developer"
    edge.check_output(f"""sed -i 's/"block"/"continue"/' {file}""")
    assert edge.run(proof).rc == 1
    done = converge(clawlaw_agents=[{"name": "developer", "user": "agent-developer"}])
    assert done.returncode == 0, done.stdout
    assert edge.run(proof).rc == 0
    assert not edge.file("/etc/clawlaw/agents/operator.token").exists
    assert "operator" not in edge.file("/etc/clawlaw/gate.yaml").content_string


def test_removal_keeps_the_evidence(edge: Host, converge: "Converge") -> None:
    before = edge.check_output(f"ls {LOG}/*.seg")
    done = converge(clawlaw_part="remove")
    assert done.returncode == 0, done.stdout
    assert edge.check_output(f"ls {LOG}/*.seg") == before
    assert not edge.file("/opt/clawlaw").exists
    assert not edge.file("/etc/clawlaw/agents").exists
    assert edge.file("/etc/clawlaw/log.key").exists
    assert converge(clawlaw_part="remove").returncode == 0
    done = converge()
    assert done.returncode == 0, done.stdout
    assert edge.run(f"{CLAWLAW} verify {LOG}").rc == 0
