"""The wall clock under a running gate is set back, and forward."""

import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.integration.gate.house import House

from clawlaw.evidence.schema import Answered
from clawlaw.gate.steward_client import DeskClient
from clawlaw.gate.stewards import generate, load

SHIFTED = Path(__file__).with_name("shifted.py")
DAY = 86_400  # seconds
PUSH = "git push origin main"
PHRASE = "correct horse battery"


class Clock:
    """A gate and its wall clock."""

    def __init__(self, house: House) -> None:
        self.house = house
        self._file = house.folder / "clock.txt"
        self.shift(0)

    def shift(self, seconds: int) -> None:
        """Set it, against the real one."""
        fresh = self._file.with_suffix(".new")
        fresh.write_text(str(seconds))
        fresh.replace(self._file)

    def start(self) -> None:
        """Start the gate under it."""
        self.house.start(prefix=(sys.executable, str(SHIFTED), str(self._file)))

    def times(self) -> list[int]:
        """Of all entries, milliseconds."""
        return [entry.time for entry in self.house.entries()]


@pytest.fixture
def clock(make_house: Callable[..., House]) -> Clock:
    """A gate that is not started; stewards have three seconds, permits two."""
    house = make_house()
    line = generate(house.folder / "ann.pem", "ann", PHRASE).text
    stewards = {"stewards": [line], "deadline": 3}
    house.configure(escalation=stewards, executor={"permit": 2})
    return Clock(house)


def _state(house: House, name: str) -> str:
    return str(house.ask("GET", f"/v1/escalations/{name}")[1]["state"])


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_entries_are_never_older_than_those_before(clock: Clock, how: int) -> None:
    house = clock.house
    clock.start()
    for shift in (0, -DAY, DAY, -3 * DAY):
        clock.shift(shift)
        assert house.propose(path="a")["verdict"] == "allow"
    house.stop(how)
    before = clock.times()
    clock.start()  # and not after a restart, when nothing is remembered
    assert house.propose(path="a")["verdict"] == "allow"
    house.stop()
    times = clock.times()
    assert times == sorted(times)
    assert times[len(before)] >= before[-1] > time.time_ns() // 10**6 + DAY * 999


def test_a_deadline_passes_on_a_clock_that_was_set_back(clock: Clock) -> None:
    house = clock.house
    clock.start()
    name = house.propose("exec", command=PUSH)["escalation"]["id"]
    permit = house.propose("exec", command="ls", mediated=True)["permit"]
    clock.shift(-DAY)
    assert _state(house, name) == "pending"
    until = time.monotonic() + 60
    while _state(house, name) == "pending" and time.monotonic() < until:
        time.sleep(0.1)
    assert _state(house, name) == "expired"
    assert house.ask("POST", "/v1/permits/redeem", {"permit": permit})[0] == 409
    house.stop()
    answers = [e.body for e in house.entries() if isinstance(e.body, Answered)]
    assert [a.answer for a in answers] == ["expire"]


def test_an_approval_that_ended_does_not_come_back(clock: Clock) -> None:
    house = clock.house
    key = load(house.folder / "ann.pem", PHRASE)
    clock.start()
    name = house.propose("exec", command=PUSH)["escalation"]["id"]
    desk = DeskClient(house.folder / "steward.sock")
    desk.answer(desk.case(name), "approve", "looked at it", key, life=60_000)
    clock.shift(DAY)  # the approval was good for a minute
    assert house.propose("exec", command=PUSH)["verdict"] == "escalate"
    clock.shift(-DAY)
    assert house.propose("exec", command=PUSH)["verdict"] == "escalate"
    house.stop(signal.SIGKILL)
    clock.start()
    assert house.propose("exec", command=PUSH)["verdict"] == "escalate"
