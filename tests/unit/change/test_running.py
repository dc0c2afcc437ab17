"""A run's records of what is applied: announced, written, and gone on from."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.unit.runs.test_journal import ROOT

from forge.change import newest, running
from forge.change.applied import Applied, AppliedStateError
from forge.change.model import Scope
from forge.change.permit import Permit
from forge.change.running import PROPOSED, Announced, Job
from forge.change.store import RECORD_FILE, Store
from forge.runs.recorder import Recorder

HOSTS: dict[str, dict[str, Any]] = {
    "a": {"forge_name": "home", "x": 1},
    "b": {"forge_name": "home", "x": 1},
}
GROUPS = {"all": ["a", "b"]}


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of state, and a checkout of nothing but pins."""
    monkeypatch.setenv("FORGE_STATE", str(tmp_path / "state"))
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree/versions.yml").write_bytes((ROOT / "versions.yml").read_bytes())
    return tmp_path / "state"


def prepare(state: Path) -> Job:
    return Job.prepare(state.parent / "tree", HOSTS, GROUPS, Scope(), [])


def ran(state: Path, run: str, *, ends: bool = True) -> Announced:
    """One run by the gate: what it announced."""
    job = prepare(state)
    said = job.announce(run)
    job.begin()
    if ends:
        granted = Permit(plan=job.plan.digest, path="gate", run=run)
        _, digest = running.finish(state / "home", granted, set())
        assert digest == said.done
    return said


def stored(state: Path) -> Applied:
    found = Store(state / "home").read()
    assert found is not None
    return found


def test_what_is_announced_is_what_is_written(state: Path) -> None:
    first = ran(state, "r1", ends=False)
    assert (first.basis, first.sequence) == ("none", 1)
    assert stored(state).digest() == first.begun
    second = ran(state, "r2")
    assert (second.basis, stored(state).digest()) == (first.begun, second.done)
    assert prepare(state).holds() == [second.done]


def test_nothing_is_held_where_nothing_is_recorded(state: Path) -> None:
    assert prepare(state).holds() == []


def test_a_run_killed_before_it_wrote_is_gone_on_from(state: Path) -> None:
    before = ran(state, "r1")
    killed = prepare(state).announce("r2")
    assert stored(state).digest() == before.done
    job = prepare(state)
    assert job.holds() == [killed.begun, before.done], "whether the gate heard or not"
    assert {h.attempt for h in stored(state).hosts.values()} == {""}, "only read so far"
    after = job.announce("r3")
    job.begin()
    assert after.basis == killed.begun
    assert (stored(state).digest(), stored(state).sequence) == (after.begun, 4)


def test_the_first_run_of_all_may_be_killed_so(state: Path) -> None:
    killed = prepare(state).announce("r1")
    job = prepare(state)
    assert job.holds() == [killed.begun]
    job.announce("r2")
    job.begin()
    assert stored(state).sequence == 2


def test_what_was_announced_on_another_record_is_not_gone_on_from(
    state: Path,
) -> None:
    ran(state, "r1")
    file = state / "home" / RECORD_FILE
    old = file.read_bytes()
    ran(state, "r2", ends=False)
    ran(state, "r3", ends=False)
    file.write_bytes(old)
    assert len(prepare(state).holds()) == 1


def test_what_another_version_announced_is_passed_over(state: Path) -> None:
    before = ran(state, "r1")
    prepare(state).announce("r2")
    (state / "home" / PROPOSED).write_text('{"run": 2}')
    assert prepare(state).holds() == [before.done]


def test_another_record_is_refused_with_both_names(state: Path) -> None:
    said = ran(state, "r1")
    job = prepare(state)
    other = {"run": "r9", "begun": "sha256:7", "done": "sha256:8", "entry": "d12"}
    with pytest.raises(AppliedStateError) as refused:
        job.refuse_another(other)
    for part in (said.done, "sha256:7", "sha256:8", "r9", "d12", RECORD_FILE):
        assert part in str(refused.value)
    assert refused.value.remedy


def recorded(state: Path, at: float, by: str, said: Announced, done: str = "") -> None:
    """The record of a run, as the callback plugin writes it."""
    recorder = Recorder(state, ROOT, lambda: at)
    recorder.started("x.yml", {})
    kept = msgspec.structs.asdict(said) | {"platform": "home", "by": by}
    del kept["done"]
    recorder.judged({"verdict": "allow", **kept})
    if done:
        recorder.applied(["a"], done)
    recorder.ended({})


def announced(*digests: str) -> Announced:
    basis, begun, done = digests
    return Announced(basis=basis, begun=begun, done=done, sequence=1)


def test_runs_without_the_gate_lead_back_to_its_last_one(tmp_path: Path) -> None:
    recorded(tmp_path, 1_800_000_000.0, "gate", announced("x0", "x1", "x2"), "x2")
    recorded(tmp_path, 1_800_000_010.0, "repair", announced("x2", "x3", "x4"))
    recorded(tmp_path, 1_800_000_020.0, "repair", announced("x3", "x5", "x6"), "x6")
    assert newest.untold(tmp_path / "home", "x6") == ["x3", "x2"]
    assert newest.untold(tmp_path / "home", "x5") == ["x3", "x2"]
    assert newest.untold(tmp_path / "home", "x4") == [], "no run wrote that"
    assert newest.untold(tmp_path / "other", "x6") == []


def test_a_run_by_the_gate_is_not_gone_behind(tmp_path: Path) -> None:
    recorded(tmp_path, 1_800_000_000.0, "gate", announced("x0", "x1", "x2"), "x2")
    assert newest.untold(tmp_path / "home", "x2") == []


def test_a_record_of_before_tells_no_way_back(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, ROOT, lambda: 1_800_000_000.0)
    recorder.started("x.yml", {})
    said = {"verdict": "allow", "by": "repair", "platform": "home", "sequence": 4}
    recorder.judged(said)
    recorder.applied(["a"], "x2")
    recorder.ended({})
    assert newest.untold(tmp_path / "home", "x2") == []


def test_finish_is_foretold_for_all_hosts_of_a_limit(state: Path) -> None:
    ran(state, "r1")
    job = Job.prepare(
        state.parent / "tree", HOSTS, GROUPS, Scope(limit="b", hosts=("b",)), []
    )
    said = job.announce("r2")
    job.begin()
    granted = Permit(plan=job.plan.digest, path="gate", run="r2")
    done, digest = running.finish(state / "home", granted, set())
    assert (done, digest) == (["b"], said.done)
