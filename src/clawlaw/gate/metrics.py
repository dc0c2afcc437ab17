"""What the gate does, in numbers: counted on the hot path, shaped when asked.

Counting costs a list's increment; the form of Prometheus is made for each scrape.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from clawlaw.core.actions import KIND_OF
from clawlaw.evidence.schema import Decided
from clawlaw.gate.evaluator import Evaluation
from clawlaw.gate.replies import NAMES, Reply

# Seconds: from a twentieth of a millisecond to fifty of them.
BUCKETS: Final = (
    *(0.00005, 0.0001, 0.0002, 0.0003, 0.0005, 0.00075),
    *(0.001, 0.002, 0.003, 0.005, 0.01, 0.025, 0.05),
)
AGES: Final = (60, 300, 900)  # seconds that an escalation waits
MAX_TAKEN: Final = 256  # times that wait to be counted
CONTENT: Final = b"text/plain; version=0.0.4; charset=utf-8"


class Histogram:
    """Counts by bucket."""

    __slots__ = ("counts", "total")

    def __init__(self) -> None:
        """Begin with none."""
        self.counts = [0] * (len(BUCKETS) + 1)
        self.total = 0.0

    def observe(self, seconds: float) -> None:
        """Count one."""
        self.counts[bisect_left(BUCKETS, seconds)] += 1
        self.total += seconds

    def buckets(self) -> list[tuple[str, float]]:
        """Cumulative, as Prometheus wants them."""
        found, so_far = [], 0
        for bound, count in zip((*map(str, BUCKETS), "+Inf"), self.counts, strict=True):
            so_far += count
            found.append((bound, float(so_far)))
        return found


@dataclass(frozen=True, slots=True)
class Standing:
    """How the gate stands when it is asked.

    Attributes:
        queue: Requests that wait for a flush.
        connections: Open ones.
        sessions: Open ones.
        quarantined: Of these, shut off.
        permits: Not redeemed yet.
        entries: In the log.
        lag: Milliseconds that the witnesses are behind; 0 where none are configured.
        latched: Nothing can be recorded any more.
        observe: Nothing is stopped.
        ages: Seconds that each pending escalation waits.
        unrecorded: Denials without an entry each, by reason.
    """

    queue: int
    connections: int
    sessions: int
    quarantined: int
    permits: int
    entries: int
    lag: int
    latched: bool
    observe: bool
    ages: tuple[float, ...]
    unrecorded: Mapping[str, int]


class Metrics(Collector):
    """Everything that is counted.

    Attributes:
        standing: Asked at each scrape.
    """

    def __init__(self, standing: Callable[[], Standing]) -> None:
        """Count from now on; `standing` is asked at each scrape."""
        self.standing = standing
        self._stages: dict[str, Histogram] = {}
        self._taken: list[tuple[Sequence[str], Sequence[float]]] = []
        self._verdicts: dict[tuple[str, str], int] = {}
        self._findings: dict[tuple[str, str, str], int] = {}
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)

    def timed(self, stages: Sequence[str], times: Sequence[float]) -> None:
        """Take when stages began, and when the last one ended; in seconds."""
        self._taken.append((stages, times))
        if len(self._taken) >= MAX_TAKEN:
            self._observe()

    def _observe(self) -> None:
        taken, self._taken = self._taken, []
        for stages, times in taken:
            for stage, (begin, end) in zip(stages, pairwise(times), strict=True):
                found = self._stages.get(stage)
                if found is None:
                    found = self._stages[stage] = Histogram()
                found.observe(end - begin)

    def judged(self, decided: Decided, done: Evaluation) -> None:
        """Count a decision: by verdict, and its findings by law and kind."""
        key = NAMES[done.decision.verdict], decided.enforcement
        self._verdicts[key] = self._verdicts.get(key, 0) + 1
        findings, effects = self._findings, done.effects
        for finding in done.decision.findings:
            index = finding.effect
            kind = KIND_OF[type(effects[index])] if index >= 0 else "proposal"
            name = "allow" if finding.waived else NAMES[finding.verdict]
            place = name, str(finding.law), kind
            findings[place] = findings.get(place, 0) + 1

    def reply(self) -> Reply:
        """The answer to a scrape."""
        return Reply(200, generate_latest(self._registry), kind=CONTENT)

    def collect(self) -> Iterable[Metric]:
        """Families of metrics, for the registry."""
        yield from self._counted()
        yield from _stood(self.standing())

    def _counted(self) -> Iterator[Metric]:
        self._observe()
        stages = HistogramMetricFamily(
            "clawlaw_stage_seconds", "Time of one stage of a request", labels=["stage"]
        )
        for stage, histogram in sorted(self._stages.items()):
            stages.add_metric([stage], histogram.buckets(), histogram.total)
        yield stages
        verdicts = CounterMetricFamily(
            "clawlaw_verdicts", "Decisions", labels=["verdict", "enforcement"]
        )
        for names, count in sorted(self._verdicts.items()):
            verdicts.add_metric(list(names), count)
        yield verdicts
        findings = CounterMetricFamily(
            "clawlaw_findings",
            "What laws said of effects",
            labels=["verdict", "law", "kind"],
        )
        for places, count in sorted(self._findings.items()):
            findings.add_metric(list(places), count)
        yield findings


def _stood(now: Standing) -> Iterator[Metric]:
    uncounted = CounterMetricFamily(
        "clawlaw_unrecorded", "Denials without an entry each", labels=["reason"]
    )
    for reason, count in sorted(now.unrecorded.items()):
        uncounted.add_metric([reason], count)
    yield uncounted
    for name, said, value in (
        ("queue_requests", "Requests that wait for a flush", now.queue),
        ("connections", "Open connections", now.connections),
        ("sessions", "Open sessions", now.sessions),
        ("sessions_quarantined", "Sessions that are shut off", now.quarantined),
        ("permits", "Permits that were not redeemed", now.permits),
        ("log_entries", "Entries in the evidence log", now.entries),
        ("evidence_lag_seconds", "How far the witnesses are behind", now.lag / 1000),
        ("latched", "1: nothing can be recorded, everything is denied", now.latched),
        ("observe", "1: verdicts are recorded and nothing is stopped", now.observe),
        (
            "escalation_oldest_seconds",
            "Age of the oldest pending escalation",
            max(now.ages, default=0.0),
        ),
    ):
        yield GaugeMetricFamily(f"clawlaw_{name}", said, float(value))
    pending = GaugeMetricFamily(
        "clawlaw_escalations", "Pending escalations by age", labels=["age"]
    )
    low = 0
    for high in (*AGES, None):
        count = sum(low <= age and (high is None or age < high) for age in now.ages)
        name = f"{low}s-{high}s" if high else f"over {low}s"
        pending.add_metric([name], count)
        low = high or low
    yield pending
