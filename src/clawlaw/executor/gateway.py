"""The executor's side of the gate's interface: redeem, report, propose.

HTTP/1.1 over a Unix socket, where the kernel says who asks. Whatever goes wrong on the
way is one error, `GateUnavailableError`, and means: nothing is performed.
"""

import http.client
import json
import socket
from typing import Any, Final

from clawlaw.core.errors import ClawLawError
from clawlaw.executor.grant import Grant, decode_grant
from clawlaw.executor.report import DeniedError, GateUnavailableError, Report

TIMEOUT: Final = 30.0  # seconds for one answer
MAX_ANSWER: Final = 4 << 20  # bytes


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=TIMEOUT)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(TIMEOUT)
        self.sock.connect(self._path)


class Gateway:
    """One gate, by its socket."""

    def __init__(self, path: str) -> None:
        """Name it; a connection is made for each request."""
        self._path = path

    def redeem(self, permit: str) -> Grant:
        """Use a permit up and learn what it stands for.

        Raises:
            DeniedError: It is unknown, used, too late, or another's.
            GateUnavailableError: No answer.
            GrantError: An answer that cannot be performed.
        """
        return decode_grant(self._ask("/v1/permits/redeem", {"permit": permit}))

    def report(self, report: Report) -> dict[str, Any]:
        """Say what became of an action.

        Raises:
            DeniedError: The gate does not take it.
            GateUnavailableError: No answer.
        """
        return _object(self._ask("/v1/outcomes", report.fields()))

    def propose(self, proposal: dict[str, Any]) -> str:
        """Propose an action and get a permit for it.

        Raises:
            DeniedError: Denied, or a steward is asked.
            GateUnavailableError: No answer.
        """
        said = _object(self._ask("/v1/proposals", {**proposal, "mediated": True}))
        permit = said.get("permit")
        if said.get("verdict") == "allow" and isinstance(permit, str) and permit:
            return permit
        waiting = said.get("escalation")
        name = waiting.get("id", "") if isinstance(waiting, dict) else ""
        reason = said.get("reason") or "the gate gave no permit"
        raise DeniedError(str(reason), str(said.get("remedy", "")), str(name))

    def _ask(self, path: str, body: dict[str, Any]) -> bytes:
        connection = _UnixConnection(self._path)
        try:
            data = json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")
            headers = {"Content-Type": "application/json"}
            connection.request("POST", path, data, headers)
            answer = connection.getresponse()
            said = answer.read(MAX_ANSWER + 1)
        except (OSError, http.client.HTTPException) as error:
            raise GateUnavailableError(
                f"{self._path}: the gate does not answer ({error})\n"
                "  look at it with `systemctl status clawlaw-gate`; until it answers, "
                "nothing is performed"
            ) from error
        finally:
            connection.close()
        if len(said) > MAX_ANSWER:
            raise GateUnavailableError(f"{self._path}: more than {MAX_ANSWER} bytes")
        if answer.status != http.client.OK:
            raise _refusal(answer.status, said)
        return said


def _refusal(status: int, said: bytes) -> ClawLawError:
    value = _object(said)
    error = value.get("error")
    if isinstance(error, dict):
        what, remedy = str(error.get("what", "")), str(error.get("remedy", ""))
    else:  # a denial without an entry of its own
        what, remedy = str(value.get("reason", "")), str(value.get("remedy", ""))
    if status >= 500:  # noqa: PLR2004  # of HTTP: the gate's own fault
        return GateUnavailableError(f"the gate answers {status}: {what}\n  {remedy}")
    return DeniedError(what or f"the gate answers {status}", remedy)


def _object(data: bytes) -> dict[str, Any]:
    try:
        value = json.loads(data)
    except ValueError as error:
        raise GateUnavailableError("the gate's answer is not JSON") from error
    if not isinstance(value, dict):
        raise GateUnavailableError("the gate's answer is no JSON object")
    return value
