"""A double of an engine: answers that a test writes, over both protocols.

It speaks as Ollama and `mlx_lm.server` do, and keeps every byte that it was sent and
that it sent. It is no model: real engines are in test_engines.py.
"""

import asyncio
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from tests.integration.gate.house import free_port


def openai_stream(*texts: str, finish: str = "stop", **more: Any) -> list[bytes]:
    """Events of a chat answer: texts, the end, the usage, the mark."""
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
    deltas += [{"content": text} for text in texts]
    events = [_chunk({"delta": delta}, None) for delta in deltas]
    if more:
        events.append(_chunk({"delta": more}, None))
    events.append(_chunk({"delta": {}}, finish))
    usage = {"prompt_tokens": 7, "completion_tokens": len(texts), "total_tokens": 0}
    events.append(_event({"id": "c", "model": "m", "choices": [], "usage": usage}))
    return [*events, b"data: [DONE]\n\n"]


def _chunk(choice: dict[str, Any], finish: str | None) -> bytes:
    choice = {"index": 0, **choice, "finish_reason": finish}
    return _event({"id": "c", "model": "m", "choices": [choice]})


def _event(data: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(data).encode() + b"\n\n"


def openai_whole(content: str | None, **more: Any) -> list[bytes]:
    """A chat answer in one piece."""
    message = {"role": "assistant", "content": content, **more}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    usage = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}
    said = {"id": "c", "object": "chat.completion", "created": 1, "model": "m"}
    return [json.dumps(said | {"choices": [choice], "usage": usage}).encode()]


def ollama_stream(*texts: str, **more: Any) -> list[bytes]:
    """Lines of a chat answer."""
    said = {"model": "m", "created_at": "2026-01-01T00:00:00Z"}
    messages = [{"role": "assistant", "content": text} for text in texts]
    if more:
        messages.append({"role": "assistant", "content": "", **more})
    lines = [said | {"message": message, "done": False} for message in messages]
    last = {"message": {"role": "assistant", "content": ""}, "done": True}
    counts = {"prompt_eval_count": 7, "eval_count": len(texts), "done_reason": "stop"}
    lines.append(said | last | counts)
    return [json.dumps(line).encode() + b"\n" for line in lines]


@dataclass
class EngineDouble:
    """One engine.

    Attributes:
        pieces: Of the next answers.
        choose: Or the pieces of the answer to a body; none: `pieces`.
        pause: Seconds between two pieces.
        dies: After so many pieces the connection is cut; -1: never.
        status: Of the answer.
        asked: Bodies that came, in order.
        sent: Bytes of each answer.
        gone: Answers whose client went away.
        held: Numbers of answers that stop after a piece while they are in it.
    """

    pieces: list[bytes] = field(default_factory=list)
    choose: Callable[[dict[str, Any]], list[bytes]] | None = None
    pause: float = 0
    dies: int = -1
    status: int = 200
    asked: list[bytes] = field(default_factory=list)
    sent: list[bytes] = field(default_factory=list)
    gone: int = 0
    held: set[int] = field(default_factory=set)
    port: int = field(default_factory=free_port)
    loaded: list[dict[str, Any]] = field(default_factory=list)
    hook: Callable[[], None] = lambda: None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Serve in a thread of its own."""
        ready = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(ready,), daemon=True)
        self._thread.start()
        assert ready.wait(10)

    def stop(self) -> None:
        """End, with every connection."""
        if self._loop.is_running():
            self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(10)

    def _run(self, ready: threading.Event) -> None:
        asyncio.run(self._serve(ready))

    async def _serve(self, ready: threading.Event) -> None:
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        app = web.Application()
        app.router.add_get("/api/version", self._version)
        app.router.add_get("/health", self._version)
        app.router.add_get("/api/ps", self._ps)
        app.router.add_post("/{path:.+}", self._answer)
        runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", self.port, reuse_address=True).start()
        ready.set()
        await self._end.wait()
        await runner.cleanup()

    async def _version(self, _request: web.Request) -> web.Response:
        return web.json_response({"version": "double"})

    async def _ps(self, _request: web.Request) -> web.Response:
        return web.json_response({"models": self.loaded})

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        self.asked.append(body)
        kind = "application/json"
        if json.loads(body).get("stream"):
            ollama = request.path.startswith("/api")
            kind = "application/x-ndjson" if ollama else "text/event-stream"
        response = web.StreamResponse(status=self.status)
        response.content_type = kind
        await response.prepare(request)
        number = len(self.sent)
        self.sent.append(b"")
        pieces = self.choose(json.loads(body)) if self.choose else self.pieces
        try:
            for count, piece in enumerate(pieces):
                if count == self.dies:
                    assert request.transport is not None
                    request.transport.abort()
                    return response
                await response.write(piece)
                self.sent[number] += piece
                self.hook()
                while number in self.held:  # noqa: ASYNC110  # set by another thread
                    await asyncio.sleep(0.02)
                if self.pause:
                    await asyncio.sleep(self.pause)
            await response.write_eof()
        except (asyncio.CancelledError, ConnectionError):
            self.gone += 1
            raise
        return response
