"""The gate killed at random instants: no allow without a durable record.

`CLAWLAW_KILLS` says how often; `make test-faults` kills five hundred times.
"""

import http.client
import json
import os
import random
import signal
import threading
import time
from collections.abc import Callable

from tests.integration.gate.house import House

from clawlaw.evidence.schema import Decided, Entry, Performed, Started

KILLS = int(os.environ.get("CLAWLAW_KILLS", "6"))
AGENTS = 8


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


def test_no_allow_without_a_record_however_often_it_is_killed(
    make_house: Callable[..., House],
) -> None:
    house = make_house()
    pause = random.Random(20_260_101)  # noqa: S311  # the same instants each time
    allowed: set[str] = set()
    reported: set[str] = set()
    for _ in range(KILLS):
        house.start()
        stop = threading.Event()
        agents = [Agent(house, number, stop) for number in range(AGENTS)]
        for agent in agents:
            agent.start()
        time.sleep(pause.uniform(0.02, 0.6))
        house.stop(signal.SIGKILL)
        stop.set()
        for agent in agents:
            agent.join()
            allowed.update(agent.allowed)
            reported.update(agent.reported)
    house.start()  # what was recorded can be rebuilt
    assert house.propose(path="a")["verdict"] == "allow"
    assert house.stop() == 0
    _check(list(house.entries()), allowed, reported)


def _check(entries: list[Entry], allowed: set[str], reported: set[str]) -> None:
    assert [entry.seq for entry in entries] == list(range(len(entries)))
    times = [entry.time for entry in entries]
    assert times == sorted(times)
    bodies = [entry.body for entry in entries]
    recorded = {
        b.id
        for b in bodies
        if isinstance(b, Decided) and b.record.decision["verdict"] == "allow"
    }
    assert len(allowed) > KILLS
    assert allowed <= recorded
    assert reported <= {b.id for b in bodies if isinstance(b, Performed)}
    starts = [b.clean for b in bodies if isinstance(b, Started)]
    assert starts == [True, *[False] * KILLS]
