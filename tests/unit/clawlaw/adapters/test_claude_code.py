"""Claude Code's hooks: what the gate is asked, and what the client is told."""

import json
import shlex
from pathlib import Path
from typing import Any

import msgspec
import pytest

from clawlaw.adapters.claude_answers import Answer, Waiting
from clawlaw.adapters.claude_code import MAX_CALLS, Adapter
from clawlaw.adapters.claude_hooks import (
    EVENTS,
    Close,
    Hook,
    HookError,
    Open,
    Propose,
    Quarantine,
    Report,
    Request,
    encode,
    read_hook,
)

FIXTURES = Path(__file__).parents[3] / "fixtures" / "claude_code"
NAMES = sorted(path.stem for path in FIXTURES.glob("*.json"))
SESSION = "5c1f2b7e-3f0a-4d52-9c6d-2f4a9b0c7e11"
CHILD = f"{SESSION}/a4d2c8f1e0b3a297"
ALLOW = Answer("d-7", "allow", permit="Zm9v-_1")


def load(name: str) -> dict[str, Any]:
    data: dict[str, Any] = json.loads((FIXTURES / f"{name}.json").read_bytes())
    payload: dict[str, Any] = data["payload"]
    return payload


def hook(name: str, **changes: Any) -> Hook:
    return read_hook(json.dumps(load(name) | changes).encode())


class Gate:
    """Performs what the adapter asks for and keeps it."""

    def __init__(self, *answers: Answer, problem: str = "") -> None:
        self.asked: list[Request] = []
        self.answers = list(answers)
        self.problem = problem

    def serve(self, adapter: Adapter, hook: Hook, principal: str = "dev") -> Any:
        work = adapter.handle(principal, hook)
        result: object = None
        while True:
            try:
                request = work.send(result)
            except StopIteration as end:
                return end.value
            self.asked.append(request)
            if isinstance(request, Open):
                result = self.problem
            elif isinstance(request, Propose):
                result = self.answers.pop(0)
            else:
                result = None

    def of[T](self, kind: type[T]) -> list[T]:
        return [request for request in self.asked if isinstance(request, kind)]


def decision(reply: dict[str, Any]) -> str:
    return str(reply["hookSpecificOutput"]["permissionDecision"])


def reason(reply: dict[str, Any]) -> str:
    return str(reply["hookSpecificOutput"]["permissionDecisionReason"])


@pytest.fixture
def adapter() -> Adapter:
    return Adapter("/opt/clawlaw/bin/clawlaw")


@pytest.mark.parametrize("name", NAMES)
def test_every_published_payload_is_read_and_answered(
    name: str, adapter: Adapter
) -> None:
    reply = Gate(ALLOW).serve(adapter, hook(name))
    assert isinstance(reply, dict)
    assert "ask" not in json.dumps(reply).split('"')


def test_there_is_a_fixture_of_every_event() -> None:
    assert {load(name)["hook_event_name"] for name in NAMES} == set(EVENTS)


def test_a_prompt_opens_the_session_with_its_digest(adapter: Adapter) -> None:
    gate = Gate()
    assert gate.serve(adapter, hook("user_prompt_submit")) == {}
    (opened,) = gate.of(Open)
    assert (opened.session, opened.parent, len(opened.goal)) == (SESSION, "", 64)
    assert json.loads(encode(opened))["client"] == "claude-code"
    assert b"parser" not in encode(opened)


def test_a_later_prompt_is_the_goal_of_later_calls(adapter: Adapter) -> None:
    gate = Gate(ALLOW, ALLOW)
    gate.serve(adapter, hook("user_prompt_submit"))
    gate.serve(adapter, hook("pre_tool_use_write"))
    gate.serve(adapter, hook("user_prompt_submit", prompt="Something else"))
    gate.serve(adapter, hook("pre_tool_use_write", tool_use_id="toolu_09"))
    first, second = gate.of(Propose)
    assert len(gate.of(Open)) == 1
    assert first.goal != second.goal


