"""Both judges on the same objects: admission by the real Kyverno, and the gate."""

from pathlib import Path

import pytest

from clawlaw.policy.compile import load
from forge.gitops import thesis

ROOT = Path(__file__).resolve().parents[2]
ALL = thesis.sequences(ROOT)


@pytest.fixture(scope="module")
def kyverno() -> Path:
    found = thesis.cached(ROOT, {})
    if found is None:
        pytest.skip("the Kyverno CLI is not cached: forge artifacts fetch kyverno")
    return found


def test_kyverno_admits_every_object_and_the_gate_stops_the_last(kyverno: Path) -> None:
    policy = load(ROOT / "policies/forge")
    told = thesis.judged(kyverno, ROOT, ALL)
    for sequence, verdicts in zip(ALL, told, strict=True):
        assert len(verdicts) == len(sequence.steps)
        assert all(each.startswith("admitted") for each in verdicts), sequence.name
        assert thesis.as_expected(sequence, thesis.gate(policy, sequence.steps))
    assert any("(6 pass)" in each for verdicts in told for each in verdicts)


def test_a_judge_that_admits_everything_is_noticed(
    kyverno: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    harmless = {**thesis.CONTROL, "spec": {"containers": []}}
    monkeypatch.setattr(thesis, "CONTROL", harmless)
    with pytest.raises(thesis.ThesisError, match="admits a privileged Pod"):
        thesis.admission(kyverno, ROOT, ALL[0].steps[:1])
