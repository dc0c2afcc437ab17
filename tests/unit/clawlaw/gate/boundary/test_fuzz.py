"""No requests, in any order, raise anything, or are allowed without a record."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clawlaw.adapters.claude_hooks import PATH
from clawlaw.core.policy import Policy
from clawlaw.evidence.schema import Decided, Performed
from clawlaw.gate.claude import ClaudeHooks
from clawlaw.gate.http import Request
from clawlaw.gate.peers import Peer, Right
from clawlaw.gate.replies import Reply
from clawlaw.gate.router import Router
from clawlaw.gate.stewards import Stewards
from clawlaw.gate.stewardship import Stewardship

from .conftest import Subject

RIGHTS: tuple[Right, ...] = ("propose", "outcome", "executor")
AGENT = Peer("developer", frozenset(RIGHTS))
PEERS = (
    AGENT,
    AGENT,
    Peer("operator", frozenset(RIGHTS)),
    Peer("", frozenset(RIGHTS)),
    Peer("developer", frozenset()),
    Peer("", frozenset({"steward", "metrics"})),
)
# Where these stand in a body or a path, what the gate answered last stands instead.
ID, PERMIT, ESCALATION = "<id>", "<permit>", "<escalation>"
CALL: dict[str, Any] = {"session": "s", "tool": "read", "cwd": "/workspace"}
BODIES: dict[str, list[dict[str, Any]]] = {
    "/v1/proposals": [
        CALL | {"arguments": {"path": "a"}},
        CALL | {"tool": "exec", "arguments": {"command": "ls"}, "mediated": True},
        CALL | {"tool": "exec", "arguments": {"command": "git push origin main"}},
        CALL | {"tool": "write", "arguments": {"path": "b", "content": "c"}},
        CALL | {"id": "own", "purpose": "develop", "goal": "g", "arguments": {}},
    ],
    "/v1/sessions": [{"session": "s", "client": "c"}, {"session": "t", "parent": "s"}],
    "/v1/permits/redeem": [{"permit": PERMIT}],
    "/v1/outcomes": [
        {"id": ID, "exit": 0, "text": "done", "labels": ["secret"]},
        {"id": ID, "status": "mismatch"},
    ],
    PATH: [
        {
            "hook_event_name": "PreToolUse",
            "session_id": "h",
            "cwd": "/workspace",
            "tool_name": "Bash",
            "tool_input": {"command": "ls"},
            "tool_use_id": "t1",
        },
        {"hook_event_name": "SessionStart", "session_id": "h", "cwd": "/workspace"},
    ],
    f"/v1/escalations/{ESCALATION}": [{}],
    "/v1/steward/escalations": [{}],
    f"/v1/steward/escalations/{ESCALATION}/answer": [
        {"answer": "approve", "reason": "r", "key": "k", "expires": 1, "signature": ""}
    ],
    "/v1/steward/sessions/s/budget": [
        {"act": "reset", "unit": "tokens", "key": "k", "at": 1, "signature": ""}
    ],
    "/v1/steward/sessions/s/quarantine": [
        {"reason": "r", "key": "k", "at": 1, "signature": ""}
    ],
    "/v1/sessions/close": [{"session": "s"}],
}

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.sampled_from([ID, PERMIT, "s", "", "\x00", "\u202e", "a" * 300])
    | st.text(st.characters(exclude_categories=[]), max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=6,
)


@st.composite
def bodies(draw: st.DrawFn, path: str) -> bytes:
    """A request as it should be, one with other values, or anything."""
    said = dict(draw(st.sampled_from(BODIES.get(path, [{}]))))
    how = draw(st.sampled_from(["whole", "whole", "changed", "changed", "cut", "any"]))
    if how == "any":
        return draw(st.binary(max_size=60))
    if how == "changed":
        names = st.sampled_from([*said, "arguments", "tool", "x"])
        said |= draw(st.dictionaries(names, values, min_size=1, max_size=2))
    ascii_only = draw(st.booleans())
    data = json.dumps(said, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    return data[: draw(st.integers(0, len(data)))] if how == "cut" else data


@st.composite
def requests(draw: st.DrawFn) -> tuple[Peer, Request]:
    path = draw(st.sampled_from([*BODIES, "/healthz", "/v1/nothing", "/"]))
    body = draw(bodies(path))
    if draw(st.integers(0, 9)) == 0:
        path = "/" + draw(st.text(st.characters(max_codepoint=255), max_size=20))
    method = draw(st.sampled_from(["POST", "POST", "POST", "GET", "PUT"]))
    query = draw(st.sampled_from(["", "all=1", "wait=5", "wait=-1", "wait=٣", "%ff=&"]))
    headers = {b"traceparent": draw(st.text(max_size=5))}
    return draw(st.sampled_from(PEERS)), Request(method, path, query, headers, body)


class Line:
    """A gate behind its router, and what it answered last."""

    def __init__(self, policy: Policy) -> None:
        self.subject = Subject(policy)
        gate = self.subject.gate
        self.router = Router(gate, Stewardship(gate, Stewards((), ()), "test"))
        hooks = ClaudeHooks(gate, "/usr/bin/clawlaw")
        self.router.add("POST", PATH, "propose", hooks.routed)
        self.last = {ID: "d0", PERMIT: "p", ESCALATION: "e0"}

    def ask(self, peer: Peer, request: Request) -> Reply:
        for name, value in self.last.items():
            request.path = request.path.replace(name, value)
            request.body = request.body.replace(name.encode(), value.encode())
        self.router.wait_of(request)
        reply = self.router.serve(peer, request)
        self.subject.gate.flush()
        assert reply.durable
        said = json.loads(reply.body)
        assert isinstance(said, dict)
        self.last[ID] = said.get("id") or self.last[ID]
        self.last[PERMIT] = said.get("permit") or self.last[PERMIT]
        waiting = said.get("escalation") or {}
        self.last[ESCALATION] = waiting.get("id") or self.last[ESCALATION]
        return reply


@pytest.fixture(scope="module")
def policy(forge_policy: Policy) -> Policy:
    return forge_policy


@settings(max_examples=250)
@given(asked=st.lists(requests(), min_size=1, max_size=8))
def test_no_requests_raise_or_are_allowed_without_a_record(
    policy: Policy, asked: list[tuple[Peer, Request]]
) -> None:
    line = Line(policy)
    allowed = []
    for peer, request in asked:
        reply = line.ask(peer, request)
        said = json.loads(reply.body)
        if said.get("verdict") == "allow":
            allowed.append(said["id"])
            assert peer.principal
            assert "propose" in peer.rights
    bodies = line.subject.log.bodies()
    recorded = {
        b.id
        for b in bodies
        if isinstance(b, Decided) and b.record.decision["verdict"] == "allow"
    }
    assert set(allowed) <= recorded
    assert {b.id for b in bodies if isinstance(b, Performed)} <= recorded
    told = line.subject.start()  # and what is recorded can be rebuilt
    assert told.entries == len(bodies)


def test_the_requests_of_this_page_are_understood(policy: Policy) -> None:
    """Or the test above would only see refusals."""
    line = Line(policy)
    statuses: dict[tuple[str, int], int] = {}
    for path, said in BODIES.items():
        if not path.startswith("/v1/steward"):
            method = "GET" if ESCALATION in path else "POST"
            for body in said:
                request = Request(method, path, "", {}, json.dumps(body).encode())
                statuses[path, len(statuses)] = line.ask(AGENT, request).status
    # The second outcome reports an action that the first one closed.
    assert sorted(set(statuses.values())) == [200, 404], statuses
    kinds = {type(body).__name__ for body in line.subject.log.bodies()}
    assert {"Opened", "Decided", "Escalated", "Performed", "Closed"} <= kinds