def test_a_prompt_without_a_session_is_blocked(adapter: Adapter) -> None:
    reply = Gate(problem="8 sessions are open").serve(
        adapter, hook("user_prompt_submit")
    )
    assert reply["decision"] == "block"
    assert "8 sessions are open" in reply["reason"]


def test_a_file_call_is_proposed_as_it_came_and_allowed(adapter: Adapter) -> None:
    gate = Gate(ALLOW)
    reply = gate.serve(adapter, hook("pre_tool_use_write"))
    (asked,) = gate.of(Propose)
    assert not asked.mediated
    assert json.loads(encode(asked)) == {
        "session": SESSION,
        "tool": "Write",
        "arguments": load("pre_tool_use_write")["tool_input"],
        "cwd": "/workspace/api",
        "id": "toolu_02Write",
    }
    assert decision(reply) == "allow"
    assert "updatedInput" not in reply["hookSpecificOutput"]


def test_arguments_reach_the_gate_byte_for_byte(adapter: Adapter) -> None:
    body = b"""{"hook_event_name": "PreToolUse", "session_id": "s", "cwd": "/w",
        "tool_name": "Write", "tool_use_id": "t",
        "tool_input": {"file_path": "/w/a", "file_path": "/w/b", "n": 1.50}}"""
    gate = Gate(Answer("d", "deny", "twice"))
    gate.serve(adapter, read_hook(body))
    (asked,) = gate.of(Propose)
    twice = b'"arguments":{"file_path": "/w/a", "file_path": "/w/b", "n": 1.50}'
    assert twice in encode(asked)


def test_a_command_is_rewritten_to_the_executor(adapter: Adapter) -> None:
    gate = Gate(ALLOW)
    reply = gate.serve(adapter, hook("pre_tool_use_bash"))
    (asked,) = gate.of(Propose)
    given = load("pre_tool_use_bash")["tool_input"]
    instead = reply["hookSpecificOutput"]["updatedInput"]
    assert asked.mediated
    assert decision(reply) == "allow"
    assert instead | {"command": ""} == given | {"command": ""}
    assert shlex.split(instead["command"]) == [
        "/opt/clawlaw/bin/clawlaw",
        "run",
        "--permit=Zm9v-_1",
        "--",
        given["command"],
    ]


@pytest.mark.parametrize(
    "command", ["echo $(id)\nrm -rf /", "'; id #", "`id`", "a\\'b", "-- x", "é\u2028"]
)
def test_no_command_breaks_out_of_its_quotes(command: str, adapter: Adapter) -> None:
    reply = Gate(ALLOW).serve(
        adapter, hook("pre_tool_use_bash", tool_input={"command": command})
    )
    text = reply["hookSpecificOutput"]["updatedInput"]["command"]
    assert shlex.split(text)[4:] == [command]


@pytest.mark.parametrize("permit", ["", "a b", "$(id)", "x;id", "é"])
def test_a_command_without_a_permit_is_denied(permit: str, adapter: Adapter) -> None:
    answer = Answer("d-1", "allow", permit=permit)
    reply = Gate(answer).serve(adapter, hook("pre_tool_use_bash"))
    assert decision(reply) == "deny"
    assert "permit" in reason(reply)


@pytest.mark.parametrize("given", [{}, {"command": ["ls"]}, {"command": None}, []])
def test_a_command_that_is_no_text_is_denied(given: object, adapter: Adapter) -> None:
    gate = Gate(ALLOW)
    reply = gate.serve(adapter, hook("pre_tool_use_bash", tool_input=given))
    assert decision(reply) == "deny"
    assert gate.of(Propose) == []


def test_a_denial_carries_reason_and_remedy(adapter: Adapter) -> None:
    answer = Answer("d-2", "deny", "leaves the workspace", "write below /workspace")
    reply = Gate(answer).serve(adapter, hook("pre_tool_use_write"))
    assert decision(reply) == "deny"
    assert reason(reply) == (
        "Denied by ClawLaw (d-2): leaves the workspace. write below /workspace."
    )


