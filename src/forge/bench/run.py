"""Runs a scenario: both ways in turn, so that what else the host does hits both."""

import asyncio
import os
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from forge.bench import roofline
from forge.bench.ask import AnswerError, Sample, ask
from forge.bench.scenario import Gate, Scenario, Target, Way, token_of

WORDS = [
    "river",
    "stone",
    "window",
    "garden",
    "engine",
    "paper",
    "bridge",
    "winter",
    "signal",
    "copper",
    "market",
    "valley",
    "lantern",
    "harbor",
    "meadow",
    "circle",
    "ladder",
    "mirror",
    "forest",
    "candle",
]
MOST_BROKEN = 5  # in a row
type Note = Callable[[str], None]


@dataclass
class Measured:
    """Samples of one way, at one concurrency.

    Attributes:
        seconds: Of the whole run of this way.
        broken: Answers that broke off, each asked again with another prompt.
    """

    way: str
    concurrency: int
    samples: list[Sample] = field(default_factory=list)
    seconds: float = 0.0
    broken: int = 0


@dataclass
class Result:
    """One target.

    Attributes:
        roof: Tokens a second that the bandwidth allows one stream.
        bandwidth: Bytes a second, and where the number is from.
        memory: Of the engine, resident bytes; 0: not on this host.
    """

    target: Target
    roof: float
    bandwidth: tuple[float, str]
    runs: list[Measured] = field(default_factory=list)
    memory: int = 0


@dataclass
class Report:
    """What a scenario gave.

    Attributes:
        gate: Seconds of each proposal, by what models did meanwhile.
        host: What the numbers were taken on.
    """

    scenario: Scenario
    results: list[Result] = field(default_factory=list)
    gate: dict[str, list[float]] = field(default_factory=dict)
    host: dict[str, Any] = field(default_factory=dict)


def prompt_of(number: int, words: int) -> str:
    """A prompt that no other request of the run begins like."""
    draw = random.Random(number)  # noqa: S311  # words, no secret
    text = " ".join(draw.choice(WORDS) for _ in range(words))
    return f"{number} {text}. Write a long story with these words."


async def run(scenario: Scenario, note: Note, engines: Mapping[str, int]) -> Report:
    """Measure everything.

    Args:
        scenario: What.
        note: Is told how far it is.
        engines: Process ids of local engines, by kind, whose memory is taken.

    Raises:
        AnswerError: A request was not answered.
    """
    report = Report(scenario, host=_host())
    limits = aiohttp.ClientTimeout(total=None, sock_read=600)
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(timeout=limits, connector=connector) as session:
        for target in scenario.targets:
            report.results.append(await _target(session, scenario, target, note))
            process = engines.get(target.engine, 0)
            report.results[-1].memory = resident(process)
        if scenario.gate is not None:
            await _gate(session, scenario, scenario.gate, report, note)
    return report


async def _target(
    session: aiohttp.ClientSession, scenario: Scenario, target: Target, note: Note
) -> Result:
    given = target.bandwidth.gb_per_s * 1e9
    source = target.bandwidth.source or "given"
    if not given:
        given, source = roofline.measured(), "measured here: one core copies"
    roof = roofline.tokens_per_second(given, target.read_bytes)
    result = Result(target, roof, (given, source))
    ways = [("direct", target.direct), ("governed", target.governed)]
    present = [(name, way) for name, way in ways if way is not None]
    asking = _Asking(session, scenario, target)
    for name, way in present:
        for _ in range(scenario.warmup):
            await asking.once(Measured(name, 1), way)
    for concurrency in scenario.concurrency:
        runs = [Measured(name, concurrency) for name, _ in present]
        rounds = -(-scenario.requests // concurrency)
        for turn in range(rounds):
            note(f"{target.name} x{concurrency}: {turn + 1}/{rounds}")
            for measured, (_, way) in _in_turn(runs, present, turn):
                begin = time.perf_counter()
                asked = [asking.once(measured, way) for _ in range(concurrency)]
                measured.samples += await asyncio.gather(*asked)
                measured.seconds += time.perf_counter() - begin
        result.runs += runs
    return result


@dataclass
class _Asking:
    """Requests of one target, each with a prompt of its own."""

    session: aiohttp.ClientSession
    scenario: Scenario
    target: Target
    number: int = 0

    async def once(self, measured: Measured, way: Way) -> Sample:
        """One whole answer; one that breaks off counts as broken and is asked anew.

        Raises:
            AnswerError: Too many in a row broke off.
        """
        for left in reversed(range(MOST_BROKEN)):
            self.number += 1
            prompt = prompt_of(self.number, self.scenario.words)
            most = self.scenario.max_tokens
            try:
                return await ask(self.session, self.target, way, prompt, most)
            except (AnswerError, aiohttp.ClientError) as error:
                measured.broken += 1
                if not left:
                    raise AnswerError(f"{way.url}: {error}") from error
        raise AssertionError  # the last one returned or raised


def _in_turn(
    runs: list[Measured], ways: list[tuple[str, Way]], turn: int
) -> list[tuple[Measured, tuple[str, Way]]]:
    """Both ways, the other one first every other time."""
    pairs = list(zip(runs, ways, strict=True))
    return pairs if turn % 2 == 0 else pairs[::-1]


async def _gate(
    session: aiohttp.ClientSession,
    scenario: Scenario,
    gate: Gate,
    report: Report,
    note: Note,
) -> None:
    """How long the gate takes for a decision, idle and while a model generates."""
    note("gate: idle")
    report.gate["idle"] = await _proposals(session, gate)
    target = scenario.targets[0]
    way = target.governed or target.direct
    if way is None:
        return
    stop = asyncio.Event()

    asking = _Asking(session, scenario, target, 10**9)

    async def generate() -> None:
        while not stop.is_set():
            await asking.once(Measured("busy", 1), way)

    note("gate: during generation")
    busy = asyncio.create_task(generate())
    await asyncio.sleep(0.5)
    report.gate["during generation"] = await _proposals(session, gate)
    stop.set()
    await busy


async def _proposals(session: aiohttp.ClientSession, gate: Gate) -> list[float]:
    headers = {"Authorization": f"Bearer {token_of(gate.token_file)}"}
    found = []
    for number in range(gate.proposals):
        said = {
            "session": f"bench-{os.getpid()}",
            "tool": "think",
            "arguments": {"thought": str(number)},
            "cwd": "/",
        }
        begin = time.perf_counter()
        async with session.post(
            f"{gate.url}/v1/proposals", json=said, headers=headers
        ) as answer:
            await answer.read()
        found.append(time.perf_counter() - begin)
        await asyncio.sleep(0.005)
    return found


def resident(process: int) -> int:
    """Resident memory of a process and its children, bytes; Linux."""
    total = 0
    for entry in Path("/proc").glob("[0-9]*") if process else ():
        try:
            status = (entry / "status").read_text()
        except OSError:
            continue
        fields = dict(
            line.split(":\t", 1) for line in status.splitlines() if ":\t" in line
        )
        if str(process) in {fields.get("Pid"), fields.get("PPid")}:
            total += int(fields.get("VmRSS", "0 kB").split()[0]) * 1024
    return total


def _host() -> dict[str, Any]:
    name = ""
    info = Path("/proc/cpuinfo")
    if info.exists():
        lines = info.read_text().splitlines()
        name = next(
            (x.partition(":")[2].strip() for x in lines if "model name" in x), ""
        )
    system = os.uname()
    return {
        "cpu": name or system.machine,
        "cores": os.cpu_count(),
        "system": f"{system.sysname} {system.release}",
        "load": round(os.getloadavg()[0], 1),
    }
