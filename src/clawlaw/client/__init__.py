"""Ask the gate before acting: sessions, proposals, outcomes, from Python.

    with Client(socket="/run/clawlaw/gate.sock") as gate, gate.session("task-1") as s:
        text = s.perform("read", read_file, path="notes.md")

What is not allowed raises; there is no return value to forget. A gate that cannot be
reached, or answers what is no answer, has denied.
"""

from clawlaw.client.aio import AsyncClient, AsyncSession
from clawlaw.client.errors import Denied, Escalated, GateUnavailable
from clawlaw.client.messages import Allowed, Result
from clawlaw.client.sync import Client, Session

__all__ = [
    "Allowed",
    "AsyncClient",
    "AsyncSession",
    "Client",
    "Denied",
    "Escalated",
    "GateUnavailable",
    "Result",
    "Session",
]