def test_an_escalation_is_a_denial_with_its_id_and_deadline(adapter: Adapter) -> None:
    answer = Answer("d-3", "escalate", "deletes", "", "", Waiting("e-9", 1_800_000_000))
    reply = Gate(answer).serve(adapter, hook("pre_tool_use_bash"))
    assert decision(reply) == "deny"
    assert "pending e-9" in reason(reply)
    assert "1970-01-21 20:00:00Z" in reason(reply)


def test_an_escalation_that_nobody_keeps_is_a_plain_denial(adapter: Adapter) -> None:
    reply = Gate(Answer("d-3", "escalate", "deletes")).serve(
        adapter, hook("pre_tool_use_bash")
    )
    assert (decision(reply), "pending" in reason(reply)) == ("deny", False)


def test_a_call_without_a_session_is_denied(adapter: Adapter) -> None:
    gate = Gate(ALLOW, problem="quarantined")
    reply = gate.serve(adapter, hook("pre_tool_use_write"))
    assert decision(reply) == "deny"
    assert gate.of(Propose) == []


def test_a_call_without_an_id_is_denied(adapter: Adapter) -> None:
    reply = Gate(ALLOW).serve(adapter, hook("pre_tool_use_write", tool_use_id=""))
    assert decision(reply) == "deny"


def test_a_question_at_the_terminal_is_answered_no(adapter: Adapter) -> None:
    reply = Gate().serve(adapter, hook("permission_request"))
    assert reply["hookSpecificOutput"]["decision"]["behavior"] == "deny"


def test_a_tool_that_is_a_question_stays_one(adapter: Adapter) -> None:
    asking = hook("permission_request", tool_name="AskUserQuestion", tool_input={})
    assert Gate().serve(adapter, asking) == {}


def test_a_result_is_reported_under_its_decision(adapter: Adapter) -> None:
    gate = Gate(ALLOW)
    gate.serve(adapter, hook("pre_tool_use_write"))
    assert gate.serve(adapter, hook("post_tool_use_write")) == {}
    (report,) = gate.of(Report)
    assert (report.id, report.status, report.duration) == ("d-7", "done", 12_000)
    assert report.text == "/workspace/api/notes.md\ncreate"
    assert report.bytes_out == len(report.text)
    assert not report.untrusted


def test_a_failure_is_reported_with_what_was_shown(adapter: Adapter) -> None:
    gate = Gate(ALLOW)
    gate.serve(adapter, hook("pre_tool_use_write"))
    gate.serve(adapter, hook("post_tool_use_failure"))
    (report,) = gate.of(Report)
    assert (report.status, report.text) == ("failed", "EACCES: permission denied")


@pytest.mark.parametrize("tool", ["WebFetch", "WebSearch", "mcp__tracker__read"])
def test_what_others_wrote_is_reported_as_untrusted(
    tool: str, adapter: Adapter
) -> None:
    gate = Gate(ALLOW)
    after = load("post_tool_use_fetch") | {"tool_name": tool}
    gate.serve(
        adapter,
        hook("pre_tool_use_write", **{k: after[k] for k in ("tool_name", "tool_input")},
             tool_use_id=after["tool_use_id"]),
    )  # fmt: skip
    gate.serve(adapter, hook("post_tool_use_fetch", tool_name=tool))
    (report,) = gate.of(Report)
    assert report.untrusted
    assert report.duration == 640_250


def run_command(gate: Gate, adapter: Adapter) -> dict[str, Any]:
    reply = gate.serve(adapter, hook("pre_tool_use_bash"))
    given: dict[str, Any] = reply["hookSpecificOutput"]["updatedInput"]
    return given


