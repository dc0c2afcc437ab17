"""Records go to the gate's log once, in order, and again if they did not arrive."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.unit.runs.test_journal import ROOT, recorded

from forge.runs import delivery
from forge.runs.recorder import Recorder

LATE = "99990101T000000Z-ffffffff"


class Log:
    """A double of the gate's log."""

    def __init__(self, takes: int = 100) -> None:
        self.entries: list[tuple[str, str]] = []
        self.outcomes: list[delivery.Outcome] = []
        self.takes = takes

    def send(self, sent: Sequence[delivery.Delivery]) -> None:
        for each in sent:
            if len(self.entries) >= self.takes:
                raise ConnectionError("gone")
            self.outcomes += [each.outcome] if each.outcome else []
            self.entries += [(each.run, record["kind"]) for record in each.records]


def test_runs_arrive_once_and_in_order(tmp_path: Path) -> None:
    names = [recorded(tmp_path, 1_800_000_000.0 + n).stem for n in range(3)]
    log = Log()
    assert delivery.deliver(tmp_path, LATE, log.send) == names
    assert log.entries == [(name, "run") for name in names]
    assert delivery.deliver(tmp_path, LATE, log.send) == []
    assert log.entries == [(name, "run") for name in names], "nobody was asked again"


def test_what_the_run_at_work_records_goes_last(tmp_path: Path) -> None:
    name = recorded(tmp_path).stem
    log = Log()
    own = [{"kind": "state", "digest": "sha256:1"}]
    assert delivery.deliver(tmp_path, LATE, log.send, own) == [name]
    assert log.entries == [(name, "run"), (LATE, "state")]
    assert delivery.deliver(tmp_path, LATE, log.send, own) == []
    assert log.entries[2:] == [(LATE, "state")]


def test_the_run_at_work_is_left_out(tmp_path: Path) -> None:
    first = recorded(tmp_path).stem
    second = recorded(tmp_path, 1_800_000_100.0).stem
    assert delivery.pending(tmp_path, second) == [first]


def test_what_did_not_arrive_goes_again(tmp_path: Path) -> None:
    names = [recorded(tmp_path, 1_800_000_000.0 + n).stem for n in range(3)]
    log = Log(takes=1)
    with pytest.raises(ConnectionError):
        delivery.deliver(tmp_path, LATE, log.send)
    assert delivery.pending(tmp_path, LATE) == names


def test_only_so_many_go_at_once(tmp_path: Path) -> None:
    for number in range(delivery.MOST + 1):
        recorded(tmp_path, 1_800_000_000.0 + number)
    assert len(delivery.pending(tmp_path, LATE)) == delivery.MOST


def test_a_decision_of_this_process_goes_with_its_run(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, ROOT)
    recorder.started("x.yml", {})
    recorder.judged({"verdict": "allow", "by": "install", "record": "{}"})
    recorder.applied(["worker-01"], "sha256:abc")
    recorder.ended({})
    found = delivery.records(tmp_path, recorder.name)
    assert [entry["kind"] for entry in found] == ["run", "verdict", "applied"]
    assert found[0]["digest"] == f"sha256:{recorder.journal.head}"
    assert found[0]["record"]["result"] == "succeeded"
    assert found[1]["record"] == "{}"
    assert found[2]["digest"] == "sha256:abc"


@pytest.mark.parametrize(
    ("verdict", "by", "failures", "result"),
    [
        ("allow", "gate", 0, "done"),
        ("allow", "gate", 1, "failed"),
        ("deny", "gate", 0, None),
        ("allow", "install", 0, None),
        ("allow", "preview", 0, None),
    ],
)
def test_the_outcome_of_what_the_gate_allowed(
    tmp_path: Path, verdict: str, by: str, failures: int, result: str | None
) -> None:
    times = iter([1000.0, 1000.0, 1001.0, 1007.0, 1007.0])
    recorder = Recorder(tmp_path, ROOT, lambda: next(times))
    recorder.started("x.yml", {})
    recorder.judged({"verdict": verdict, "by": by, "decision": "d7"})
    recorder.ended({"worker-01": {"failures": failures}})
    log = Log()
    assert delivery.deliver(tmp_path, LATE, log.send) == [recorder.name]
    assert log.outcomes == ([delivery.Outcome("d7", result, 7)] if result else [])


def test_a_run_that_was_killed_failed(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, ROOT)
    recorder.started("x.yml", {})
    recorder.judged({"verdict": "allow", "by": "gate", "decision": "d7"})
    log = Log()
    delivery.deliver(tmp_path, LATE, log.send)
    assert log.outcomes == [delivery.Outcome("d7", "failed", 0)]
