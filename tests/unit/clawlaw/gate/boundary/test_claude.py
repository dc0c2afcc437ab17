"""Hooks of Claude Code against a whole gate: what is decided, recorded and answered."""

import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from clawlaw.evidence.schema import Closed, Decided, Opened, Performed
from clawlaw.gate.claude import ClaudeHooks
from clawlaw.gate.peers import Peer

from .conftest import AGENT, OTHER, Subject

FIXTURES = Path(__file__).parents[4] / "fixtures" / "claude_code"


class Client:
    """A client that sends the hooks of the fixtures, from a workspace."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self.hooks = ClaudeHooks(subject.gate, "/opt/clawlaw/bin/clawlaw")

    def send(self, name: str, peer: Peer = AGENT, **changes: Any) -> Any:
        data = json.loads((FIXTURES / f"{name}.json").read_bytes())
        payload = data["payload"] | {"cwd": "/workspace"} | changes
        reply = self.hooks.serve(peer, json.dumps(payload).encode())
        self.subject.gate.flush()
        assert reply.durable
        return json.loads(reply.body) | {"status": reply.status}

    def call(self, tool: str, given: dict[str, Any], name: str = "t1") -> Any:
        reply = self.send(
            "pre_tool_use_write", tool_name=tool, tool_input=given, tool_use_id=name
        )
        return reply["hookSpecificOutput"]

    def bodies[T](self, kind: type[T]) -> list[T]:
        return [b for b in self.subject.log.bodies() if isinstance(b, kind)]


@pytest.fixture
def client(subject: Subject) -> Client:
    return Client(subject)


def test_a_file_in_the_workspace_is_written_and_recorded(client: Client) -> None:
    given = {"file_path": "/workspace/notes.md", "content": "# Notes\n"}
    client.send("user_prompt_submit")
    said = client.call("Write", given)
    assert said["permissionDecision"] == "allow"
    client.send("post_tool_use_write", tool_input=given, tool_use_id="t1")
    (opened,) = client.bodies(Opened)
    (decided,) = client.bodies(Decided)
    (performed,) = client.bodies(Performed)
    assert opened.client == "claude-code"
    assert len(opened.goal) == 64
    assert decided.record.proposal.goal == opened.goal
    assert decided.enforcement == "advisory"
    assert (performed.id, performed.status) == (decided.id, "done")


def test_a_path_outside_is_denied_with_a_reason(client: Client) -> None:
    said = client.call("Write", {"file_path": "/etc/hosts", "content": "x"})
    assert said["permissionDecision"] == "deny"
    assert "Denied by ClawLaw" in said["permissionDecisionReason"]


def test_a_command_is_allowed_with_a_permit_that_the_executor_redeems(
    client: Client,
) -> None:
    said = client.call("Bash", {"command": "ls -la", "description": "Look"})
    assert said["permissionDecision"] == "allow"
    words = shlex.split(said["updatedInput"]["command"])
    permit = words[2].removeprefix("--permit=")
    redeemed = client.subject.ask(client.subject.gate.redeem, AGENT, permit=permit)
    assert redeemed["arguments"]["command"] == "ls -la"
    assert client.bodies(Decided)[0].enforcement == "mediated"
    assert permit not in json.dumps([str(b) for b in client.subject.log.bodies()])


@pytest.mark.parametrize(
    ("tool", "given", "verdict"),
    [
        ("Write", {"file_path": "/workspace/a.md", "content": "x"}, "allow"),
        (
            "Edit",
            {"file_path": "/workspace/a.md", "old_string": "x", "new_string": "y"},
            "allow",
        ),
        ("Grep", {"pattern": "TODO", "path": "/workspace"}, "allow"),
        ("TodoWrite", {"todos": []}, "allow"),
        ("KillShell", {"shell_id": "3"}, "allow"),
        ("WebFetch", {"url": "https://docs.python.org/3/", "prompt": "p"}, "allow"),
        ("delete_file", {"path": "/workspace/a.md"}, "deny"),
        ("Bash", {"command": "rm a.md"}, "allow"),
    ],
)
def test_tools_of_the_client_stay_usable_and_deleting_goes_by_the_executor(
    client: Client, tool: str, given: dict[str, Any], verdict: str
) -> None:
    said = client.call(tool, given)
    assert said["permissionDecision"] == verdict, said


def test_an_escalation_is_denied_and_waits(client: Client) -> None:
    said = client.call("Bash", {"command": "git push origin main"})
    assert said["permissionDecision"] == "deny"
    assert "pending" in said["permissionDecisionReason"]


def test_another_input_quarantines_every_later_call(client: Client) -> None:
    client.call("Bash", {"command": "ls"})
    stop = client.send(
        "post_tool_use_write",
        tool_name="Bash",
        tool_input={"command": "id"},
        tool_use_id="t1",
    )
    assert stop["continue"] is False
    assert [p.status for p in client.bodies(Performed)] == ["mismatch"]
    assert any("quarantined" in c.reason for c in client.bodies(Closed))
    said = client.call("Read", {"file_path": "/workspace/a"}, "t2")
    assert said["permissionDecision"] == "deny"
    assert client.send("user_prompt_submit")["decision"] == "block"


def restarted(client: Client) -> Client:
    client.subject.start()
    return Client(client.subject)


def post(client: Client, tool: str, given: dict[str, Any]) -> Any:
    return client.send(
        "post_tool_use_write", tool_name=tool, tool_input=given, tool_use_id="t1"
    )


NOTES = {"file_path": "/workspace/notes.md", "content": "# Notes\n"}


def test_a_call_under_way_at_a_restart_is_reported_once(client: Client) -> None:
    client.call("Write", NOTES)
    client = restarted(client)
    assert "continue" not in post(client, "Write", NOTES)
    assert [p.status for p in client.bodies(Performed)] == ["done"]
    assert client.call("Read", {"file_path": "/workspace/a"}, "t2")
    assert not client.bodies(Closed)
    assert post(client, "Write", NOTES)["continue"] is False  # only once


def test_a_command_under_way_at_a_restart_is_the_judged_one(client: Client) -> None:
    given = {"command": "ls -la", "description": "Look"}
    run = client.call("Bash", given)["updatedInput"]
    (decided,) = client.bodies(Decided)
    client = restarted(client)
    ask = client.subject.ask
    permit = shlex.split(run["command"])[2].removeprefix("--permit=")
    assert ask(client.subject.gate.redeem, AGENT, permit=permit)["status"] == 409
    ask(client.subject.gate.outcome, AGENT, id=decided.id, status="failed")
    assert "continue" not in post(client, "Bash", run)
    assert not client.bodies(Closed)


@pytest.mark.parametrize(
    "changed",
    [
        {"command": "ls -la"},
        {"command": "/opt/clawlaw/bin/clawlaw run --permit=@PERMIT@ -- id"},
        {"command": "/opt/clawlaw/bin/clawlaw run --permit=AAAA -- 'ls -la'"},
        {"command": "/srv/clawlaw run --permit=@PERMIT@ -- 'ls -la'"},
        {"command": "/opt/clawlaw/bin/clawlaw run --permit=@PERMIT@ -- 'ls -la' x"},
        {"command": 7},
        {},
    ],
)
def test_another_command_at_a_restart_quarantines(
    client: Client, changed: dict[str, Any]
) -> None:
    run = client.call("Bash", {"command": "ls -la"})["updatedInput"]
    permit = shlex.split(run["command"])[2].removeprefix("--permit=")
    said = {
        k: v.replace("@PERMIT@", permit) if isinstance(v, str) else v
        for k, v in changed.items()
    }
    client = restarted(client)
    assert post(client, "Bash", said)["continue"] is False
    assert any("quarantined" in c.reason for c in client.bodies(Closed))


def test_another_file_at_a_restart_quarantines(client: Client) -> None:
    client.call("Write", NOTES)
    client = restarted(client)
    other = NOTES | {"file_path": "/workspace/other.md"}
    assert post(client, "Write", other)["continue"] is False


def test_a_call_of_another_agent_is_not_recalled(client: Client) -> None:
    client.call("Write", NOTES)
    client = restarted(client)
    said = client.send("post_tool_use_write", OTHER, tool_input=NOTES, tool_use_id="t1")
    assert said["continue"] is False
    assert not client.bodies(Performed)


def test_sessions_of_sub_agents_are_children(client: Client) -> None:
    client.send("subagent_start")
    main, child = client.bodies(Opened)
    assert child.opening.parent == main.opening.session
    client.send("session_end")
    assert len(client.bodies(Closed)) == 2


def test_somebody_elses_session_is_not_taken(client: Client) -> None:
    client.send("user_prompt_submit")
    reply = client.send("pre_tool_use_write", OTHER)
    assert reply["hookSpecificOutput"]["permissionDecision"] == "deny"
    assert len(client.bodies(Opened)) == 1


def test_a_gate_that_was_started_again_finds_its_sessions(client: Client) -> None:
    client.send("user_prompt_submit")
    client.subject.start()
    again = Client(client.subject)
    said = again.call("Read", {"file_path": "/workspace/a"})
    assert said["permissionDecision"] == "allow"
    assert len(client.bodies(Opened)) == 1


def test_what_cannot_be_recorded_is_no_answer_of_200(client: Client) -> None:
    client.send("user_prompt_submit")
    client.subject.log.broken = OSError(5, "Input/output error")
    reply = client.send("pre_tool_use_write")
    assert reply["status"] == 503
    assert "hookSpecificOutput" not in reply


@pytest.mark.parametrize("body", [b"", b"{}", b'{"hook_event_name":"Stop"}'])
def test_what_is_no_hook_is_no_answer_of_200(body: bytes, client: Client) -> None:
    assert client.hooks.serve(AGENT, body).status == 400
