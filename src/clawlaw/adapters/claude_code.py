"""Claude Code's hooks as requests of the gate, and the gate's answers as theirs.

Pure: :meth:`Adapter.handle` is a generator that yields what the gate shall do, is sent
what came of it, and returns the JSON that answers the hook. Whoever serves the hook
performs the requests; nothing here reads a clock, a file or a socket.

What a tool was called with is kept as a digest until its result is reported. A result
of a call that was not allowed, or of another input than the judged one, quarantines the
session: somebody performed what nobody judged. After a restart of the gate its log
still knows what was allowed, and the effects of what ran are compared with those.

Source: code.claude.com/docs/en/hooks (event inputs, decision control, HTTP response
handling, "Block the action when a hook fails").
"""

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any, Final

from clawlaw.adapters.claude_answers import (
    ANSWERS_TO_PERSON,
    Answer,
    allowed,
    allowed_instead,
    blocked,
    denied,
    is_permit,
    permission_denied,
    refusal,
    stopped,
    text_of,
)
from clawlaw.adapters.claude_hooks import (
    Close,
    Hook,
    HookError,
    Open,
    Propose,
    Quarantine,
    Recall,
    Recalled,
    Report,
    Request,
    digest,
    input_of,
    is_command,
)

MAX_CALLS: Final = 4096  # judged and not yet reported; the oldest is forgotten first
_OTHERS_WROTE: Final = frozenset({"WebFetch", "WebSearch"})
_MCP: Final = "mcp__"

