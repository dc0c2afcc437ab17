"""The disk under a running gate fills, fails, or becomes read-only."""

import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.faults.conftest import Ext4
from tests.integration.gate.house import ORIGIN, House

from clawlaw.evidence.schema import Decided, Summary

AGENTS = 4
LATCHED = "evidence cannot be written"

type Disk = tuple[Path, Callable[[str], None]]
type MakeHouse = Callable[..., House]


def on(disk: Path, house: House) -> House:
    """A gate whose log is on another disk."""
    house.log = disk / "log"
    house.configure(
        evidence={
            "folder": str(house.log),
            "origin": ORIGIN,
            "key": str(house.folder / "log.pem"),
            "segment": 1 << 16,
        }
    )
    return house


class Agent(threading.Thread):
    """Proposes until it is denied; keeps what was allowed and why it was denied."""

    def __init__(self, house: House, number: int) -> None:
        super().__init__(name=f"agent{number}")
        self.house = house
        self.number = number
        self.allowed: list[str] = []
        self.reason = ""
        self.begun = threading.Event()

    def run(self) -> None:
        connection = self.house.connection()
        for turn in range(20_000):
            answer = self.house.propose(
                session=f"a{self.number}",
                path=f"src/f{turn % 50}.py",
                connection=connection,
            )
            if answer["verdict"] != "allow":
                self.reason = answer["reason"]
                break
            self.allowed.append(answer["id"])
            if turn == 20:
                self.begun.set()
        self.begun.set()
        connection.close()


def broken(house: House, fail: Callable[[], None]) -> set[str]:
    """Break the disk under load; ids of everything that was allowed."""
    agents = [Agent(house, number) for number in range(AGENTS)]
    for agent in agents:
        agent.start()
    for agent in agents:
        assert agent.begun.wait(60)
    fail()
    for agent in agents:
        agent.join(60)
        assert agent.reason == LATCHED
    return {name for agent in agents for name in agent.allowed}


def stays_denied(house: House) -> None:
    """Nothing is allowed any more, nothing crashes, and the gate says why."""
    for number in range(5):
        answer = house.propose(path=f"later{number}")
        assert (answer["verdict"], answer["reason"]) == ("deny", LATCHED)
    status, said = house.ask("GET", "/healthz")
    assert (status, said["status"]) == (503, "latched")
    assert "clawlaw_latched 1.0" in house.ask("GET", "/metrics")[1]


def recovers(house: House, allowed: set[str]) -> None:
    """Everything that was allowed is recorded, and a restart goes on."""
    house.start()
    assert house.propose(path="a")["verdict"] == "allow"
    assert house.stop() == 0
    bodies = [entry.body for entry in house.entries()]
    assert allowed <= {body.id for body in bodies if isinstance(body, Decided)}
    (summary,) = [body for body in bodies if isinstance(body, Summary)]
    assert summary.reason == "latched"
    assert summary.count >= AGENTS + 5


@pytest.mark.parametrize(
    ("what", "code"),
    [("fsync", "EIO"), ("write", "EIO"), ("write", "ENOSPC"), ("write", "EROFS")],
)
def test_an_error_of_the_disk_denies_until_a_restart(
    make_house: MakeHouse, failing_disk: Disk, what: str, code: str
) -> None:
    """A failed sync drops what was not written, as Linux does."""
    disk, command = failing_disk
    house = on(disk, make_house())
    house.start()
    allowed = broken(house, lambda: command(f"fail {what} {code} 3"))
    command("heal")  # the disk works again, and nobody knows what it lost
    stays_denied(house)
    house.stop()
    recovers(house, allowed)


def test_a_disk_that_becomes_read_only_denies_until_it_is_mended(
    make_house: MakeHouse, ext4: Ext4
) -> None:
    house = on(ext4.folder, make_house())
    house.start()
    allowed = broken(house, ext4.fail)
    stays_denied(house)
    house.stop()
    ext4.unmount()
    ext4.mount()
    recovers(house, allowed)


def test_a_gate_does_not_start_on_a_disk_that_is_read_only(
    make_house: MakeHouse, ext4: Ext4
) -> None:
    house = on(ext4.folder, make_house())
    house.start()
    assert house.propose(path="a")["verdict"] == "allow"
    house.stop()
    ext4.fail()
    house.start(wait=False)
    assert house.process is not None
    assert house.process.wait(60) == 2
    assert "Read-only file system" in house.errors.read_text()


def test_a_full_disk_denies_until_a_restart_with_room(
    make_house: MakeHouse, small_disk: Path
) -> None:
    house = on(small_disk, make_house())
    house.start()
    allowed = broken(house, lambda: None)  # it fills by itself
    stays_denied(house)
    house.stop()
    room = ["mount", "-o", "remount,size=32m", str(small_disk)]
    subprocess.run(room, check=True)
    recovers(house, allowed)
