"""The gate killed at random instants: no allow without a durable record.

`CLAWLAW_KILLS` says how often; `make test-faults` kills five hundred times, one log no
more than fifty times.
"""

import contextlib
import http.client
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.integration.gate.house import ORIGIN, START, House

from clawlaw.evidence.schema import Decided, Entry, Performed, Started

KILLS = int(os.environ.get("CLAWLAW_KILLS", "50"))
OF_ONE_LOG = 50
AGENTS = 8
LONGEST = 0.4  # seconds that a run is asked before it is killed
FORKING = Path(__file__).with_name("forking.py")


class Agent(threading.Thread):
    """Proposes and reports until the gate is gone; keeps what it was answered."""

    def __init__(self, house: House, number: int, stop: threading.Event) -> None:
        super().__init__(name=f"agent{number}")
        self.house = house
        self.number = number
        self.stop = stop
        self.allowed: list[str] = []
        self.reported: list[str] = []

    def run(self) -> None:
        connection = self.house.connection()
        who = ("developer", "operator")[self.number % 2]
        turn = 0
        try:
            while not self.stop.is_set():
                turn += 1
                answer = self.house.propose(
                    session=f"a{self.number}",
                    path=f"src/f{turn % 50}.py",
                    connection=connection,
                    who=who,
                )
                if answer["verdict"] == "allow":
                    self.allowed.append(answer["id"])
                    said = {"id": answer["id"], "exit": 0, "text": "ok"}
                    done = self.house.ask(
                        "POST", "/v1/outcomes", said, connection=connection, who=who
                    )
                    if done[0] == 200:
                        self.reported.append(answer["id"])
        except (OSError, http.client.HTTPException, json.JSONDecodeError):
            pass
        finally:
            connection.close()


class Runs:
    """Runs of one gate, each a process that is killed and the next one recovers."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.child = 0
        with house.errors.open("ab") as errors:
            self.process = subprocess.Popen(
                [sys.executable, str(FORKING), str(house.config)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                cwd=house.folder,
            )
        assert self._line() == "ready", house.errors.read_text()

    def _line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def start(self) -> None:
        """Fork a run and wait until it serves."""
        assert self.process.stdin is not None
        self.process.stdin.write("run\n")
        self.process.stdin.flush()
        self.child = int(self._line())
        until = time.monotonic() + START
        while time.monotonic() < until:
            with contextlib.suppress(OSError, http.client.HTTPException):
                if self.house.ask("GET", "/healthz")[0] == 200:
                    return
            time.sleep(0.01)
        raise AssertionError(self.house.errors.read_text())

    def kill(self) -> None:
        """End the run where it stands."""
        os.kill(self.child, signal.SIGKILL)
        assert self._line() == str(-signal.SIGKILL)

    def end(self) -> None:
        """No more runs; one that is still there is killed."""
        if self.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.child, signal.SIGKILL)
        self.process.communicate()


@pytest.fixture
def runs(make_house: Callable[..., House]) -> Iterator[Runs]:
    """None of them started."""
    house = make_house()
    house.configure(
        evidence={
            "folder": str(house.log),
            "origin": ORIGIN,
            "key": str(house.folder / "log.pem"),
            # Small: some runs are killed where a segment or a snapshot is made.
            "segment": 1 << 18,
            "snapshot": 100,
        }
    )
    made = Runs(house)
    yield made
    made.end()


@pytest.mark.parametrize("first", range(0, KILLS, OF_ONE_LOG))
def test_no_allow_without_a_record_however_often_it_is_killed(
    runs: Runs, first: int
) -> None:
    house = runs.house
    pause = random.Random(20_260_101 + first)  # noqa: S311  # the same each time
    kills = min(OF_ONE_LOG, KILLS - first)
    allowed: set[str] = set()
    reported: set[str] = set()
    for _ in range(kills):
        runs.start()
        stop = threading.Event()
        agents = [Agent(house, number, stop) for number in range(AGENTS)]
        for agent in agents:
            agent.start()
        time.sleep(pause.uniform(0.02, LONGEST))
        runs.kill()
        stop.set()
        for agent in agents:
            agent.join()
            allowed.update(agent.allowed)
            reported.update(agent.reported)
    runs.end()
    house.start()  # what was recorded can be rebuilt, by the command itself
    assert house.propose(path="a")["verdict"] == "allow"
    assert house.stop() == 0
    _check(list(house.entries()), allowed, reported, kills)
    starts = [event for event in house.events() if event["event"] == "started"]
    assert any(0 < event["replayed"] < event["entries"] for event in starts)


def _check(
    entries: list[Entry], allowed: set[str], reported: set[str], kills: int
) -> None:
    assert [entry.seq for entry in entries] == list(range(len(entries)))
    times = [entry.time for entry in entries]
    assert times == sorted(times)
    bodies = [entry.body for entry in entries]
    recorded = {
        b.id
        for b in bodies
        if isinstance(b, Decided) and b.record.decision["verdict"] == "allow"
    }
    assert len(allowed) > kills
    assert allowed <= recorded
    assert reported <= {b.id for b in bodies if isinstance(b, Performed)}
    starts = [b.clean for b in bodies if isinstance(b, Started)]
    assert starts == [True, *[False] * kills]