def ran(given: dict[str, Any]) -> Hook:
    before = load("pre_tool_use_bash")
    return hook(
        "post_tool_use_write",
        tool_name="Bash",
        tool_use_id=before["tool_use_id"],
        tool_input=given,
        tool_response={"stdout": "ok"},
    )


def test_a_mediated_command_is_reported_by_the_executor_alone(
    adapter: Adapter,
) -> None:
    gate = Gate(ALLOW)
    given = run_command(gate, adapter)
    assert gate.serve(adapter, ran(given | {"timeout": 60_000})) == {}
    assert gate.of(Report) == []
    assert gate.of(Quarantine) == []


@pytest.mark.parametrize(
    "change",
    [
        {"command": "python -m pytest -q && echo 'all green'"},
        {"command": "id"},
        {"run_in_background": True},
        {"dangerouslyDisableSandbox": True},
    ],
)
def test_another_input_than_the_judged_one_quarantines(
    change: dict[str, Any], adapter: Adapter
) -> None:
    gate = Gate(ALLOW)
    given = run_command(gate, adapter)
    reply = gate.serve(adapter, ran(given | change))
    assert gate.of(Report) == [Report("d-7", "mismatch")]
    (quarantine,) = gate.of(Quarantine)
    assert quarantine.session == SESSION
    assert reply["continue"] is False


def test_a_description_is_input_where_the_tool_is_no_command(adapter: Adapter) -> None:
    gate = Gate(ALLOW)
    gate.serve(adapter, hook("pre_tool_use_mcp"))
    before = load("pre_tool_use_mcp")
    given = before["tool_input"] | {"description": "now with a secret"}
    same = {"tool_name": before["tool_name"], "tool_use_id": before["tool_use_id"]}
    gate.serve(adapter, hook("post_tool_use_write", **same, tool_input=given))
    assert len(gate.of(Quarantine)) == 1


@pytest.mark.parametrize("verdict", ["deny", "escalate"])
def test_a_result_of_a_refused_call_quarantines(verdict: str, adapter: Adapter) -> None:
    answer = msgspec.convert({"id": "d", "verdict": verdict}, Answer)
    gate = Gate(answer)
    gate.serve(adapter, hook("pre_tool_use_write"))
    reply = gate.serve(adapter, hook("post_tool_use_write"))
    assert len(gate.of(Quarantine)) == 1
    assert reply["continue"] is False


def test_a_result_is_good_once(adapter: Adapter) -> None:
    gate = Gate(ALLOW)
    gate.serve(adapter, hook("pre_tool_use_write"))
    gate.serve(adapter, hook("post_tool_use_write"))
    gate.serve(adapter, hook("post_tool_use_write"))
    assert len(gate.of(Quarantine)) == 1


def test_another_principals_result_is_not_taken(adapter: Adapter) -> None:
    gate = Gate(ALLOW)
    gate.serve(adapter, hook("pre_tool_use_write"))
    gate.serve(adapter, hook("post_tool_use_write"), principal="other")
    assert gate.of(Report) == []
    assert len(gate.of(Quarantine)) == 1


def test_a_sub_agent_has_a_session_of_its_parent(adapter: Adapter) -> None:
    gate = Gate(ALLOW)
    gate.serve(adapter, hook("user_prompt_submit"))
    gate.serve(adapter, hook("subagent_start"))
    gate.serve(adapter, hook("pre_tool_use_subagent"))
    main, child = gate.of(Open)
    assert (child.session, child.parent, child.goal) == (CHILD, SESSION, main.goal)
    assert gate.of(Propose)[0].session == CHILD
    gate.serve(adapter, hook("subagent_stop"))
    assert gate.of(Close) == [Close(CHILD)]


def test_a_sub_agent_that_was_not_announced_is_opened_by_its_call(
    adapter: Adapter,
) -> None:
    gate = Gate(ALLOW)
    gate.serve(adapter, hook("pre_tool_use_subagent"))
    assert [opened.session for opened in gate.of(Open)] == [SESSION, CHILD]


