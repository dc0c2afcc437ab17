"""One allowed request: asked of its engine, relayed, settled.

The end of an answer is held until its tool calls are judged and the outcome (prompt,
response, usage) is durable in the gate. However the exchange ends, also when the client
goes away, its outcome is reported, and the connection to the engine is closed, which
is how an engine is told to stop.
"""

import asyncio
import contextlib
import time
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import aiohttp
from aiohttp import web

from clawlaw.client.errors import Denied
from clawlaw.client.messages import Allowed
from clawlaw.inference import replies, strict
from clawlaw.inference.asked import Asked, Bound
from clawlaw.inference.backends import Backend, read_up_to
from clawlaw.inference.calls import Call
from clawlaw.inference.config import LimitsPart, ModelPart
from clawlaw.inference.dialect import Dialect
from clawlaw.inference.gatekeeper import Caller, Gatekeeper
from clawlaw.inference.journal import Journal
from clawlaw.inference.metrics import Metrics
from clawlaw.inference.pieces import Cutter, Events, Lines, Piece, PieceError
from clawlaw.inference.relay import EngineError, Relay, RelayError
from clawlaw.private import PrivateFileError

LATER: Final = 600.0  # seconds that an outcome is tried for, when nobody waits any more
_OK: Final = 200
_SAID: Final = 64 << 10  # bytes of an engine's refusal
_ABORT: Final = 1.0  # seconds to tell a client that its answer broke off


class Ended(Exception):  # noqa: N818  # not always an error
    """An exchange that ended otherwise than with an answer.

    Attributes:
        end: For the metrics.
    """

    def __init__(
        self, status: int, reason: str, remedy: str = "", name: str = "", end: str = ""
    ) -> None:
        """Say why, what to do, and the id to ask about."""
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.remedy = remedy
        self.name = name
        self.end = end or "failed"


class ClientGoneError(Exception):
    """Nobody reads the answer any more."""


class Spawn(Protocol):
    """Runs something to its end, whatever happens to who asked for it."""

    def __call__(self, work: Coroutine[Any, Any, bool]) -> "asyncio.Task[bool]":
        """Start it."""


