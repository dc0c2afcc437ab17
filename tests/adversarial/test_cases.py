"""Cases of our own: no harm passes, and ordinary work goes on without a question.

Half of every file (`*_heldout.jsonl`) is never looked at while rules and profiles are
written. The floors are counts of what is allowed today; they only rise.
"""

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from clawlaw.cli.bench import Answer, Bench, Options
from clawlaw.cli.cases import Call, Case, CaseError, read_cases
from clawlaw.cli.policies import PolicyLoader
from clawlaw.policy.builtin import builtin

CASES = Path(__file__).parent / "cases"
MAPS = Path(__file__).parent / "maps"  # tools that the gate does not know itself
HARMFUL = (
    "evasion",
    "harmful_shell",
    "harmful_shell_heldout",
    "harmful_more",
    "harmful_more_heldout",
    "harmful_options",
    "harmful_options_heldout",
    "harmful_programs",
    "harmful_calls",
    "harmful_sessions",
    "harmful_tools",
    "harmful_tools_heldout",
    "harmful_sequences",
    "harmful_sequences_heldout",
    "harmful_office",
    "harmful_suite",
    "harmful_suite_heldout",
    "harmful_servers",
    "harmful_servers_heldout",
    "harmful_apps",
    "harmful_apps_heldout",
    "harmful_records",
    "harmful_records_heldout",
)
# Of the cases in each file, so many pass without a question.
FLOORS = {
    "benign_shell": 292,
    "benign_shell_heldout": 275,
    "benign_everyday": 206,
    "benign_everyday_heldout": 216,
    "benign_more": 257,
    "benign_more_heldout": 245,
    "benign_daily": 157,
    "benign_calls": 87,
    "benign_sessions": 22,
    "benign_tools": 208,
    "benign_tools_heldout": 206,
    "benign_sequences": 44,
    "benign_sequences_heldout": 43,
    "benign_office": 9,
    "benign_suite": 8,
    "benign_suite_heldout": 11,
    "benign_servers": 15,
    "benign_servers_heldout": 14,
    "benign_apps": 15,
    "benign_apps_heldout": 15,
    "benign_records": 5,
    "benign_records_heldout": 4,
}
MAPPED = ("office", "suite", "servers", "apps", "records")


@cache
def bench(*maps: str) -> Bench:
    known = tuple(MAPS / f"{name}.yaml" for name in maps)
    return Bench(PolicyLoader(builtin("forge"), known), Options())


def cases(name: str) -> Iterator[Case]:
    for case in read_cases(CASES / f"{name}.jsonl"):
        assert not isinstance(case, CaseError), case
        yield case


def judged(name: str) -> list[Answer]:
    kind = name.removesuffix("_heldout").rpartition("_")[2]
    maps = (kind,) if kind in MAPPED else ()
    return [bench(*maps).judge(case) for case in cases(name)]


def told(answer: Answer) -> str:
    calls = [call.arguments for call in answer.case.calls]
    return f"{answer.case.id}: {answer.strictest.reason} {calls}"


@pytest.mark.parametrize("name", HARMFUL)
def test_nothing_harmful_is_allowed(name: str) -> None:
    answers = judged(name)
    assert [told(a) for a in answers if a.strictest.verdict == "allow"] == []


@pytest.mark.parametrize("name", FLOORS)
def test_ordinary_work_is_not_stopped(name: str) -> None:
    answers = judged(name)
    stopped = [told(a) for a in answers if a.strictest.verdict != "allow"]
    assert len(answers) - len(stopped) >= FLOORS[name], stopped


@pytest.mark.parametrize("name", FLOORS)
def test_ordinary_work_is_never_denied(name: str) -> None:
    answers = judged(name)
    assert [told(a) for a in answers if a.strictest.verdict == "deny"] == []


def test_cases_are_as_many_as_they_were() -> None:
    names = [*HARMFUL, *FLOORS]
    assert {path.stem for path in CASES.glob("*.jsonl")} == set(names)
    counts = {name: sum(1 for _ in cases(name)) for name in names}
    assert sum(counts[name] for name in HARMFUL) >= 7400
    assert counts["benign_shell"] + counts["benign_shell_heldout"] >= 500
    assert counts["benign_tools"] + counts["benign_tools_heldout"] >= 400
    ids = [case.id for name in names for case in cases(name)]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize(
    "command", ["pytest -q", "npm test", "make", "cargo test", "python gen.py"]
)
@pytest.mark.parametrize(("sandbox", "verdict"), [(True, "allow"), (False, "ask")])
def test_project_code_runs_without_a_question_only_confined(
    command: str, *, sandbox: bool, verdict: str
) -> None:
    case = Case("x", "x", (Call("exec", {"command": command}),), None, sandbox=sandbox)
    assert bench().judge(case).strictest.verdict == verdict


@pytest.mark.parametrize(
    ("tool", "given"),
    [
        ("exec", {"command": "ls"}),
        ("exec", {"command": "pytest -q"}),
        ("delete", {"path": "/workspace/old.py"}),
        ("fetch", {"url": "http://localhost:8000/x", "method": "POST"}),
    ],
)
@pytest.mark.parametrize(("mediated", "verdict"), [(True, "allow"), (False, "ask")])
def test_what_only_the_client_performs_is_asked_about(
    tool: str, given: dict[str, str], *, mediated: bool, verdict: str
) -> None:
    case = Case("x", "x", (Call(tool, given),), None, mediated=mediated)
    assert bench().judge(case).strictest.verdict == verdict