def test_an_agent_of_the_clients_own_ends_without_a_session(adapter: Adapter) -> None:
    gate = Gate()
    gate.serve(adapter, hook("subagent_stop", agent_id="inner", agent_type=""))
    assert gate.asked == []


def test_the_end_closes_children_and_forgets_calls(adapter: Adapter) -> None:
    gate = Gate(ALLOW, ALLOW)
    gate.serve(adapter, hook("pre_tool_use_write"))
    gate.serve(adapter, hook("subagent_start"))
    gate.serve(adapter, hook("session_end"))
    assert gate.of(Close) == [Close(SESSION), Close(CHILD)]
    gate.serve(adapter, hook("post_tool_use_write"))
    assert len(gate.of(Quarantine)) == 1
    gate.serve(adapter, hook("pre_tool_use_write"))
    assert [opened.session for opened in gate.of(Open)][-1] == SESSION


def test_settings_do_not_change_in_a_governed_session(adapter: Adapter) -> None:
    gate = Gate()
    assert gate.serve(adapter, hook("config_change"))["decision"] == "block"
    assert gate.asked == []


def test_managed_settings_that_change_quarantine_the_session(adapter: Adapter) -> None:
    gate = Gate()
    gate.serve(adapter, hook("config_change", source="policy_settings"))
    assert [q.session for q in gate.of(Quarantine)] == [SESSION]


def test_a_gate_that_observes_leaves_every_call_as_it_came() -> None:
    watching = Adapter(enforce=False)
    gate = Gate(Answer("d-4", "deny", "no"))
    assert gate.serve(watching, hook("pre_tool_use_write")) == {}
    assert gate.serve(watching, hook("permission_request")) == {}
    assert gate.serve(watching, hook("post_tool_use_write")) == {}
    assert [report.id for report in gate.of(Report)] == ["d-4"]


def test_forgotten_calls_quarantine_instead_of_passing(adapter: Adapter) -> None:
    gate = Gate(*[ALLOW] * (MAX_CALLS + 1))
    for number in range(MAX_CALLS + 1):
        gate.serve(adapter, hook("pre_tool_use_write", tool_use_id=f"t{number}"))
    gate.serve(adapter, hook("post_tool_use_write", tool_use_id="t0"))
    assert len(gate.of(Quarantine)) == 1
    gate.serve(adapter, hook("post_tool_use_write", tool_use_id=f"t{MAX_CALLS}"))
    assert len(gate.of(Report)) == 1


@pytest.mark.parametrize(
    ("body", "part"),
    [
        (b"", "not a hook"),
        (b"[]", "not a hook"),
        (b"{}", "hook_event_name"),
        (b'{"hook_event_name":"PreToolUse"}', "session_id"),
        (b'{"hook_event_name":"PreToolUse","session_id":""}', "session_id"),
        (b'{"hook_event_name":"PreToolUse","session_id":7}', "session_id"),
        (b'{"hook_event_name":"PreToolUse","session_id":"a/b"}', "slash"),
        (b'{"hook_event_name":"PreToolUse","session_id":"a\\u0007"}', "printed"),
        (b"\xff", "not a hook"),
        (b"[" * 100_000, "not a hook"),
    ],
)
def test_what_is_no_hook_is_refused_by_name(body: bytes, part: str) -> None:
    with pytest.raises(HookError, match=part):
        read_hook(body)


@pytest.mark.parametrize("event", ["Stop", "PreEverything", "", "pretooluse"])
def test_an_event_that_is_not_installed_is_refused(
    event: str, adapter: Adapter
) -> None:
    with pytest.raises(HookError, match="no handler"):
        adapter.handle("dev", hook("session_end", hook_event_name=event))


def test_fields_that_are_new_are_not_in_the_way(adapter: Adapter) -> None:
    newer = hook("pre_tool_use_write", brand_new={"deep": [1, 2]})
    assert decision(Gate(ALLOW).serve(adapter, newer)) == "allow"
