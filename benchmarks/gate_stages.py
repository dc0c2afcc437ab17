"""Where the time of an action goes: a table that adds up, from the gate's own metrics.

The gate counts the seconds of each stage. What they do not explain of what the client
waited for is sockets, event loop, waking up, and the client itself: the floor has all
of that too, beside a write and a sync.
"""

from collections.abc import Callable, Iterable
from statistics import median
from time import perf_counter

from decide import Subject

from clawlaw.core import composition, kernel
from clawlaw.policy.builtin import builtin
from clawlaw.policy.compile import load

STAGES = ("http", "decode", "analyse", "facts", "decide", "record", "sync", "answer")
REST = "sockets, loop, client"

type Sums = dict[str, tuple[float, float]]  # seconds, count


def sums(text: str) -> Sums:
    """Seconds and count of each stage, from a scrape."""
    found: dict[str, dict[str, float]] = {}
    for line in text.splitlines():
        for part in ("sum", "count"):
            start = f'clawlaw_stage_seconds_{part}{{stage="'
            if line.startswith(start):
                name, value = line.removeprefix(start).split('"} ')
                found.setdefault(name, {})[part] = float(value)
    return {name: (both["sum"], both["count"]) for name, both in found.items()}


class Stages:
    """Stages of several phases, each of actions one after another.

    Attributes:
        seconds: By phase and stage.
        actions: By phase.
        syncs: By phase.
    """

    def __init__(self, scrape: Callable[[], str]) -> None:
        """Ask for the gate's metrics by `scrape`."""
        self._scrape = scrape
        self.seconds: dict[str, dict[str, float]] = {}
        self.actions: dict[str, float] = {}
        self.syncs: dict[str, float] = {}

    def during[T](self, phase: str, run: Callable[[], T]) -> T:
        """Run a part of a phase."""
        before = sums(self._scrape())
        done = run()
        after = sums(self._scrape())
        seconds = self.seconds.setdefault(phase, {})
        for stage, (total, count) in after.items():
            was, counted = before.get(stage, (0.0, 0.0))
            seconds[stage] = seconds.get(stage, 0.0) + total - was
            if stage == "decide":
                self.actions[phase] = self.actions.get(phase, 0) + count - counted
            if stage == "sync":
                self.syncs[phase] = self.syncs.get(phase, 0) + count - counted
        return done

    def means(self, phase: str, waited: Iterable[float]) -> dict[str, float]:
        """Milliseconds of each stage of an action, the rest, and the whole.

        Args:
            phase: That ran.
            waited: Milliseconds that the client waited for each action.
        """
        all_of_it = list(waited)
        whole = sum(all_of_it) / len(all_of_it)
        found = {
            stage: self.seconds[phase].get(stage, 0.0) * 1000 / self.actions[phase]
            for stage in STAGES
        }
        return {**found, REST: whole - sum(found.values()), "whole": whole}

    def together(self, phase: str) -> float:
        """Actions of one sync."""
        return self.actions[phase] / self.syncs[phase]


def tracer(times: int = 4000) -> float:
    """Microseconds (p50) of the patterns in one action, reading and writing in turn.

    0 where they are compiled: their caller then does not look them up by name.
    """
    subject = Subject(load(builtin("forge")))
    once = subject.decision(
        ("read", {"path": "src/app.py"}),
        ("write", {"path": "src/app.py", "content": "x = 1\n"}),
    )
    spent = [0.0]
    observe, close = composition.observe, composition.close

    def timed[**P, T](call: Callable[P, T]) -> Callable[P, T]:
        def wrapped(*args: P.args, **kwargs: P.kwargs) -> T:
            begin = perf_counter()
            try:
                return call(*args, **kwargs)
            finally:
                spent[-1] += perf_counter() - begin

        return wrapped

    kernel.composition.observe = timed(observe)
    kernel.composition.close = timed(close)
    try:
        for _ in range(times):
            once()
            spent.append(0.0)
    finally:
        kernel.composition.observe, kernel.composition.close = observe, close
    return median(spent[:-1]) * 1e6


def show(means: dict[str, dict[str, float]], floors: dict[str, float]) -> None:
    """Print the table.

    Args:
        means: Of `Stages.means`, by phase.
        floors: Mean milliseconds of the floor, by phase.
    """
    print(f"{'mean ms of an action':<26}" + "".join(f"{p:>12}" for p in means))
    for stage in (*STAGES, REST, "whole"):
        row = "".join(f"{found[stage]:12.3f}" for found in means.values())
        print(f"  {stage:<24}{row}")
    print(f"  {'floor, whole':<24}" + "".join(f"{floors[p]:12.3f}" for p in means))
