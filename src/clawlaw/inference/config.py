"""The configuration of the proxy: one closed YAML document that only its owner reads.

document: inference
gate: {url: "http://127.0.0.1:8787"}
listen: {host: 127.0.0.1, port: 11435}
backends: [{name: ollama, engine: ollama, url: "http://127.0.0.1:11434", tier: II}]
models: [{name: small, backend: ollama, served: "gemma3:270m", context: 4096}]
"""

import ipaddress
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from msgspec import Meta, Struct

from clawlaw.policy.document import convert_source
from clawlaw.policy.errors import nearest
from clawlaw.policy.source import Place, Source, read_source
from clawlaw.private import read_private

Name = Annotated[str, Meta(min_length=1, max_length=200, pattern="^[!-~]+$")]
Port = Annotated[int, Meta(ge=1, le=65_535)]
Seconds = Annotated[int, Meta(ge=1, le=86_400)]
Tokens = Annotated[int, Meta(ge=1, le=10_000_000)]
type Engine = Literal["ollama", "mlx"]


class GatePart(Struct, frozen=True, forbid_unknown_fields=True):
    """Where the gate listens.

    Attributes:
        url: Of its TCP listener on loopback, with the rights propose and outcome.
        seconds: For one answer; no answer is a denial.
    """

    url: str
    seconds: Seconds = 5


class ListenPart(Struct, frozen=True, forbid_unknown_fields=True):
    """An address on loopback."""

    host: str
    port: Port


class BackendPart(Struct, frozen=True, forbid_unknown_fields=True):
    """An engine that answers.

    Attributes:
        url: Its address; plain HTTP, on loopback or the inference wire.
        tier: Of its host: II the boundary, III the inference host.
    """

    name: Name
    engine: Engine
    url: str
    tier: Literal["II", "III"]


class ModelPart(Struct, frozen=True, forbid_unknown_fields=True):
    """A model that may be asked for.

    Attributes:
        name: As clients ask for it.
        backend: Name of the engine that has it.
        served: Its name at the engine; "": the same.
        context: Tokens of the window that the engine gives it.
        max_tokens: That one answer may have.
        digest: Of its file, as declared.
    """

    name: Name
    backend: Name
    context: Tokens
    served: str = ""
    max_tokens: Tokens = 1024
    digest: Annotated[str, Meta(max_length=128)] = ""

    @property
    def at_engine(self) -> str:
        """Its name there."""
        return self.served or self.name


class LimitsPart(Struct, frozen=True, forbid_unknown_fields=True):
    """What the proxy bears.

    Attributes:
        streams: Requests that are answered at a time.
        queue: Further ones that wait for their turn.
        body_bytes: Of one request.
        answer_bytes: Of one answer, also of what is held back to be judged.
        seconds: From a request to the end of its answer.
        read_seconds: For a request to arrive.
        silence: Seconds that an engine may say nothing.
        settle: Seconds that the end of an answer waits for its record.
    """

    streams: Annotated[int, Meta(ge=1, le=4096)] = 64
    queue: Annotated[int, Meta(ge=0, le=65_536)] = 256
    body_bytes: Annotated[int, Meta(ge=1024, le=64 << 20)] = 8 << 20
    answer_bytes: Annotated[int, Meta(ge=1024, le=256 << 20)] = 16 << 20
    seconds: Seconds = 600
    read_seconds: Seconds = 10
    silence: Seconds = 300
    settle: Seconds = 30


class Config(Struct, frozen=True, forbid_unknown_fields=True):
    """The whole of it.

    Attributes:
        metrics: Where Prometheus reads; none: nowhere.
        directory: That tool calls of answers are relative to, where the client says
            none.
        journal: Folder of the proxy's own for answers that are not settled; "": none.
    """

    document: Literal["inference"]
    gate: GatePart
    listen: ListenPart
    backends: tuple[BackendPart, ...] = ()
    models: tuple[ModelPart, ...] = ()
    limits: LimitsPart = LimitsPart()
    metrics: ListenPart | None = None
    directory: Annotated[str, Meta(pattern="^/", max_length=4096)] = "/"
    journal: Annotated[str, Meta(pattern="^(/.+)?$", max_length=4096)] = ""


def read_config(path: Path) -> Config:
    """Read and check the configuration.

    Raises:
        PolicyError: What is wrong, with file, line and remedy.
        PrivateFileError: It cannot be read, or others could read or change it.
    """
    source = read_source(str(path), read_private(path))
    config = convert_source(source, Config)
    _check_url(config.gate.url, source, ("gate", "url"), loopback=True)
    _check_listen(config.listen, source, ("listen", "host"))
    if config.metrics is not None:
        _check_listen(config.metrics, source, ("metrics", "host"))
    known: set[str] = set()
    for number, backend in enumerate(config.backends):
        place: Place = ("backends", number)
        if backend.name in known:
            raise source.error(place, f"backend {backend.name!r} stands twice")
        known.add(backend.name)
        _check_url(backend.url, source, (*place, "url"), loopback=False)
    _check_models(config, known, source)
    return config


def _check_models(config: Config, backends: set[str], source: Source) -> None:
    names: set[str] = set()
    for number, model in enumerate(config.models):
        place: Place = ("models", number)
        if model.name in names:
            raise source.error(place, f"model {model.name!r} stands twice")
        names.add(model.name)
        if model.backend not in backends:
            problem = f"no backend {model.backend!r}"
            hint = nearest(model.backend, backends)
            raise source.error((*place, "backend"), problem, hint)
        if model.max_tokens > model.context:
            problem = f"max_tokens {model.max_tokens} is more than its context"
            raise source.error((*place, "max_tokens"), problem)


def _check_listen(listen: ListenPart, source: Source, place: Place) -> None:
    if not _is_loopback(listen.host):
        problem = f"{listen.host} is not loopback; agents on this machine are served"
        raise source.error(place, problem)


def _check_url(url: str, source: Source, place: Place, *, loopback: bool) -> None:
    try:
        parts = urlsplit(url)
        port, host = parts.port, parts.hostname or ""
    except ValueError as error:
        raise source.error(place, f"{url!r} is no address ({error})") from error
    plain = not (parts.path.strip("/") or parts.query or parts.username)
    if parts.scheme != "http" or not host or not port or not plain:
        raise source.error(place, f"{url!r}: expected http://ADDRESS:PORT")
    if loopback and not _is_loopback(host):
        raise source.error(place, f"{host} is not loopback; tokens would travel")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