@dataclass(slots=True)
class Answer:
    """One exchange.

    Attributes:
        begin: When the request came, of `time.perf_counter`.
    """

    request: web.Request
    asked: Asked
    model: ModelPart
    backend: Backend
    caller: Caller
    allowed: Allowed
    bound: Bound
    labels: tuple[str, ...]
    gate: Gatekeeper
    metrics: Metrics
    limits: LimitsPart
    spawn: Spawn
    journal: Journal
    begin: float = field(default_factory=time.perf_counter)
    relay: Relay = field(init=False)
    _response: web.StreamResponse | None = None
    _settled: bool = False
    _first: float = 0.0

    def __post_init__(self) -> None:
        """Read the answer in the protocol of the request."""
        asked = self.asked
        self.relay = Relay(
            Dialect(ollama=asked.ollama, whole=asked.embeds),
            self.limits.answer_bytes,
            events=asked.stream and not asked.ollama,
            drop_usage=asked.stream and not asked.wants_usage,
        )

    @property
    def names(self) -> tuple[str, str]:
        """Labels of its metrics."""
        return self.model.name, self.backend.part.tier

    @property
    def _decided(self) -> dict[str, str]:
        """What `clawlaw trace` takes, for a client that keeps it."""
        return {"X-ClawLaw-Decision": self.allowed.id}

    async def run(self) -> web.StreamResponse:
        """Ask, relay, settle.

        Raises:
            Ended: It ended before anything was sent.
        """
        end = "failed"
        try:
            try:
                async with asyncio.timeout(self.limits.seconds):
                    response = await self._exchanged()
                end = "done"
            except Ended as error:
                end = error.end
                response = await self._broken(error)
            except ClientGoneError:
                end = "gone"
                await self._settle("failed")
                raise asyncio.CancelledError from None
            except _FAILURES as error:
                ended = self._failure(error)
                end = ended.end
                response = await self._broken(ended)
        except asyncio.CancelledError:
            end = "gone"
            self._settle_later()
            raise
        finally:
            self._count(end)
        return response

    def _failure(self, error: BaseException) -> Ended:
        if isinstance(error, TimeoutError):
            reason = f"the answer took longer than {self.limits.seconds} s"
            return Ended(504, reason, "ask for less", self.allowed.id)
        if isinstance(error, EngineError | aiohttp.ClientError | OSError):
            reason = f"the engine {self.backend.part.name} failed"
            if isinstance(error, EngineError):
                reason += f": {error}"
            return Ended(502, reason, "ask again", self.allowed.id)
        remedy = "ask again, or another model"
        reason = f"the answer is not passed on: {error}"
        return Ended(403, reason, remedy, self.allowed.id, "denied")

    async def _exchanged(self) -> web.StreamResponse:
        backend, asked = self.backend, self.asked
        await self._noted()
        async with backend.session.post(
            backend.url(asked.path),
            data=self.bound.body,
            headers={"Content-Type": "application/json"},
        ) as engine:
            try:
                if engine.status != _OK:
                    await self._refused(engine)
                if asked.stream:
                    await self._stream(engine)
                else:
                    await self._whole(engine)
            except BaseException:
                engine.close()  # tells the engine to stop
                raise
        await self._finish()
        return await self._send_rest(engine.content_type)

    async def _noted(self) -> None:
        """Note down that it begins, so that its outcome outlives this process."""
        try:
            await self.journal.begin(self.caller.token, self._outcome("failed"))
        except PrivateFileError as error:
            reason = "the answer cannot be noted in the journal, so no engine is asked"
            remedy = "an operator must look at the proxy's journal"
            raise Ended(503, reason, remedy, self.allowed.id) from error

    async def _refused(self, engine: aiohttp.ClientResponse) -> None:
        body = await read_up_to(engine, _SAID)
        self.relay.taken(body)
        try:
            told = strict.loads_object(body).get("error", "")
            told = told.get("message", "") if isinstance(told, dict) else told
        except strict.StrictError:
            told = ""
        status = engine.status if 400 <= engine.status < 500 else 502  # noqa: PLR2004  # of HTTP
        reason = f"the engine answers {engine.status}: {str(told)[:400]}"
        raise Ended(status, reason, "", self.allowed.id)

    async def _stream(self, engine: aiohttp.ClientResponse) -> None:
        relay = self.relay
        limit = self.limits.answer_bytes
        cutter: Cutter = Lines(limit) if self.asked.ollama else Events(limit)
        async for data in engine.content.iter_any():
            relay.taken(data)
            out = bytearray()
            try:
                for piece in cutter.feed(data):
                    out += relay.feed(piece)
            finally:  # what passed before a fault is the client's
                if relay.began and not self._first:
                    self._first = time.perf_counter()
                await self._send(bytes(out), engine.content_type)
        for piece in cutter.rest():
            await self._send(relay.feed(piece), engine.content_type)

    async def _whole(self, engine: aiohttp.ClientResponse) -> None:
        parts = []
        async for part in engine.content.iter_any():
            self.relay.taken(part)
            parts.append(part)
        raw = b"".join(parts)
        self._first = time.perf_counter()
        try:
            data = strict.loads_object(raw)
        except strict.StrictError as error:
            raise PieceError(f"the engine sent what is {error}") from error
        self.relay.feed(Piece(raw, data))

    async def _finish(self) -> None:
        """Judge what the answer wants to do, and record it; then it may end."""
        calls = self.relay.held_calls()
        denial = await self._judge(calls)
        if not await self._settle("done"):
            reason = "the outcome could not be recorded, so the answer does not end"
            remedy = "an operator must look at the gate"
            raise Ended(503, reason, remedy, self.allowed.id)
        if denial is not None:
            reason = f"a tool call of the answer is denied: {denial.reason}"
            raise Ended(403, reason, denial.remedy, denial.id, "denied")

    async def _judge(self, calls: list[Call]) -> Denied | None:
        """Propose every call; the first denial, if there is one."""
        first: Denied | None = None
        for call in calls:
            verdict = "allow"
            try:
                with self.metrics.governed(*self.names, "calls"):
                    await self.gate.propose(
                        self.caller,
                        call.name,
                        call.arguments,
                        {"parents": [self.allowed.id]},
                    )
            except Denied as error:
                verdict, first = "deny", first or error
            self.metrics.calls.labels(*self.names, verdict).inc()
        return first

    def _outcome(self, status: str) -> dict[str, Any]:
        now = time.perf_counter()
        usage = self.relay.usage if status == "done" else None
        first = self._first - self.begin if self._first else 0.0
        exchange = {
            "prompt": self.bound.prompt,
            "response": self.relay.digest,
            "backend": self.backend.part.name,
            "prompt_tokens": usage.prompt if usage else 0,
            "completion_tokens": usage.completion if usage else 0,
            "reported": usage is not None,
            "first": int(first * 1e6),
        }
        return {
            "id": self.allowed.id,
            "status": status,
            "duration": int((now - self.begin) * 1e6),
            "bytes_out": self.relay.size,
            "labels": [name for name in self.labels if name != "untrusted"],
            "permit": self.allowed.permit,
            "exchange": exchange,
        }

    async def _settle(self, status: str) -> bool:
        """Report the outcome; whether it is recorded before the deadline."""
        if self._settled:
            return False
        work = self._reported(status)
        with self.metrics.governed(*self.names, "record"):
            try:
                return await asyncio.wait_for(asyncio.shield(work), self.limits.settle)
            except TimeoutError:
                return False

    def _settle_later(self) -> None:
        if not self._settled:
            self._reported("failed")

    def _reported(self, status: str) -> "asyncio.Task[bool]":
        self._settled = True
        outcome = self._outcome(status)
        return self.spawn(self._told(outcome))

    async def _told(self, outcome: dict[str, Any]) -> bool:
        taken = await self.gate.report(self.caller.token, outcome, LATER)
        if taken:
            self.journal.end(self.allowed.id)
        return taken

    async def _send(self, data: bytes, kind: str) -> None:
        if not data:
            return
        try:
            if self._response is None:
                self._response = web.StreamResponse(headers=self._decided)
                self._response.content_type = kind
                await self._response.prepare(self.request)
            await self._response.write(data)
        except ConnectionError as error:
            raise ClientGoneError from error

    async def _send_rest(self, kind: str) -> web.StreamResponse:
        rest = self.relay.rest()
        if not self.asked.stream:
            head = self._decided
            return web.Response(body=rest, content_type=kind, headers=head)
        await self._send(rest, kind)
        response = self._response or web.Response()
        if self._response is not None:
            try:
                await response.write_eof()
            except ConnectionError as error:
                raise ClientGoneError from error
        return response

    async def _broken(self, ended: Ended) -> web.StreamResponse:
        """Record the failure and tell the client, as far as it can be told."""
        await self._settle("failed")
        response = self._response
        if response is None:
            raise ended
        text = replies.late_error(
            ended.status,
            ended.reason,
            ended.remedy,
            ended.name,
            ollama=self.asked.ollama,
        )
        with contextlib.suppress(ConnectionError, TimeoutError):
            async with asyncio.timeout(_ABORT):
                await response.write(text)
                await response.write_eof()
                return response
        if self.request.transport is not None:
            self.request.transport.abort()
        raise asyncio.CancelledError

    def _count(self, end: str) -> None:
        metrics, names, now = self.metrics, self.names, time.perf_counter()
        metrics.requests.labels(*names, end).inc()
        metrics.seconds.labels(*names).observe(now - self.begin)
        if self._first and self.asked.stream:
            metrics.first.labels(*names).observe(self._first - self.begin)
        usage = self.relay.usage
        if usage is None:
            return
        metrics.tokens.labels(*names, "prompt").inc(usage.prompt)
        metrics.tokens.labels(*names, "completion").inc(usage.completion)
        if self.asked.stream and usage.completion > 1 and now > self._first > 0:
            metrics.rate.labels(*names).observe(
                (usage.completion - 1) / (now - self._first)
            )


_FAILURES: Final = (
    RelayError,
    PieceError,
    aiohttp.ClientError,
    TimeoutError,
    OSError,
)
