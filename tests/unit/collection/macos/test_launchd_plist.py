"""What may stand in a LaunchDaemon's plist, after launchd.plist(5)."""

import importlib
import plistlib
import re
from typing import Any

import pytest

PLUGINS = "ansible_collections.forge.platform.plugins"


@pytest.fixture
def rules() -> Any:
    return importlib.import_module(f"{PLUGINS}.module_utils.launchd_plist")


def plist(**changes: object) -> dict[str, Any]:
    return {"ProgramArguments": ["/bin/x"], **changes}


GOOD: list[dict[str, Any]] = [
    {"KeepAlive": {"SuccessfulExit": False, "PathState": {"/x": True}}},
    {"KeepAlive": False},
    {"StartCalendarInterval": [{"Hour": 4, "Minute": 0}, {"Weekday": 0}]},
    {"StartCalendarInterval": {"Hour": 4}},
    {"SoftResourceLimits": {"NumberOfFiles": 8192, "ResidentSetSize": 1 << 30}},
    {"Umask": "027"},
    {"Umask": 23},
    {"LimitLoadToSessionType": "System"},
    {"ProcessType": "Interactive", "Nice": -5},
    {"ProgramArguments": ["x", "y"], "Program": "/bin/x"},
    {"Sockets": {"Listeners": {"SockServiceName": "8080"}}},
]
BAD: list[tuple[dict[str, Any], str]] = [
    ({"Keepalive": True}, "Keepalive: launchd has no such key; did you mean Keep"),
    ({"Zzz": True}, "Zzz: launchd has no such key$"),
    ({"KeepAlive": "yes"}, "KeepAlive: need true, false or a map, got 'yes'"),
    ({"KeepAlive": {"Crash": True}}, "KeepAlive: Crash: need no such condition"),
    ({"KeepAlive": {"Crashed": 1}}, "KeepAlive: Crashed: need true or false"),
    ({"RunAtLoad": 1}, "RunAtLoad: need true or false"),
    ({"Nice": True}, "Nice: need a whole number"),
    ({"ThrottleInterval": -1}, "ThrottleInterval: -1 is negative"),
    ({"EnvironmentVariables": {"A": 1}}, "EnvironmentVariables: need a map of strings"),
    ({"EnvironmentVariables": {"A": "x\n"}}, "EnvironmentVariables: A: .*control"),
    ({"ProgramArguments": []}, "ProgramArguments: it is empty"),
    ({"ProgramArguments": ["x"]}, "ProgramArguments: 'x' is not an absolute path"),
    ({"ProgramArguments": "/bin/x"}, "ProgramArguments: need a list of strings"),
    ({"ProgramArguments": ["/bin/x", "\x00"]}, "ProgramArguments: .*control character"),
    ({"Program": "x"}, "Program: 'x' is not an absolute path"),
    ({"WorkingDirectory": "x"}, "WorkingDirectory: 'x' is not an absolute path"),
    ({"SoftResourceLimits": {"Files": 1}}, "launchd has no limit Files"),
    ({"SoftResourceLimits": {"Stack": True}}, "SoftResourceLimits: need a map of numb"),
    ({"ProcessType": "Fast"}, "ProcessType: 'Fast' is none of Adaptive, Background"),
    ({"LimitLoadToSessionType": "Aqua"}, "a daemon is of the session System"),
    ({"Umask": "27"}, "Umask: '27' is no file mode"),
    ({"Umask": 512}, "Umask: 512 is no file mode"),
    ({"StartCalendarInterval": {"Second": 1}}, "StartCalendarInterval: numbers for"),
    ({"Disabled": True}, "Disabled: an override outlives it"),
    ({"OnDemand": False}, "OnDemand: KeepAlive took its place"),
    ({"Label": "other"}, "Label: it is 'other'; leave it out"),
]  # fmt: skip


@pytest.mark.parametrize("change", GOOD, ids=",".join)
def test_what_launchd_takes_is_taken(rules: Any, change: dict[str, Any]) -> None:
    assert rules.problems("a.b", plist(**change)) == []


@pytest.mark.parametrize(("change", "problem"), BAD, ids=lambda c: str(c)[:40])
def test_what_launchd_refuses_or_ignores_is_refused(
    rules: Any, change: dict[str, Any], problem: str
) -> None:
    (found,) = rules.problems("a.b", plist(**change))
    assert re.search(problem, found), found


def test_a_program_is_needed(rules: Any) -> None:
    assert rules.problems("a.b", {}) == [
        "ProgramArguments: the program to run is missing"
    ]
    assert rules.problems("a.b", {"Program": "/bin/x"}) == []


@pytest.mark.parametrize("label", ["", "-x", "a/b", "a b", "x" * 128, "a\n"])
def test_a_label_is_part_of_a_path_and_a_target(rules: Any, label: str) -> None:
    (problem,) = rules.problems(label, plist())
    assert problem.startswith("label: ")


def test_the_same_data_is_the_same_text(rules: Any) -> None:
    one = {"b": {"y": 1, "x": 2}, "a": True}
    assert rules.text(one) == rules.text({"a": True, "b": {"x": 2, "y": 1}})
    assert plistlib.loads(rules.text(one).encode()) == one


def test_the_label_is_completed(rules: Any) -> None:
    assert rules.complete("a.b", {"Nice": 1}) == {"Label": "a.b", "Nice": 1}
