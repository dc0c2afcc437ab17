"""What Claude Code's hooks say, and what the gate is asked because of them.

Source: code.claude.com/docs/en/hooks, common input fields and the input of each event.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta, Struct

from clawlaw.adapters.aliases import ALIASES, SHELL
from clawlaw.core.errors import ClawLawError
from clawlaw.core.spelling import snake

CLIENT: Final = "claude-code"
PATH: Final = "/v1/hooks/claude-code"
# Events that the installed settings send here.
EVENTS: Final = (
    "SessionStart",
    "UserPromptSubmit",
    "PreToolUse",
    "PermissionRequest",
    "PostToolUse",
    "PostToolUseFailure",
    "SubagentStart",
    "SubagentStop",
    "SessionEnd",
    "ConfigChange",
)
# Fields of a command that say how long or why, not what: the client may shorten them.
_BESIDE: Final = frozenset({"description", "timeout"})

type Text = Annotated[str, Meta(max_length=4096)]
type Id = Annotated[str, Meta(max_length=100)]


class HookError(ClawLawError):
    """A body is no hook of a kind that is known; the message says why."""


class Hook(Struct, frozen=True):
    """What the client sends; fields that decide nothing are not read.

    Attributes:
        tool_input: The bytes as they came: the gate must decode what the client wrote.
        tool_response: What came back, of any shape.
    """

    hook_event_name: Id
    session_id: Annotated[str, Meta(min_length=1, max_length=80)]
    cwd: Text = ""
    tool_name: Annotated[str, Meta(max_length=200)] = ""
    tool_input: msgspec.Raw = msgspec.Raw(b"{}")
    tool_use_id: Id = ""
    tool_response: Any = None
    error: str = ""
    duration_ms: int | float = 0
    prompt: str = ""
    agent_id: Annotated[str, Meta(max_length=47)] = ""  # both are one gate session
    source: Id = ""
    file_path: Text = ""

    @property
    def session(self) -> str:
        """The gate's name of the session; a sub-agent has one of its own."""
        return f"{self.session_id}/{self.agent_id}" if self.agent_id else self.main

    @property
    def main(self) -> str:
        """The session of the client itself."""
        return self.session_id


_DECODER: Final = msgspec.json.Decoder(Hook)


def read_hook(body: bytes) -> Hook:
    """Read the body of a hook's request.

    Raises:
        HookError: Not JSON, or a field that is needed is missing or of a wrong type.
    """
    try:
        hook = _DECODER.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise HookError(f"not a hook of Claude Code: {error}") from error
    for name in ("session_id", "agent_id", "tool_use_id", "tool_name"):
        if not getattr(hook, name).isprintable():
            raise HookError(f"{name} holds a character that cannot be printed")
    for name in ("session_id", "agent_id"):
        if "/" in getattr(hook, name):
            raise HookError(f"{name} holds a slash, which parts a sub-agent's session")
    return hook


class Open(Struct, frozen=True):
    """Open a session, or find it open; sent back: "" or why it is not.

    Attributes:
        parent: Session that delegates to it.
        goal: Digest of the request that it serves.
    """

    session: str
    parent: str = ""
    goal: str = ""
    client: str = CLIENT


class Propose(Struct, frozen=True, omit_defaults=True):
    """Judge a call; sent back: an :class:`Answer`."""

    session: str
    tool: str
    arguments: msgspec.Raw
    cwd: str
    id: str = ""
    goal: str = ""
    mediated: bool = False


class Report(Struct, frozen=True, omit_defaults=True):
    """What became of an allowed call that the client performed; nothing is sent back.

    Attributes:
        id: Of the decision.
        duration: Microseconds.
        bytes_out: Of the text that the agent was shown.
        untrusted: Others wrote the text.
    """

    id: str
    status: str
    duration: int = 0
    bytes_out: int = 0
    text: str = ""
    untrusted: bool = False


class Recall(Struct, frozen=True):
    """Whether a call was allowed by the gate before its restart, as it was performed.

    Sent back: a :class:`Recalled`, or `None`.
    """

    session: str
    tool: str
    arguments: msgspec.Raw
    cwd: str
    id: str


class Recalled(Struct, frozen=True):
    """Such a call."""

    decision: str
    mediated: bool


class Close(Struct, frozen=True):
    """Close a session, if it is open; nothing is sent back."""

    session: str


class Quarantine(Struct, frozen=True):
    """End a session because of what was seen; nothing is sent back."""

    session: str
    reason: str


type Request = Open | Propose | Report | Recall | Close | Quarantine


def is_command(tool: str) -> bool:
    """Whether the gate reads a tool as one that runs a command."""
    name = snake(tool)
    return name == SHELL.tool or ALIASES.get(name) is SHELL


def digest(tool: str, given: Mapping[str, Any]) -> str:
    """SHA-256 of what an input does; what only describes a command is left out."""
    beside = _BESIDE if is_command(tool) else frozenset[str]()
    acts = {name: value for name, value in given.items() if name not in beside}
    return hashlib.sha256(json.dumps(acts, sort_keys=True).encode()).hexdigest()


def encode(request: Request) -> bytes:
    """A request as the body that the gate's HTTP interface takes."""
    return msgspec.json.encode(request)


def input_of(hook: Hook) -> dict[str, Any]:
    """A call's input; empty where it is no object, which the gate refuses."""
    given = json.loads(bytes(hook.tool_input))
    return given if isinstance(given, dict) else {}
