"""A benchmark as data: which models, how asked, how often.

A scenario is a YAML file (benchmarks/inference/). Tokens of agents stand in files that
it names, never in it.
"""

from pathlib import Path
from typing import Annotated, Literal

import msgspec
import yaml
from msgspec import Meta, Struct

from forge.errors import InputError

Count = Annotated[int, Meta(ge=1, le=100_000)]


class Bandwidth(Struct, frozen=True, forbid_unknown_fields=True):
    """Memory bandwidth of the host that computes.

    Attributes:
        gb_per_s: 10^9 bytes a second; 0: it is measured, which is right only on the
            host itself.
        source: Where the number is from.
    """

    gb_per_s: Annotated[int, Meta(ge=0, le=100_000)] = 0
    source: str = ""


class Way(Struct, frozen=True, forbid_unknown_fields=True):
    """How a model is reached.

    Attributes:
        url: Of the engine, or of the proxy.
        model: Its name there.
        token_file: Of an agent's token; "": none is sent.
    """

    url: str
    model: str
    token_file: str = ""


class Target(Struct, frozen=True, forbid_unknown_fields=True):
    """One model, on one engine.

    Attributes:
        api: Ollama's chat, or OpenAI's.
        direct: To the engine; none where nobody but the proxy may reach it.
        governed: Through the proxy.
        read_bytes: That one token reads: the weights' file, for a dense model.
    """

    name: str
    engine: Literal["ollama", "mlx"]
    api: Literal["ollama", "openai"]
    read_bytes: Annotated[int, Meta(ge=1)]
    bandwidth: Bandwidth
    direct: Way | None = None
    governed: Way | None = None


class Gate(Struct, frozen=True, forbid_unknown_fields=True):
    """A gate whose latency is taken, idle and while models generate."""

    url: str
    token_file: str
    proposals: Count = 200


class Scenario(Struct, frozen=True, forbid_unknown_fields=True):
    """The whole of it.

    Attributes:
        words: Of a prompt, about; every prompt is another, so that no cache of
            prompts helps.
        max_tokens: Of an answer.
        warmup: Requests of each way before anything counts.
        requests: Of each way, that count.
        concurrency: At a time, one run each.
    """

    document: Literal["bench-inference"]
    name: str
    description: str
    targets: Annotated[tuple[Target, ...], Meta(min_length=1)]
    words: Count = 120
    max_tokens: Count = 64
    warmup: Count = 3
    requests: Count = 200
    concurrency: Annotated[tuple[Count, ...], Meta(min_length=1)] = (1,)
    gate: Gate | None = None


def load(path: Path) -> Scenario:
    """Read a scenario.

    Raises:
        InputError: It is none; the field is named.
    """
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
        return msgspec.convert(data, Scenario)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from error
    except (yaml.YAMLError, msgspec.ValidationError) as error:
        remedy = "docs/benchmarks.md says what a scenario holds"
        raise InputError(f"{path}: {error}", remedy=remedy) from error


def token_of(path: str) -> str:
    """The token in a file; "" where none is named.

    Raises:
        InputError: It cannot be read.
    """
    if not path:
        return ""
    try:
        return Path(path).expanduser().read_text(encoding="utf-8").strip()
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from error
