"""A real gate goes on from its snapshot, and from its log where that is not whole."""

import shutil
import signal
from collections.abc import Callable
from typing import Any

import pytest
from tests.integration.gate.house import House

from clawlaw.evidence.schema import Escalated

PUSH = "git push origin main"
PROPOSED = 30


def begun(house: House) -> dict[str, Any]:
    """What the last start said."""
    (*_, last) = [e for e in house.events() if e.get("event") == "started"]
    return last


@pytest.fixture
def house(make_house: Callable[..., House]) -> House:
    """A gate that keeps a snapshot every few entries, with a bit of a history."""
    found = make_house()
    part = {
        "folder": str(found.log),
        "origin": "example.org/gate",
        "key": str(found.folder / "log.pem"),
        "snapshot": 5,
    }
    found.configure(evidence=part)
    found.start()
    for number in range(PROPOSED):
        assert found.propose(path=f"f{number}")["verdict"] == "allow"
    assert found.propose("exec", command=PUSH)["verdict"] == "escalate"
    return found


def goes_on(house: House) -> dict[str, Any]:
    """Start it; the session and its escalation are those of before."""
    house.start()
    asked = house.propose("exec", command=PUSH)["escalation"]["id"]
    (first,) = [e.body for e in house.entries() if isinstance(e.body, Escalated)]
    assert asked == first.id
    return begun(house)


def test_a_start_after_a_stop_reads_no_entry_twice(house: House) -> None:
    assert house.stop() == 0
    said = goes_on(house)
    assert (said["replayed"], said["clean"]) == (0, True)
    assert said["entries"] > PROPOSED


def test_a_killed_gate_goes_on_from_the_snapshot_before(house: House) -> None:
    house.stop()
    house.start()
    for number in range(4):
        house.propose(path=f"g{number}")
    house.stop(signal.SIGKILL)
    said = goes_on(house)
    assert 0 < said["replayed"] < PROPOSED
    assert not said["clean"]


@pytest.mark.parametrize("spoil", ["torn", "flipped", "gone", "old key"])
def test_a_snapshot_that_is_not_whole_costs_time_only(house: House, spoil: str) -> None:
    house.stop()
    path = house.folder / "state" / "snapshot"
    data = path.read_bytes()
    if spoil == "torn":
        path.write_bytes(data[: len(data) // 2])
    elif spoil == "flipped":
        path.write_bytes(data.replace(b"developer", b"developes", 1))
    elif spoil == "gone":
        path.unlink()
    else:
        path.write_bytes(
            b"\xe2\x80\x94 example.org/gate AAAA\n" + data.partition(b"\n")[2]
        )
    said = goes_on(house)
    assert said["replayed"] == said["entries"]
    refused = [e for e in house.events() if e.get("event") == "snapshot not used"]
    assert bool(refused) is (spoil != "gone")


def test_a_snapshot_of_a_later_log_does_not_count(house: House) -> None:
    house.stop()
    older = house.folder / "older"
    shutil.copytree(house.log, older)
    house.start()
    for number in range(8):
        house.propose(path=f"g{number}")
    house.stop()
    shutil.rmtree(house.log)
    older.rename(house.log)
    said = goes_on(house)
    assert said["replayed"] == said["entries"]


def test_an_older_snapshot_needs_the_entries_since(house: House) -> None:
    house.stop()
    path = house.folder / "state" / "snapshot"
    data = path.read_bytes()
    house.start()
    for number in range(8):
        house.propose(path=f"g{number}")
    house.stop()
    path.write_bytes(data)
    said = goes_on(house)
    assert 8 < said["replayed"] < said["entries"]
