"""Requests of clients: who asks, for what, whether they may, and whose turn it is."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Final

from aiohttp import web

from clawlaw.client.errors import Denied, GateUnavailable
from clawlaw.client.messages import Allowed
from clawlaw.inference import asked as reading
from clawlaw.inference import replies, strict
from clawlaw.inference.answer import LATER, Answer, Ended
from clawlaw.inference.asked import Asked, AskError, Bound
from clawlaw.inference.backends import Backend, BackendError, Backends
from clawlaw.inference.config import Config, ModelPart
from clawlaw.inference.gatekeeper import Caller, Gatekeeper, UnknownCallerError
from clawlaw.inference.journal import Journal
from clawlaw.inference.labels import labels_of
from clawlaw.inference.metrics import Metrics

_HEADER: Final = "X-ClawLaw-"
_LONGEST: Final = 4096  # characters of a header
_SMALL: Final = 64 << 10  # bytes of a request that no model sees
UNKNOWN: Final = "unknown"  # model of a request that names none of the room
MANAGED: Final = {
    "pull": "POST",
    "push": "POST",
    "create": "POST",
    "copy": "POST",
    "delete": "DELETE",
}
type Serve = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Service:
    """Everything that is served.

    Attributes:
        pending: Outcomes that are being reported.
    """

    def __init__(
        self,
        config: Config,
        backends: Backends,
        gate: Gatekeeper,
        metrics: Metrics,
        *,
        journal: Journal,
        today: Callable[[], str] = lambda: datetime.now(UTC).strftime("%Y-%m-%d"),
    ) -> None:
        """Serve; `today` is in the names of sessions of those who name none."""
        self._config = config
        self._backends = backends
        self._gate = gate
        self._metrics = metrics
        self._journal = journal
        self._today = today
        self._slots = asyncio.Semaphore(config.limits.streams)
        self._waiting = 0
        self.pending: set[asyncio.Task[bool]] = set()

    def application(self) -> web.Application:
        """All routes."""
        limits = self._config.limits
        app = web.Application(
            middlewares=[self._guard], client_max_size=limits.body_bytes
        )
        for path in reading.FIELDS:
            app.router.add_post(path, self._generate)
        for name, method in MANAGED.items():
            app.router.add_route(method, f"/api/{name}", self._manage)
        app.router.add_route("*", "/api/blobs/{digest}", self._manage)
        for path, serve in (
            ("/v1/models", self._models),
            ("/api/tags", self._tags),
            ("/api/ps", self._ps),
            ("/api/version", self._version),
        ):
            app.router.add_get(path, serve)
        app.router.add_get("/v1/models/{name:.+}", self._model)
        app.router.add_post("/api/show", self._show)
        app.router.add_get("/healthz", self._health)
        return app

    @web.middleware
    async def _guard(self, request: web.Request, handler: Serve) -> web.StreamResponse:
        """Every refusal in the shape of its protocol."""
        ollama = request.path.startswith("/api/")
        try:
            self._check_host(request)
            return await handler(request)
        except AskError as error:
            self._ended("refused")
            reason, status = str(error), error.status
            return replies.error(status, reason, error.remedy, ollama=ollama)
        except Ended as error:
            return replies.error(
                error.status, error.reason, error.remedy, error.name, ollama=ollama
            )
        except UnknownCallerError:
            self._ended("refused")
            remedy = "send the agent's own token as a bearer token"
            reason = "the gate does not know who asks"
            return replies.error(401, reason, remedy, ollama=ollama)
        except Denied as error:
            status = 503 if isinstance(error, GateUnavailable) else 403
            return replies.error(
                status, error.reason, error.remedy, error.id, ollama=ollama
            )
        except web.HTTPException as error:
            remedy = "docs/inference.md lists what is served"
            return replies.error(error.status, error.reason, remedy, ollama=ollama)

    def _check_host(self, request: web.Request) -> None:
        """A page in a browser cannot come in by a name of its own."""
        host = request.host.rpartition(":")[0] or request.host
        if host not in {self._config.listen.host, "localhost", "127.0.0.1", "[::1]"}:
            raise AskError(f"{host[:100]} is not this host", "use its address", 403)

    def _ended(self, end: str, model: str = UNKNOWN, tier: str = "") -> None:
        self._metrics.requests.labels(model, tier, end).inc()

    def spawn(self, work: Coroutine[Any, Any, bool]) -> "asyncio.Task[bool]":
        """Run a report to its end, whoever asked for it is gone or not."""
        task = asyncio.get_running_loop().create_task(work)
        self.pending.add(task)
        self._metrics.unsettled.set(len(self.pending))
        task.add_done_callback(self._reported)
        return task

    def _reported(self, task: "asyncio.Task[bool]") -> None:
        self.pending.discard(task)
        self._metrics.unsettled.set(len(self.pending))

    def _caller(self, request: web.Request) -> Caller:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not token or not token.isascii():
            raise UnknownCallerError
        said = {}
        for name in ("Session", "Purpose", "Directory", "Labels"):
            said[name] = value = request.headers.get(_HEADER + name, "")
            if len(value) > _LONGEST or not value.isprintable():
                raise AskError(f"{_HEADER}{name}: not plain text", "send plain text")
        directory = said["Directory"] or self._config.directory
        if not directory.startswith("/"):
            raise AskError(f"{_HEADER}Directory: not absolute", "begin it with /")
        for outcome in self._journal.lost(token):
            self.spawn(self._settled(token, outcome))
        session = said["Session"] or Caller.session_of(token, self._today())
        return Caller(token, session, said["Purpose"], directory)

    async def _settled(self, token: str, outcome: dict[str, Any]) -> bool:
        """Report what a process before this one owes."""
        taken = await self._gate.report(token, outcome, LATER, tried=True)
        if taken:
            self._journal.end(outcome["id"])
        return taken

    async def _body(self, request: web.Request, most: int = 0) -> bytes:
        if request.headers.get("Content-Encoding", "identity") != "identity":
            raise AskError("a packed body", "send it as it is", 415)
        if most and (request.content_length or 0) > most:
            raise AskError(f"more than {most} bytes", "send less", 413)
        try:
            async with asyncio.timeout(self._config.limits.read_seconds):
                return await request.read()
        except TimeoutError as error:
            raise AskError(
                "the request did not arrive", "send it at once", 408
            ) from error

    async def _generate(self, request: web.Request) -> web.StreamResponse:
        begin = time.perf_counter()
        caller = self._caller(request)
        asked = reading.read(request.path, await self._body(request))
        labels = self._labels(request, asked)
        model = await self._declared(caller, asked, labels)
        backend = self._engine(model, asked)
        bound = reading.bind(asked, model)
        async with self._turn(model, backend):
            allowed = await self._allowed(caller, asked, model, bound, labels)
            answer = Answer(
                request=request,
                asked=asked,
                model=model,
                backend=backend,
                caller=caller,
                allowed=allowed,
                bound=bound,
                labels=labels,
                gate=self._gate,
                metrics=self._metrics,
                limits=self._config.limits,
                spawn=self.spawn,
                journal=self._journal,
                begin=begin,
            )
            return await answer.run()

    def _labels(self, request: web.Request, asked: Asked) -> tuple[str, ...]:
        said = request.headers.get(_HEADER + "Labels", "")
        names = [name.strip() for name in said.split(",") if name.strip()]
        try:
            return labels_of(asked.texts, names, tools_spoke=asked.tools_spoke)
        except ValueError as error:
            raise AskError(f"{_HEADER}Labels: {error}", "use these") from error

    async def _declared(
        self, caller: Caller, asked: Asked, labels: tuple[str, ...]
    ) -> ModelPart:
        """The model that is asked for; one that is none is denied and recorded."""
        model = self._backends.model(asked.model)
        if model is not None:
            return model
        said = {"model": asked.model, "tokens": 0, "undeclared": True}
        said |= {"labels": list(labels), "api": asked.path}
        reason, remedy, name = (
            "no such model",
            "GET /v1/models lists those there are",
            "",
        )
        try:
            await self._gate.propose(caller, "model_generate", said, {})
        except GateUnavailable:
            raise
        except Denied as error:
            reason, remedy, name = error.reason, error.remedy or remedy, error.id
        self._ended("denied")
        raise Ended(404, f"{asked.model}: {reason}", remedy, name)

    def _engine(self, model: ModelPart, asked: Asked) -> Backend:
        backend = self._backends.of(model)
        if backend.part.engine == "mlx" and (asked.ollama or asked.embeds):
            remedy = "ask at /v1/chat/completions or /v1/completions"
            raise AskError(f"{model.name} is served by MLX", remedy)
        if not backend.up:
            self._ended("failed", model.name, backend.part.tier)
            remedy = "wait a moment; an operator sees backend_up"
            raise Ended(503, f"the engine {backend.part.name} does not answer", remedy)
        return backend

    @asynccontextmanager
    async def _turn(self, model: ModelPart, backend: Backend) -> AsyncIterator[None]:
        metrics, limits = self._metrics, self._config.limits
        if self._slots.locked() and self._waiting >= limits.queue:
            self._ended("overloaded", model.name, backend.part.tier)
            raise Ended(429, "too many requests wait", "ask again later")
        self._waiting += 1
        metrics.queue.set(self._waiting)
        try:
            async with asyncio.timeout(limits.seconds):
                await self._slots.acquire()
        except TimeoutError as error:
            self._ended("overloaded", model.name, backend.part.tier)
            raise Ended(503, "its turn did not come", "ask again later") from error
        finally:
            self._waiting -= 1
            metrics.queue.set(self._waiting)
        metrics.streams.inc()
        try:
            yield
        finally:
            metrics.streams.dec()
            self._slots.release()

    async def _allowed(
        self,
        caller: Caller,
        asked: Asked,
        model: ModelPart,
        bound: Bound,
        labels: tuple[str, ...],
    ) -> Allowed:
        tier = self._backends.of(model).part.tier
        said = {
            "model": model.name,
            "tokens": bound.tokens,
            "prompt": bound.prompt,
            "labels": list(labels),
            "tier": tier,
            "api": asked.path,
            "stream": asked.stream,
        }
        try:
            with self._metrics.governed(model.name, tier, "decide"):
                allowed = await self._gate.propose(
                    caller, "model_generate", said, {"mediated": True}
                )
        except Denied:
            self._ended("denied", model.name, tier)
            raise
        self._metrics.reserved.labels(model.name, tier).inc(bound.tokens)
        return allowed

    async def _manage(self, request: web.Request) -> web.StreamResponse:
        """What only an operator does; denied and recorded."""
        caller = self._caller(request)
        act, model = request.path.split("/")[2], ""
        if act != "blobs":
            data = {}
            with contextlib.suppress(strict.StrictError):
                data = strict.loads_object(await self._body(request, _SMALL))
            named = data.get("model") or data.get("name") or data.get("source") or ""
            model = str(named)[:200]
        self._ended("denied")
        said = {"act": act, "model": model}
        await self._gate.propose(caller, "model_manage", said, {})
        remedy = "an operator changes the declared models"
        raise Ended(403, f"{act}: models are not managed here", remedy)

    async def _known(self, request: web.Request) -> None:
        await self._gate.check(self._caller(request).token)

    async def _models(self, request: web.Request) -> web.StreamResponse:
        await self._known(request)
        return replies.openai_models(self._config.models)

    async def _model(self, request: web.Request) -> web.StreamResponse:
        await self._known(request)
        return replies.json(
            replies.openai_model(self._find(request.match_info["name"]))
        )

    def _find(self, name: object) -> ModelPart:
        model = self._backends.model(name) if isinstance(name, str) else None
        if model is None:
            remedy = "GET /v1/models lists those there are"
            raise AskError(f"{str(name)[:100]}: no such model", remedy, 404)
        return model

    async def _tags(self, request: web.Request) -> web.StreamResponse:
        await self._known(request)
        engines: dict[str, str] = {b.name: b.engine for b in self._config.backends}
        return replies.tags(self._config.models, engines)

    async def _ps(self, request: web.Request) -> web.StreamResponse:
        await self._known(request)
        loaded = await self._backends.loaded()
        named = [said | {"name": m.name, "model": m.name} for m, said in loaded]
        return replies.json({"models": named})

    async def _version(self, request: web.Request) -> web.StreamResponse:
        await self._known(request)
        for backend in self._backends:
            if backend.part.engine == "ollama":
                return await _passed(backend, "GET", "/api/version", None)
        raise AskError("no Ollama here", "ask at /v1", 404)

    async def _show(self, request: web.Request) -> web.StreamResponse:
        await self._known(request)
        try:
            data = strict.loads_object(await self._body(request, _SMALL))
        except strict.StrictError as error:
            raise AskError(f"the body is {error}", "send {model: NAME}") from error
        model = self._find(data.get("model") or data.get("name"))
        backend = self._backends.of(model)
        if backend.part.engine == "mlx":
            details = {"details": {"format": "mlx", "family": ""}, "model_info": {}}
            return replies.json(details | {"capabilities": ["completion"]})
        body = strict.dumps({"model": model.at_engine}).encode()
        return await _passed(backend, "POST", "/api/show", body)

    async def _health(self, _request: web.Request) -> web.StreamResponse:
        return replies.json({b.part.name: b.up for b in self._backends})


async def _passed(
    backend: Backend, method: str, path: str, body: bytes | None
) -> web.Response:
    try:
        status, answer = await backend.ask(method, path, body)
    except BackendError as error:
        raise Ended(502, str(error), "ask again") from error
    return web.Response(status=status, body=answer, content_type="application/json")
