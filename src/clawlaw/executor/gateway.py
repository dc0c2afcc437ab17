"""The executor's side of the gate's interface: redeem, report, propose.

HTTP/1.1 over a Unix socket, where the kernel says who asks. Whatever goes wrong on the
way is one error, `GateUnavailableError`, and means: nothing is performed.
"""

import json
import socket
from typing import Any, BinaryIO, Final

from clawlaw.core.errors import ClawLawError
from clawlaw.executor.grant import Grant, decode_grant
from clawlaw.executor.report import DeniedError, GateUnavailableError, Report

TIMEOUT: Final = 30.0  # seconds for one answer
MAX_ANSWER: Final = 4 << 20  # bytes
_OK, _LINE, _FIELDS = 200, 8192, 64


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
        data = json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")
        try:
            status, said = _exchange(self._path, path, data)
        except (OSError, ValueError) as error:
            raise GateUnavailableError(
                f"{self._path}: the gate does not answer ({error})\n"
                "  look at it with `systemctl status clawlaw-gate`; until it answers, "
                "nothing is performed"
            ) from error
        if status != _OK:
            raise _refusal(status, said)
        return said


def _exchange(socket_path: str, path: str, body: bytes) -> tuple[int, bytes]:
    """One request and its answer; the standard client takes 50 ms to load.

    Raises:
        OSError: The connection.
        ValueError: Not an answer of HTTP/1.1 with its length.
    """
    head = (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with socket.socket(socket.AF_UNIX) as gate:
        gate.settimeout(TIMEOUT)
        gate.connect(socket_path)
        gate.sendall(head.encode("ascii") + body)
        with gate.makefile("rb") as answer:
            words = answer.readline(_LINE).split(b" ", 2)
            if len(words) < 2 or not words[0].startswith(b"HTTP/1."):  # noqa: PLR2004  # version, status
                raise ValueError("not HTTP")
            length = _length(answer)
            said = answer.read(length)
    if len(said) != length:
        raise ValueError("the answer was cut")
    return int(words[1]), said


def _length(answer: BinaryIO) -> int:
    """Read the header's fields; what they say of the body's length."""
    length = -1
    for _ in range(_FIELDS):
        line = answer.readline(_LINE)
        if line in (b"\r\n", b"\n", b""):
            break
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length":
            length = int(value)
    if not 0 <= length <= MAX_ANSWER:
        raise ValueError(f"an answer of {length} bytes")
    return length


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
