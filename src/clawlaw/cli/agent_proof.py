"""What shows that an agent is enrolled: asked of the gate that runs, as the agent."""

import http.client
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from clawlaw.adapters import claude_settings as claude
from clawlaw.adapters.claude_hooks import PATH
from clawlaw.cli.agent_files import (
    as_owner,
    credentials_path,
    default_settings,
    read_settings,
    tcp_address,
)
from clawlaw.cli.output import UsageError
from clawlaw.core.errors import ClawLawError
from clawlaw.gate.config import AgentPart, read_config
from clawlaw.gate.enrol import EnrolError, check_credentials

_SECONDS: Final = 5.0  # the gate answers in milliseconds
_DENIED_FILE: Final = "/etc/hosts"  # what no agent may write under any policy of ours


@dataclass(frozen=True, slots=True)
class Proof:
    """One thing that was looked at.

    Attributes:
        says: What was found.
    """

    name: str
    good: bool
    says: str

    def fields(self) -> dict[str, Any]:
        """For programs."""
        return {"name": self.name, "good": self.good, "says": self.says}


def prove(
    name: str, config: Path, folder: Path, file: Path | None, *, hooks: bool
) -> list[Proof]:
    """Every proof of an agent's enrolment.

    Args:
        name: Of the agent.
        config: Of the gate.
        folder: Of the tokens.
        file: Managed settings; none: where the client has them.
        hooks: Whether the client's settings are looked at.

    Raises:
        UsageError: No such agent, or no listener that takes hooks.
    """
    with as_owner(config):
        read = read_config(config)
    agent = next((a for a in read.agents if a.principal == name), None)
    if agent is None:
        remedy = f"clawlaw agents add {name} --uid UID"
        raise UsageError(str(config), f"no agent {name!r}", remedy)
    address = tcp_address(config)
    proofs = []
    if hooks:
        proofs.append(
            _settings(file or default_settings(), address, str(config.parent))
        )
    token, proof = _token(credentials_path(folder, name), agent)
    proofs.append(proof)
    if token:
        gate = _Gate(address, token, read.policy.workspace[0])
        proofs += [_asked(what, ask) for what, ask in gate.proofs()]
        proofs.append(_asked("another token is refused", gate.as_a_stranger))
    return proofs


def _settings(path: Path, address: str, hide: str) -> Proof:
    try:
        found = read_settings(path)
        wanted = claude.merged(found.settings, address, [hide])
    except ClawLawError as error:
        return Proof("managed settings", good=False, says=str(error))
    wrong = [*found.problems, *map(str, claude.differences(found.settings, wanted))]
    says = "; ".join(wrong) or f"{path}: as they must be"
    return Proof("managed settings", not wrong, says)


def _token(path: Path, agent: AgentPart) -> tuple[str, Proof]:
    what = "credentials"
    if agent.uid is None:
        return "", Proof(what, good=False, says="the agent has no uid")
    try:
        digest = check_credentials(path, agent.uid)
    except EnrolError as error:
        return "", Proof(what, good=False, says=str(error))
    if digest not in agent.tokens:
        says = f"{path}: another token than the configuration's"
        return "", Proof(what, good=False, says=says)
    token = path.read_text("ascii").strip()
    return token, Proof(what, good=True, says=f"{path}: 0600, uid {agent.uid}")


def _asked(what: str, ask: Callable[[], tuple[bool, str]]) -> Proof:
    try:
        good, says = ask()
    except (OSError, http.client.HTTPException, ValueError, KeyError) as error:
        return Proof(what, good=False, says=f"{type(error).__name__}: {error}")
    return Proof(what, good, says)


class _Gate:
    """A gate as one agent's client asks it, in a session of this proof alone."""

    def __init__(self, address: str, token: str, workspace: str) -> None:
        self._address = address
        self._token = token
        self._workspace = workspace
        self._session = f"proof-{secrets.token_hex(8)}"

    def proofs(self) -> list[tuple[str, Callable[[], tuple[bool, str]]]]:
        """What to show, in order; the last one closes the session."""
        return [
            ("an ordinary action is allowed", self._allowed),
            ("a write outside is denied", self._denied),
            ("the session is closed", self._closed),
        ]

    def as_a_stranger(self) -> tuple[bool, str]:
        """A token that nobody was given is nobody's."""
        status, _ = self._post({}, secrets.token_urlsafe(32))
        return status in {401, 403}, f"answered {status}"

    def _allowed(self) -> tuple[bool, str]:
        given = {"file_path": f"{self._workspace}/clawlaw-proof"}
        return self._judged("Read", given, "allow")

    def _denied(self) -> tuple[bool, str]:
        given = {"file_path": _DENIED_FILE, "content": "proof"}
        return self._judged("Write", given, "deny")

    def _closed(self) -> tuple[bool, str]:
        status, _ = self._post({"hook_event_name": "SessionEnd"}, self._token)
        return status == http.client.OK, f"answered {status}"

    def _judged(
        self, tool: str, given: dict[str, str], verdict: str
    ) -> tuple[bool, str]:
        hook = {
            "hook_event_name": "PreToolUse",
            "tool_name": tool,
            "tool_input": given,
            "tool_use_id": f"proof-{tool}",
        }
        status, answer = self._post(hook, self._token)
        said = answer.get("hookSpecificOutput", {})
        found = said.get("permissionDecision", f"answered {status}")
        reason = said.get("permissionDecisionReason", "")
        return found == verdict, f"{found}: {reason}".rstrip(": ")

    def _post(self, hook: dict[str, Any], token: str) -> tuple[int, dict[str, Any]]:
        body = {"session_id": self._session, "cwd": self._workspace, **hook}
        host, _, port = self._address.rpartition(":")
        asked = http.client.HTTPConnection(
            host.strip("[]"), int(port), timeout=_SECONDS
        )
        try:
            headers = {
                "Authorization": f"Bearer {token}",
                "Content-Type": "application/json",
            }
            asked.request("POST", PATH, json.dumps(body), headers)
            answer = asked.getresponse()
            raw = answer.read()
        finally:
            asked.close()
        found = json.loads(raw) if raw else {}
        return answer.status, found if isinstance(found, dict) else {}
