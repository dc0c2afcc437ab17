"""Files of the gate are changed under it: what was read is what counts."""

import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.integration.gate.house import ORIGIN, House, NoAnswerError

from clawlaw.evidence.frame import HEADER_SIZE
from clawlaw.evidence.schema import Activated, Decided
from clawlaw.evidence.segment import read_frames, segment_paths

SOURCE = Path(__file__).parents[3] / "policies" / "forge"


@pytest.fixture
def house(make_house: Callable[..., House]) -> House:
    """A gate with a policy of its own; it serves."""
    made = make_house()
    folder = made.folder / "policy"
    folder.mkdir()
    for file in SOURCE.glob("*.yaml"):
        (folder / file.name).write_bytes(file.read_bytes())
    work = [str(made.workspace)]
    made.configure(
        policy={"folder": str(folder), "workspace": work, "home": "/home/agent"},
        evidence={
            "folder": str(made.log),
            "origin": ORIGIN,
            "key": str(made.folder / "log.pem"),
            "segment": 1 << 16,
        },
    )
    made.start()
    return made


def _replace(file: Path, text: str) -> None:
    """As an editor or an attacker does: another file under the name."""
    fresh = file.with_suffix(".new")
    fresh.write_text(text)
    fresh.replace(file)


def test_a_policy_that_is_swapped_takes_effect_when_it_is_activated(
    house: House,
) -> None:
    head = house.folder / "policy" / "policy.yaml"
    good = head.read_text()
    stop = threading.Event()

    def work() -> None:
        connection = house.connection()
        while not stop.is_set():
            answer = house.propose("exec", command="sudo reboot", connection=connection)
            assert answer["verdict"] == "deny"
        connection.close()

    worker = threading.Thread(target=work)
    worker.start()
    for number in range(1, 4):
        _replace(head, good.replace("1.0.0", f"1.0.{number}", 1))
        time.sleep(0.2)
    stop.set()
    worker.join()
    house.stop(signal.SIGKILL)
    house.start()  # this run reads the last of them, and says so
    assert house.propose("exec", command="sudo reboot")["verdict"] == "deny"
    house.stop()
    bodies = [entry.body for entry in house.entries()]
    activated = [body for body in bodies if isinstance(body, Activated)]
    assert [(a.version, a.by) for a in activated] == [
        ("1.0.0", "start"),
        ("1.0.3", "start"),
    ]
    decided = [b.record.decision["policy"] for b in bodies if isinstance(b, Decided)]
    first, last = (a.policy for a in activated)
    assert decided.count(first) == len(decided) - 1 > 3
    assert decided[-1] == last
    assert any(e["event"] == "started" and e["changed"] for e in house.events())


def test_a_broken_policy_in_its_place_stops_the_next_start(house: House) -> None:
    head = house.folder / "policy" / "policy.yaml"
    good = head.read_text()
    _replace(head, good + "\nnonsense: 1\n")
    assert house.propose(path="a")["verdict"] == "allow"
    size = len(list(house.entries()))
    house.stop()
    with pytest.raises(NoAnswerError, match=r"policy\.yaml"):
        house.start()
    assert len(list(house.entries())) == size + 1  # stopped; nothing was begun
    _replace(head, good)
    house.start()
    assert house.propose(path="a")["verdict"] == "allow"


def test_a_configuration_that_others_wrote_stops_the_next_start(house: House) -> None:
    text = house.config.read_text()
    observing = text.replace("{", '{"mode": "observe",', 1)
    house.config.unlink()
    house.config.write_text(observing)  # with the mode of an ordinary file
    house.config.chmod(0o666)
    assert house.propose("exec", command="sudo reboot")["verdict"] == "deny"
    house.stop()
    with pytest.raises(NoAnswerError, match="lets others in"):
        house.start()


def test_a_log_that_was_changed_stops_the_start_and_stays_as_it_is(
    house: House,
) -> None:
    for number in range(8):
        assert house.propose(path=f"f{number}")["verdict"] == "allow"
    house.stop(signal.SIGKILL)
    path = segment_paths(house.log)[-1]
    good = path.read_bytes()
    start = list(read_frames(path))[4].place.offset
    for field in (8, 40, HEADER_SIZE):  # length, link, payload
        bad = bytearray(good)
        bad[start + field] ^= 0x20
        path.write_bytes(bad)
        with pytest.raises(NoAnswerError, match=path.name):
            house.start()
        assert house.process is not None
        assert house.process.wait() == 2
        assert path.read_bytes() == bad
        assert segment_paths(house.log)[-1] == path
    path.write_bytes(good)
    house.start()
    assert house.propose(path="a")["verdict"] == "allow"
