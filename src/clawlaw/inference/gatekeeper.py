"""What the proxy asks of the gate, each time with the token of the agent that asks.

Connections are kept by token and lent to one request at a time. A proposal is never
sent twice. An outcome is sent until it is taken, since every answer needs its record.
"""

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from clawlaw.client.aio import AsyncClient
from clawlaw.client.errors import GateUnavailable
from clawlaw.client.messages import OK, Allowed, Call, read_verdict, unavailable
from clawlaw.inference import strict

_IDLE: Final = 8  # connections that are kept open for one token
_TOKENS: Final = 256  # for which any are kept
_UNKNOWN: Final = 401
_GONE: Final = 404
_PAUSE: Final = (0.05, 1.0)  # seconds between two tries, at first and at most


class UnknownCallerError(Exception):
    """The gate does not know the token."""


@dataclass(frozen=True, slots=True)
class Caller:
    """An agent, and where its action stands.

    Attributes:
        token: Of its own.
        session: That it is judged in.
        purpose: Of the request, "" takes the session's.
        directory: That tool calls are relative to.
    """

    token: str
    session: str
    purpose: str = ""
    directory: str = "/"

    @staticmethod
    def session_of(token: str, day: str) -> str:
        """The session of requests that name none: one a day for each token."""
        name = hashlib.sha256(b"session\0" + token.encode()).hexdigest()[:12]
        return f"inference-{day}-{name}"


@dataclass(slots=True)
class Gatekeeper:
    """One gate.

    Attributes:
        url: Of its listener.
        seconds: For one answer.
    """

    url: str
    seconds: float
    _idle: dict[str, list[AsyncClient]] = field(default_factory=dict)

    def close(self) -> None:
        """Close every connection that is not in use."""
        for clients in self._idle.values():
            for client in clients:
                client.close()
        self._idle.clear()

    @asynccontextmanager
    async def _client(self, token: str) -> AsyncIterator[AsyncClient]:
        kept = self._idle.get(token)
        client = (
            kept.pop()
            if kept
            else AsyncClient(
                url=self.url, token=token, timeout=self.seconds, name="inference"
            )
        )
        try:
            yield client
        except BaseException:
            client.close()
            raise
        self._keep(token, client)

    def _keep(self, token: str, client: AsyncClient) -> None:
        kept = self._idle.setdefault(token, [])
        kept.append(client)
        while len(kept) > _IDLE:
            kept.pop(0).close()
        while len(self._idle) > _TOKENS:
            for old in self._idle.pop(next(iter(self._idle))):
                old.close()

    async def _exchange(
        self, token: str, method: str, path: str, body: bytes
    ) -> tuple[int, bytes]:
        async with self._client(token) as client:
            status, answer = await client.exchange(method, path, body)
            if status == _UNKNOWN:
                raise UnknownCallerError  # and no connection is kept for a stranger
            return status, answer

    async def check(self, token: str) -> None:
        """Whether the gate knows who asks.

        Raises:
            UnknownCallerError: It does not.
            GateUnavailable: It does not answer.
        """
        status, body = await self._exchange(token, "GET", "/v1/escalations/-", b"")
        if status != _GONE:
            raise unavailable(status, body)

    async def propose(
        self,
        caller: Caller,
        tool: str,
        arguments: Mapping[str, Any],
        more: Mapping[str, Any],
    ) -> Allowed:
        """Ask whether an action may happen.

        Raises:
            UnknownCallerError: The gate does not know who asks.
            Denied: It must not happen.
            Escalated: A steward was asked.
            GateUnavailable: Nobody decided.
        """
        said = {"purpose": caller.purpose} if caller.purpose else {}
        call = Call(caller.session, tool, arguments, caller.directory, {**said, **more})
        body = call.encode()
        status, answer = await self._exchange(
            caller.token, "POST", "/v1/proposals", body
        )
        return read_verdict(status, answer)

    async def report(
        self,
        token: str,
        outcome: Mapping[str, Any],
        seconds: float,
        *,
        tried: bool = False,
    ) -> bool:
        """Report an outcome until it is taken.

        Args:
            token: Of the agent.
            outcome: As `POST /v1/outcomes` takes it.
            seconds: To try for.
            tried: It may have been reported before.

        Returns:
            Whether it is recorded, or where it was tried before, gone at the gate.
        """
        body = strict.dumps(outcome).encode()
        until, pause = time.monotonic() + seconds, _PAUSE[0]
        while True:
            try:
                status, answer = await self._exchange(
                    token, "POST", "/v1/outcomes", body
                )
            except UnknownCallerError:
                return False  # it is no agent any more
            except GateUnavailable:
                status, answer, lost = 0, b"", True
            else:
                lost = False
            if status == OK and _is_taken(answer):
                return True
            if status == _GONE:
                return tried  # an earlier try was taken, and its answer lost
            tried = tried or lost
            if time.monotonic() + pause >= until:
                return False
            await asyncio.sleep(pause)
            pause = min(pause * 2, _PAUSE[1])


def _is_taken(answer: bytes) -> bool:
    """An outcome that is refused comes back as a verdict."""
    try:
        return "quarantined" in strict.loads_object(answer)
    except strict.StrictError:
        return False
