"""What the proxy does, in numbers, by model and tier."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)

from clawlaw.inference.host import memory

_BY: Final = ("model", "tier")
# Seconds: from a token that was waiting to a prompt of a large model.
FIRST: Final = (
    *(0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75),
    *(1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0),
)
RATES: Final = (1, 2, 4, 6, 8, 10, 15, 20, 30, 40, 60, 80, 120, 200, 400)  # tokens/s
GOVERNED: Final = (0.0005, 0.001, 0.002, 0.003, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1.0)


class Metrics:
    """Everything that is counted.

    Attributes:
        requests: Answered, by how they ended: done, denied, refused, failed, gone,
            overloaded.
        tokens: As engines reported, by kind: prompt, completion.
        governance: Seconds that the gate took, by stage: decide, calls, record.
    """

    def __init__(self) -> None:
        """Count from now on."""
        self.registry = CollectorRegistry()
        own: dict[str, Any] = {
            "registry": self.registry,
            "namespace": "clawlaw_inference",
        }
        self.requests = Counter("requests", "Requests", (*_BY, "end"), **own)
        self.tokens = Counter("tokens", "Tokens used", (*_BY, "kind"), **own)
        self.reserved = Counter(
            "reserved_tokens", "Tokens that decisions reserved", _BY, **own
        )
        self.first = Histogram(
            "first_token_seconds", "To the first token", _BY, buckets=FIRST, **own
        )
        self.rate = Histogram(
            "tokens_per_second", "Of one answer", _BY, buckets=RATES, **own
        )
        self.seconds = Histogram(
            "request_seconds", "To the end of the answer", _BY, buckets=FIRST, **own
        )
        self.governance = Histogram(
            "governance_seconds",
            "That the gate took",
            (*_BY, "stage"),
            buckets=GOVERNED,
            **own,
        )
        self.calls = Counter(
            "tool_calls", "Tool calls in answers", (*_BY, "verdict"), **own
        )
        self.streams = Gauge("streams", "Requests that are answered now", **own)
        self.queue = Gauge("queue_requests", "Requests that wait for a turn", **own)
        self.unsettled = Gauge(
            "outcomes_pending", "Outcomes that the gate has not taken yet", **own
        )
        self.up = Gauge("backend_up", "1: the engine answers", ("backend",), **own)
        self.loaded = Gauge(
            "model_loaded_bytes", "Memory of a loaded model", (*_BY, "backend"), **own
        )
        told = Gauge("host_memory_bytes", "Memory of the host", ("kind",), **own)
        for kind in ("total", "available", "swap_total", "swap_used"):
            told.labels(kind).set_function(lambda k=kind: float(getattr(memory(), k)))  # type: ignore[misc]  # bound now

    @contextmanager
    def governed(self, model: str, tier: str, stage: str) -> Iterator[None]:
        """Take the time of a question to the gate."""
        begin = time.perf_counter()
        try:
            yield
        finally:
            spent = time.perf_counter() - begin
            self.governance.labels(model, tier, stage).observe(spent)

    def text(self) -> bytes:
        """For Prometheus."""
        return generate_latest(self.registry)
