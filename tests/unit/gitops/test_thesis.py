"""ClawLaw's half of the thesis report; Kyverno's is tests/gitops/test_thesis.py."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from clawlaw.core.decision import Verdict
from clawlaw.policy.compile import load
from forge.gitops.thesis import as_expected, gate, sequences

ROOT = Path(__file__).resolve().parents[3]
ALL = sequences(ROOT)
POLICY = load(ROOT / "policies/forge")
HARM = [each for each in ALL if each.stops]


def named(each: Any) -> str:
    return str(each.name)


@pytest.mark.parametrize("sequence", ALL, ids=named)
def test_the_gate_stops_where_the_file_says(sequence: Any) -> None:
    answers = gate(POLICY, sequence.steps)
    assert as_expected(sequence, answers), answers


def test_there_is_ordinary_work_of_every_length() -> None:
    assert len(HARM) >= 4
    ordinary = {len(each.steps) for each in ALL if not each.stops}
    assert {len(each.steps) for each in HARM} <= ordinary


@pytest.mark.parametrize("sequence", HARM, ids=named)
def test_without_the_steps_that_it_names_the_last_one_passes(sequence: Any) -> None:
    rest = [
        value
        for number, value in enumerate(sequence.steps, 1)
        if number not in sequence.because
    ]
    answers = gate(POLICY, rest)
    assert [answer.verdict for answer in answers] == [Verdict.ALLOW] * len(rest)


@pytest.mark.parametrize("sequence", HARM, ids=named)
def test_another_namespace_is_not_granted(sequence: Any) -> None:
    elsewhere = msgspec.json.decode(
        msgspec.json.encode(sequence.steps).replace(b'"agents"', b'"serving"')
    )
    (answer,) = gate(POLICY, elsewhere)
    assert answer.rule == "authority.cluster-apply"


@pytest.mark.parametrize(
    "spec",
    [
        {"kind": "Role", "rules": [{"resources": ["pods"], "verbs": ["create"]}]},
        {"kind": "Role", "rules": [{"nonResourceURLs": ["*"], "verbs": ["get"]}]},
        {
            "kind": "RoleBinding",
            "roleRef": {"kind": "ClusterRole", "name": "admin"},
            "subjects": [{"kind": "ServiceAccount", "name": "a"}],
        },
        {
            "kind": "RoleBinding",
            "roleRef": {"kind": "Role", "name": "r"},
            "subjects": [{"kind": "User", "name": "a"}],
        },
        {"kind": "ClusterRole", "rules": []},
    ],
)
def test_what_reaches_beyond_the_namespace_asks_at_once(spec: dict[str, Any]) -> None:
    value = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "metadata": {"name": "x", "namespace": "agents"},
        **spec,
    }
    (answer,) = gate(POLICY, [value])
    assert (answer.verdict, answer.rule) == (
        Verdict.ESCALATE,
        "authority.cluster-apply",
    )


@pytest.mark.parametrize(
    "container",
    [
        {"command": ["/bin/sh", "-c", "id"]},
        {"args": ["python3", "-c", "1"]},
        {"lifecycle": {"postStart": {"exec": {"command": ["x"]}}}},
        {"livenessProbe": {"exec": {"command": ["sh", "-c", "id"]}}},
    ],
)
def test_code_in_the_object_itself_asks_at_once(container: dict[str, Any]) -> None:
    value = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "x", "namespace": "agents"},
        "spec": {"template": {"spec": {"containers": [container]}}},
    }
    (answer,) = gate(POLICY, [value])
    assert answer.rule == "authority.cluster-apply"
