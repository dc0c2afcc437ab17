"""The engines: where they are, whether they answer, what they have loaded."""

import asyncio
import contextlib
from dataclasses import dataclass
from typing import Any, Final

import aiohttp

from clawlaw.inference import strict
from clawlaw.inference.config import BackendPart, Config, ModelPart
from clawlaw.inference.metrics import Metrics

LOOK: Final = 5.0  # seconds between two looks at an engine
_HEALTH: Final = {"ollama": "/api/version", "mlx": "/health"}
_OK: Final = 200
_ANSWER: Final = 4 << 20  # bytes of a small answer


class BackendError(Exception):
    """An engine cannot be asked; says why."""


async def read_up_to(answer: aiohttp.ClientResponse, limit: int) -> bytes:
    """The first ``limit`` bytes of a body, or all of it.

    One ``read(limit)`` would return what has arrived by then.
    """
    said = bytearray()
    while len(said) < limit and (piece := await answer.content.read(limit - len(said))):
        said += piece
    return bytes(said)


@dataclass(slots=True)
class Backend:
    """One engine.

    Attributes:
        up: It answered when it was looked at last.
    """

    part: BackendPart
    session: aiohttp.ClientSession
    up: bool = False

    def url(self, path: str) -> str:
        """Address of a path."""
        return self.part.url.rstrip("/") + path

    async def ask(
        self, method: str, path: str, body: bytes | None = None
    ) -> tuple[int, bytes]:
        """A small question that no model answers.

        Raises:
            BackendError: There is no answer.
        """
        limit = aiohttp.ClientTimeout(total=LOOK)
        headers = {"Content-Type": "application/json"} if body else {}
        try:
            async with self.session.request(
                method, self.url(path), data=body, timeout=limit, headers=headers
            ) as answer:
                said = await read_up_to(answer, _ANSWER + 1)
                if len(said) > _ANSWER:
                    what = f"answers {path} with more than {_ANSWER >> 20} MiB"
                    raise BackendError(f"{self.part.name} {what}")
                return answer.status, said
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise BackendError(f"{self.part.name}: {type(error).__name__}") from error

    async def look(self) -> None:
        """See whether it answers."""
        try:
            status, _ = await self.ask("GET", _HEALTH[self.part.engine])
        except BackendError:
            status = 0
        self.up = status == _OK

    async def loaded(self) -> list[dict[str, Any]]:
        """Models that Ollama has in memory, as it says; none of another engine."""
        if self.part.engine != "ollama" or not self.up:
            return []
        try:
            _, body = await self.ask("GET", "/api/ps")
            models = strict.loads_object(body).get("models") or []
        except (BackendError, strict.StrictError):
            return []
        return [m for m in models if isinstance(m, dict)]


class Backends:
    """All engines, and the models that are declared on them."""

    def __init__(self, config: Config, metrics: Metrics) -> None:
        """Serve the declared models; :meth:`start` begins to look at the engines."""
        self._config = config
        self._metrics = metrics
        self._all: dict[str, Backend] = {}
        self._models = {model.name: model for model in config.models}
        for model in config.models:  # Ollama adds the tag that means no tag
            if model.name.endswith(":latest"):
                short = model.name.removesuffix(":latest")
                self._models.setdefault(short, model)
            elif ":" not in model.name:
                self._models.setdefault(f"{model.name}:latest", model)
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Open connections and look for the first time."""
        silence = self._config.limits.silence
        limits = aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=silence)
        for part in self._config.backends:
            session = aiohttp.ClientSession(
                timeout=limits,
                connector=aiohttp.TCPConnector(limit=0),
                auto_decompress=False,
                headers={"Accept-Encoding": "identity", "User-Agent": "clawlaw"},
                cookie_jar=aiohttp.DummyCookieJar(),
            )
            self._all[part.name] = Backend(part, session)
        await self._look()
        self._task = asyncio.create_task(self._keep_looking())

    async def close(self) -> None:
        """Close every connection."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        for backend in self._all.values():
            await backend.session.close()

    def model(self, name: str) -> ModelPart | None:
        """A declared model."""
        return self._models.get(name)

    def of(self, model: ModelPart) -> Backend:
        """The engine of a model."""
        return self._all[model.backend]

    def __iter__(self) -> Any:  # noqa: ANN401  # iterator of backends
        """Every engine."""
        return iter(self._all.values())

    async def loaded(self) -> list[tuple[ModelPart, dict[str, Any]]]:
        """Declared models that are in memory, with what the engine says of each."""
        found = []
        for backend in self._all.values():
            told = {str(m.get("name")): m for m in await backend.loaded()}
            for model in self._config.models:
                if model.backend != backend.part.name:
                    continue
                names = (model.at_engine, f"{model.at_engine}:latest")
                said = next((told[n] for n in names if n in told), None)
                if said is not None:
                    found.append((model, said))
        return found

    async def _keep_looking(self) -> None:
        while True:
            await asyncio.sleep(LOOK)
            await self._look()

    async def _look(self) -> None:
        await asyncio.gather(*(backend.look() for backend in self._all.values()))
        for backend in self._all.values():
            self._metrics.up.labels(backend.part.name).set(backend.up)
        self._metrics.loaded.clear()
        for model, said in await self.loaded():
            size = said.get("size")
            part = self.of(model).part
            self._metrics.loaded.labels(model.name, part.tier, part.name).set(
                size if isinstance(size, int) else 0
            )