type Handling = Generator[Request, Any, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Judged:
    """An allowed call whose result has not come.

    Attributes:
        decision: Id.
        digest: Of the input that may be performed.
        mediated: The executor performs and reports it.
    """

    decision: str
    digest: str
    mediated: bool


@dataclass(slots=True)
class Adapter:
    """The hooks of every Claude Code that one gate serves.

    Attributes:
        program: Absolute path of the `clawlaw` command that performs commands.
        enforce: False where the gate only observes: calls go on as they came.
    """

    program: str = "clawlaw"
    enforce: bool = True
    _calls: OrderedDict[tuple[str, str, str], Judged] = field(
        default_factory=OrderedDict
    )
    _open: dict[tuple[str, str], str] = field(default_factory=dict)
    _recalled: OrderedDict[tuple[str, str, str], None] = field(
        default_factory=OrderedDict
    )

    def handle(self, principal: str, hook: Hook) -> Handling:
        """Serve one hook.

        Args:
            principal: Whose listener credentials came with the request.
            hook: As read.

        Yields:
            Requests of the gate, each answered by `send`.

        Returns:
            The answer to the hook.

        Raises:
            HookError: The event is not one that the installed settings send.
        """
        handlers: dict[str, Callable[[str, Hook], Handling]] = {
            "SessionStart": self._start,
            "UserPromptSubmit": self._prompt,
            "PreToolUse": self._propose,
            "PermissionRequest": self._permission,
            "PostToolUse": self._result,
            "PostToolUseFailure": self._result,
            "SubagentStart": self._start,
            "SubagentStop": self._end,
            "SessionEnd": self._end,
            "ConfigChange": self._settings,
        }
        handler = handlers.get(hook.hook_event_name)
        if handler is None:
            raise HookError(f"no handler for the event {hook.hook_event_name!r}")
        return handler(principal, hook)

    def _opened(
        self, principal: str, hook: Hook, goal: str = ""
    ) -> Generator[Request, Any, str]:
        """Open the session, and its parent before it; "" or what keeps it closed."""
        wanted = [hook.main] if hook.session == hook.main else [hook.main, hook.session]
        for session in wanted:
            key = (principal, session)
            if key in self._open:
                if goal and session == hook.main:
                    self._open[key] = goal
                continue
            parent = hook.main if session != hook.main else ""
            known = goal or self._open.get((principal, hook.main), "")
            problem = yield Open(session, parent, known)
            if problem:
                return str(problem)
            self._open[key] = known
        return ""

    def _prompt(self, principal: str, hook: Hook) -> Handling:
        goal = hashlib.sha256(hook.prompt.encode("utf-8", "replace")).hexdigest()
        problem = yield from self._opened(principal, hook, goal)
        return blocked(refusal(problem)) if problem and self.enforce else {}

    def _start(self, principal: str, hook: Hook) -> Handling:
        yield from self._opened(principal, hook)
        return {}  # neither event can be stopped: the first call is denied instead

    def _propose(self, principal: str, hook: Hook) -> Handling:
        problem = yield from self._opened(principal, hook)
        given = input_of(hook)
        command = given.get("command")
        runs = is_command(hook.tool_name)
        if not problem and runs and not isinstance(command, str):
            problem = f"{hook.tool_name} takes a command as text"
        if not problem and not hook.tool_use_id:
            problem = "the call has no tool_use_id, so its result would have no name"
        if problem:
            return denied(refusal(problem)) if self.enforce else {}
        answer: Answer = yield Propose(
            hook.session,
            hook.tool_name,
            hook.tool_input,
            hook.cwd,
            hook.tool_use_id,
            self._open.get((principal, hook.main), ""),
            mediated=runs,
        )
        if not self.enforce:
            self._keep(
                principal,
                hook,
                Judged(answer.id, digest(hook.tool_name, given), mediated=False),
            )
            return {}
        if answer.verdict != "allow":
            return denied(text_of(answer))
        if not runs:
            self._keep(
                principal,
                hook,
                Judged(answer.id, digest(hook.tool_name, given), mediated=False),
            )
            return allowed(answer)
        if not is_permit(answer.permit):
            return denied(refusal(f"no permit came with {answer.id}"))
        run = allowed_instead(answer, given, self.program, str(command))
        mediated = digest(hook.tool_name, run["hookSpecificOutput"]["updatedInput"])
        self._keep(principal, hook, Judged(answer.id, mediated, mediated=True))
        return run

    def _keep(self, principal: str, hook: Hook, judged: Judged) -> None:
        self._calls[principal, hook.session, hook.tool_use_id] = judged
        if len(self._calls) > MAX_CALLS:
            self._calls.popitem(last=False)

    def _result(self, principal: str, hook: Hook) -> Handling:
        key = (principal, hook.session, hook.tool_use_id)
        judged = self._calls.pop(key, None)
        if judged is None and not self.enforce:
            return {}  # the gate began to observe after the call did
        if judged is None:
            known: Recalled | None = None
            if key not in self._recalled:
                known = yield Recall(
                    hook.session,
                    hook.tool_name,
                    hook.tool_input,
                    hook.cwd,
                    hook.tool_use_id,
                )
            if known is not None:
                self._recalled[key] = None
                if len(self._recalled) > MAX_CALLS:
                    self._recalled.popitem(last=False)
                if not known.mediated:
                    yield _report(hook, known.decision)
                return {}
            reason = f"a result of {hook.tool_name}, which this gate did not allow"
        elif digest(hook.tool_name, input_of(hook)) != judged.digest:
            reason = f"{hook.tool_name} ran with another input than was judged"
            yield Report(judged.decision, "mismatch")
        else:
            if not judged.mediated:
                yield _report(hook, judged.decision)
            return {}
        for session in dict.fromkeys((hook.session, hook.main)):
            self._open.pop((principal, session), None)  # the gate says what it is now
            yield Quarantine(session, reason)
        return stopped(reason) if self.enforce else {}

    def _permission(self, _: str, hook: Hook) -> Handling:
        yield from ()
        if hook.tool_name in ANSWERS_TO_PERSON or not self.enforce:
            return {}
        return permission_denied()

    def _end(self, principal: str, hook: Hook) -> Handling:
        ended, within = hook.session, f"{hook.session}/"
        for who, session in list(self._open):
            if who == principal and (session == ended or session.startswith(within)):
                del self._open[who, session]
                yield Close(session)
        if ended == hook.main:  # a sub-agent's last results may still come
            for call in [c for c in self._calls if c[:2] == (principal, ended)]:
                del self._calls[call]
        return {}

    def _settings(self, principal: str, hook: Hook) -> Handling:
        if hook.source == "policy_settings":  # in force whatever is answered here
            self._open.pop((principal, hook.session), None)
            yield Quarantine(hook.session, "the managed settings changed on the disk")
            return {}
        return blocked("settings of a governed session change only by a new session")


def _report(hook: Hook, decision: str) -> Report:
    failed = hook.hook_event_name == "PostToolUseFailure"
    shown = hook.error if failed else _words(hook.tool_response)
    others = hook.tool_name in _OTHERS_WROTE or hook.tool_name.startswith(_MCP)
    return Report(
        decision,
        "failed" if failed else "done",
        max(0, int(hook.duration_ms * 1000)),
        len(shown.encode("utf-8", "replace")),
        shown,
        others,
    )


def _words(value: object) -> str:
    """Every text of a result, in its order."""
    found: list[str] = []
    todo = [value]
    while todo:
        item = todo.pop()
        if isinstance(item, str):
            found.append(item)
        elif isinstance(item, list):
            todo += reversed(item)
        elif isinstance(item, dict):
            todo += reversed(item.values())
    return "\n".join(found)
