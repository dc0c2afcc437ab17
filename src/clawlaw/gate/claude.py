"""The hooks of Claude Code, served by the gate.

The adapter says what to ask, the boundary answers as it answers anybody else, and the
hook's own answer leaves only when what it rests on is durable. Whatever is no answer of
200 the client takes for a failed hook, which its settings make a block.
"""

import json
import shlex
from hmac import compare_digest
from typing import Any, Final

import msgspec

from clawlaw.adapters.claude_answers import Answer
from clawlaw.adapters.claude_code import Adapter
from clawlaw.adapters.claude_hooks import (
    Close,
    HookError,
    Open,
    Propose,
    Quarantine,
    Recall,
    Recalled,
    Request,
    encode,
    read_hook,
)
from clawlaw.core.analyse import analyse
from clawlaw.core.decode import read_strictly
from clawlaw.core.errors import ClawLawError
from clawlaw.gate import replies
from clawlaw.gate.boundary import Boundary
from clawlaw.gate.http import Request as HttpRequest
from clawlaw.gate.peers import Peer
from clawlaw.gate.permits import digest
from clawlaw.gate.replies import OK, Reply
from clawlaw.gate.requests import to_call

_WORDS: Final = 5  # PROGRAM run --permit=TOKEN -- COMMAND
_ANSWER = msgspec.json.Decoder(Answer)


class ClaudeHooks:
    """Hooks of every Claude Code that asks one boundary."""

    def __init__(self, boundary: Boundary, program: str) -> None:
        """Serve by `boundary`; `program` is the executor that commands are given to."""
        self._boundary = boundary
        self._program = program
        self._since = boundary.state.ledger.next
        self._adapter = Adapter(program, enforce=not boundary.state.settings.observe)

    def serve(self, peer: Peer, body: bytes, trace: str = "") -> Reply:
        """Answer one hook; not durable before the boundary was flushed.

        Args:
            peer: Whose hook it is.
            body: The hook's JSON.
            trace: W3C traceparent of the request.
        """
        try:
            work = self._adapter.handle(peer.principal, read_hook(body))
        except HookError as error:
            remedy = "send the events that `clawlaw agents settings` installs"
            return replies.problem(replies.BAD_REQUEST, str(error), "hook", remedy)
        result: Any = None
        while True:
            try:
                request = work.send(result)
            except StopIteration as end:
                said: dict[str, Any] = end.value
                break
            result = self._perform(peer, request, trace)
        return self._boundary.hold(Reply(OK, json.dumps(said).encode()))

    def routed(self, peer: Peer, request: HttpRequest) -> Reply:
        """Answer one hook as it came over HTTP."""
        trace = request.headers.get(b"traceparent", "")
        return self.serve(peer, request.body, trace)

    def _perform(self, peer: Peer, request: Request, trace: str) -> Any:  # noqa: ANN401  # each request has an answer of its own
        if isinstance(request, Open):
            return self._open(peer, request)
        if isinstance(request, Propose):
            return self._propose(peer, request, trace)
        if isinstance(request, Recall):
            return self._recall(peer, request)
        if isinstance(request, Quarantine):
            self._quarantine(peer, request)
        elif isinstance(request, Close):
            self._boundary.close_session(peer, encode(request))
        else:
            self._boundary.outcome(peer, encode(request))
        return None

    def _open(self, peer: Peer, request: Open) -> str:
        """Open a session, or find the caller's own; "" or why it is not open."""
        known = self._boundary.state.sessions.get(request.session)
        if known is not None:
            if known.principal != peer.principal:
                return f"session {request.session!r} is somebody else's"
            return known.quarantine
        answer = self._boundary.open_session(peer, encode(request))
        said = json.loads(answer.body)
        if answer.status == OK and "session" in said:
            return ""
        problem = said.get("reason") or said.get("error", {}).get("what")
        return str(problem or "the gate did not open it")

    def _propose(self, peer: Peer, request: Propose, trace: str) -> Answer:
        answer = self._boundary.propose(peer, encode(request), trace)
        try:
            return _ANSWER.decode(answer.body)
        except msgspec.DecodeError:  # of another shape: it is no permission
            return Answer("", "deny", "the gate gave no verdict")

    def _recall(self, peer: Peer, request: Recall) -> Recalled | None:
        """A call that an earlier run of the gate allowed, where it is what ran."""
        state = self._boundary.state
        known = state.sessions.get(request.session)
        found = state.allowed.called(request.session, request.id)
        if known is None or known.principal != peer.principal or known.quarantine:
            return None
        if found is None or int(found[0].removeprefix("d")) >= self._since:
            return None  # what this run allowed, the adapter knows itself
        name, allowed = found
        arguments = json.loads(bytes(request.arguments))
        if allowed.permit:
            arguments = self._unwrapped(arguments, allowed.permit)
        if arguments is None or self._judged(peer, request, arguments) != (
            allowed.tool,
            allowed.effects,
        ):
            return None
        return Recalled(name, bool(allowed.permit))

    def _unwrapped(self, given: Any, permit: str) -> Any:  # noqa: ANN401  # of a tool
        """Arguments with the judged command in place of the executor's; or `None`."""
        try:
            words = shlex.split(str(given["command"]))
        except (ValueError, KeyError, TypeError):
            return None
        token = words[2].removeprefix("--permit=") if len(words) == _WORDS else ""
        if words[:2] != [self._program, "run"] or not token.isascii():
            return None
        same = compare_digest(digest(token), permit) and words[3] == "--"
        return {**given, "command": words[4]} if same else None

    def _judged(self, peer: Peer, request: Recall, arguments: Any) -> Any:  # noqa: ANN401  # of a tool
        """Tool and effects of a call, as its proposal was read; or `None`."""
        call = {
            "session": request.session,
            "tool": request.tool,
            "arguments": arguments,
            "cwd": request.cwd,
        }
        raw = msgspec.json.encode(call)
        try:
            value, _ = self._boundary.hooks.redact(read_strictly(raw), raw)
            proposal = to_call(value, peer.principal).proposal
            policy = self._boundary.state.evaluator.policy
            return proposal.tool, analyse(proposal, policy).effects
        except ClawLawError:
            return None

    def _quarantine(self, peer: Peer, request: Quarantine) -> None:
        state = self._boundary.state
        known = state.sessions.get(request.session)
        if known is None or known.principal != peer.principal or known.quarantine:
            return
        raw = encode(request)
        self._boundary.enter(
            peer, raw, lambda: self._shut(request.session, request.reason)
        )

    def _shut(self, session: str, reason: str) -> Reply:
        shut = self._boundary.state.quarantine(session, reason)
        return replies.fields({"quarantined": shut}, durable=False)
