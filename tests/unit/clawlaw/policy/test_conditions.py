"""Every operator, where it holds, where it does not, and where nobody knows.

`sep` says that a condition holds surely, evidently and possibly.
"""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.clawlaw.policy.scenes import (
    NAMES,
    effect,
    known,
    said,
    triple,
    view,
)

from clawlaw.core.facts import ProgramFact
from clawlaw.core.shell.words import UNKNOWN
from clawlaw.core.state import Label
from clawlaw.policy.conditions import Reader
from clawlaw.policy.errors import PolicyError
from clawlaw.policy.source import Source

W = "/workspace"


@pytest.mark.parametrize(
    ("condition", "fields", "expected"),
    [
        ({"recursive": True}, {"recursive": True}, "sep"),
        ({"recursive": True}, {}, "---"),
        ({"what": "list"}, {"what": "list"}, "sep"),
        ({"what": ["list", "attributes"]}, {"what": "content"}, "---"),
        ({"not": {"what": "list"}}, {"what": "content"}, "sep"),
        ({"any": [{"what": "list"}, {"glob": True}]}, {"glob": True}, "sep"),
        ({"any": [{"what": "list"}, {"glob": True}]}, {}, "---"),
        ({"all": [{"what": "list"}, {"glob": True}]}, {"glob": True}, "---"),
        ({"what": "list", "glob": True}, {"glob": True, "what": "list"}, "sep"),
        ({}, {}, "sep"),
    ],
)
def test_flags_and_choices(
    condition: Any, fields: dict[str, Any], expected: str
) -> None:
    made = triple("file.read", condition)
    judged = effect("file.read", path=f"{W}/x", **fields)
    assert said(made, judged, view(paths=known(f"{W}/x"))) == expected


@pytest.mark.parametrize(
    ("condition", "fields", "expected"),
    [
        ({"method": "GET"}, {"method": "GET"}, "sep"),
        ({"method": "GET"}, {"method": "POST"}, "---"),
        ({"method": "GET"}, {"method": UNKNOWN}, "--p"),
        ({"not": {"method": "GET"}}, {"method": UNKNOWN}, "-ep"),
        ({"method": {"matches": "P(OS|U)T"}}, {"method": "PUT"}, "sep"),
        ({"method": {"matches": "P(OS|U)T"}}, {"method": "XPUT"}, "---"),
        ({"method": {"matches": "P(OS|U)T"}}, {"method": "PUTX"}, "---"),
        ({"method": {"matches": ".*"}}, {"method": UNKNOWN}, "-ep"),
        ({"path": {"empty": True}}, {}, "sep"),
        ({"path": {"empty": False}}, {}, "---"),
        ({"port": 80}, {"port": 80}, "sep"),
        ({"port": [80, 443]}, {"port": 8080}, "---"),
        ({"port": {"at_least": 80}}, {"port": 80}, "sep"),
        ({"port": {"above": 80}}, {"port": 80}, "---"),
        ({"port": {"at_most": 80}}, {"port": 80}, "sep"),
        ({"port": {"below": 80}}, {"port": 80}, "---"),
        ({"port": {"at_least": 80, "at_most": 90}}, {"port": 91}, "---"),
    ],
)
def test_text_and_numbers(
    condition: Any, fields: dict[str, Any], expected: str
) -> None:
    judged = effect("net.request", **{"host": "h.example", **fields})
    assert said(triple("net.request", condition), judged, view()) == expected


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("docs.example.org", "sep"),
        ("DOCS.Example.ORG.", "sep"),
        ("api.docs.example.org", "sep"),
        ("xdocs.example.org", "---"),
        ("docs.example.org.evil.example", "---"),
        ("d\u043ecs.example.org", "---"),
        ("docs\u200b.example.org", "-ep"),
        ("", "--p"),
        (UNKNOWN, "--p"),
        ("127.0.0.1", "---"),
    ],
)
def test_hosts(host: str, expected: str) -> None:
    judged = effect("net.request", host=host)
    assert said(triple("net.request", {"host": {"in": "docs"}}), judged, view()) == (
        expected
    )
    opposite = {"sep": "---", "---": "sep", "--p": "-ep", "-ep": "-ep"}[expected]
    made = triple("net.request", {"host": {"outside": "docs"}})
    assert said(made, judged, view()) == opposite


@pytest.mark.parametrize(
    ("condition", "packages", "expected"),
    [
        ({"any": "a"}, ["a", "b"], "sep"),
        ({"any": "c"}, ["a", "b"], "---"),
        ({"any": "c"}, ["a", UNKNOWN], "--p"),
        ({"all": ["a", "b"]}, ["a", "b"], "sep"),
        ({"all": "a"}, ["a", "b"], "---"),
        ({"all": "a"}, [], "---"),
        ({"all": {"matches": "[a-z]"}}, ["a", UNKNOWN], "--p"),
        ({"count": 2}, ["a", "b"], "sep"),
        ({"count": {"above": 2}}, ["a", "b"], "---"),
        ({"empty": True}, [], "sep"),
        ({"empty": True}, ["a"], "---"),
    ],
)
def test_lists(condition: Any, packages: list[str], expected: str) -> None:
    judged = effect("package.install", manager="pip", packages=packages)
    made = triple("package.install", {"packages": condition})
    assert said(made, judged, view()) == expected


SYSTEM = {"bash": ProgramFact("/usr/bin/bash"), "sh": ProgramFact("/t/sh", True)}  # noqa: FBT003  # writable


@pytest.mark.parametrize(
    ("program", "expected"),
    [
        ("bash", "sep"),
        ("BASH", "-ep"),
        ("/bin/bash", "sep"),
        ("/workspace/bash", "-ep"),
        ("/usr/bin/../../workspace/bash", "-ep"),
        ("sh", "-ep"),
        ("zsh", "---"),
        (UNKNOWN, "--p"),
    ],
)
def test_programs_are_trusted_where_agents_cannot_write(
    program: str, expected: str
) -> None:
    judged = effect("process.exec", program=program, family="shell")
    scene = view(programs=SYSTEM, paths=known("/bin/bash", resolved="/usr/bin/bash"))
    for condition in ({"in": "shells"}, ["sh", "bash"]):
        made = triple("process.exec", {"program": condition})
        assert said(made, judged, scene) == expected


def test_a_family_counts_for_what_allows_where_its_program_is_trusted() -> None:
    made = triple("process.exec", {"family": "shell"})
    scene = view(programs=SYSTEM)
    for program, expected in (("bash", "sep"), ("sh", "-ep"), ("/w/bash", "-ep")):
        judged = effect("process.exec", program=program, family="shell")
        assert said(made, judged, scene) == expected
    made = triple("process.exec", {"family": "builtin"})
    builtin = effect("process.exec", program="cd", family="builtin")
    assert said(made, builtin, scene) == "sep"


@pytest.mark.parametrize(
    ("path", "fact", "inside", "outside"),
    [
        (f"{W}/x", {}, "sep", "---"),
        (f"{W}", {"kind": "directory"}, "sep", "---"),
        (f"{W}/new", {"kind": "absent"}, "sep", "---"),
        (f"{W}/../{W}/x", {"resolved": f"{W}/x"}, "sep", "---"),
        ("/etc/x", {}, "---", "sep"),
        (f"{W}-evil/x", {}, "---", "sep"),
        (f"{W}/../etc/x", {"resolved": "/etc/x"}, "---", "sep"),
        (f"{W}/link", {"resolved": "/etc/x", "linked": True}, "-ep", "-ep"),
        ("/etc/link", {"resolved": f"{W}/x", "linked": True}, "-ep", "-ep"),
        ("/Workspace/x", {}, "-ep", "-ep"),
        (f"{W}/x", {"kind": "unknown"}, "-ep", "--p"),
        (f"{W}/x", {"resolved": ""}, "-ep", "--p"),
        ("/etc/x", {"kind": "unknown"}, "---", "-ep"),
        (f"{W}/x\u200b", {}, "-ep", "--p"),
    ],
)
def test_paths_by_both_forms(
    path: str, fact: dict[str, Any], inside: str, outside: str
) -> None:
    judged = effect("file.read", path=path)
    scene = view(paths=known(path, **fact))
    made = triple("file.read", {"path": {"in": "work"}})
    assert said(made, judged, scene) == inside
    made = triple("file.read", {"path": {"outside": "work"}})
    assert said(made, judged, scene) == outside


@pytest.mark.parametrize(
    ("path", "operator", "expected"),
    [
        ("/home/agent", "in", "---"),
        ("/", "in", "---"),
        ("/w/.ssh", "in", "-ep"),
        ("/w/.ssh/known_hosts", "in", "---"),
        ("/w/.ssh/id", "in", "sep"),
    ],
)
def test_what_may_be_anywhere_is_not_reached_from_above(
    path: str, operator: str, expected: str
) -> None:
    judged = effect("file.read", path=path, recursive=True)
    scene = view(paths=known(path, kind="file" if "/id" in path else "directory"))
    made = triple("file.read", {"path": {operator: "keys"}})
    assert said(made, judged, scene) == expected


def test_a_tree_reaches_what_is_beneath_and_its_root_alone_does_not() -> None:
    judged = effect("file.delete", path="/", recursive=True)
    scene = view(paths=known("/", kind="directory"))
    inside = triple("file.delete", {"path": {"in": "work"}})
    assert said(inside, judged, scene) == "-ep"
    at_root = triple("file.delete", {"path": {"at": "work"}})
    assert said(at_root, judged, scene) == "---"
    outside = triple("file.delete", {"path": {"outside": "work"}})
    assert said(outside, judged, scene) == "-ep"


def test_a_move_is_judged_by_both_its_ends() -> None:
    scene = view(paths=known(f"{W}/a") | known("/etc/b"))
    for ends, expected in (
        ((f"{W}/a", f"{W}/a"), "sep"),
        ((f"{W}/a", "/etc/b"), "-ep"),
        (("/etc/b", f"{W}/a"), "-ep"),
    ):
        judged = effect("file.move", path=ends[0], to=ends[1])
        made = triple("file.move", {"path": {"in": "work"}})
        assert said(made, judged, scene) == expected
    made = triple("file.move", {"to": {"in": "work"}})
    judged = effect("file.move", path="/etc/b", to=f"{W}/a")
    assert said(made, judged, scene) == "sep"
    made = triple("file.move", {"path_alone": {"in": "work"}})
    assert said(made, judged, scene) == "---"


def test_a_link_is_judged_by_where_it_leads_as_well() -> None:
    judged = effect("file.write", path=f"{W}/a", how="link", target="/etc/b")
    scene = view(paths=known(f"{W}/a") | known("/etc/b"))
    made = triple("file.write", {"path": {"in": "work"}})
    assert said(made, judged, scene) == "-ep"
    made = triple("file.write", {"path_alone": {"in": "work"}})
    assert said(made, judged, scene) == "sep"
    made = triple("file.write", {"target": {"outside": "work"}})
    assert said(made, judged, scene) == "sep"
    plain = effect("file.write", path=f"{W}/a")
    assert said(made, plain, scene) == "---"


@pytest.mark.parametrize(
    ("matches", "glob", "inside", "outside"),
    [
        ([f"{W}/a", f"{W}/b"], f"{W}/*", "sep", "---"),
        ([f"{W}/a", "/etc/b"], f"{W}/*", "-ep", "-ep"),
        ([], f"{W}/*.o", "sep", "---"),
        ([], "/etc/*.o", "---", "-ep"),
        ([], "/work*/x", "-ep", "-ep"),
        (None, f"{W}/*", "-ep", "--p"),
        (None, "/etc/*", "--p", "-ep"),
    ],
)
def test_globs_by_their_matches_or_by_their_text(
    matches: list[str] | None, glob: str, inside: str, outside: str
) -> None:
    judged = effect("file.read", path=glob, glob=True)
    facts = known(f"{W}/a") | known(f"{W}/b") | known("/etc/b")
    globs = {} if matches is None else {glob: tuple(matches)}
    scene = view(paths=facts, globs=globs)
    made = triple("file.read", {"path": {"in": "work"}})
    assert said(made, judged, scene) == inside
    made = triple("file.read", {"path": {"outside": "work"}})
    assert said(made, judged, scene) == outside


@pytest.mark.parametrize(
    ("condition", "fact", "expected"),
    [
        ({"kind": "file"}, {}, "sep"),
        ({"kind": ["directory", "absent"]}, {}, "---"),
        ({"kind": "file"}, {"kind": "unknown"}, "--p"),
        ({"linked": True}, {"linked": True}, "sep"),
        ({"linked": True}, {}, "---"),
        ({"hardlinked": True}, {"links": 2}, "sep"),
        ({"hardlinked": True}, {"links": 2, "kind": "directory"}, "---"),
        ({"expanded": True}, {}, "sep"),
        ({"strange": False}, {}, "sep"),
    ],
)
def test_facts(condition: Any, fact: dict[str, Any], expected: str) -> None:
    judged = effect("file.write", path=f"{W}/x")
    made = triple("file.write", {"fact": condition})
    assert said(made, judged, view(paths=known(f"{W}/x", **fact))) == expected


def test_labels_of_session_target_and_flow() -> None:
    judged = effect("file.read", path=f"{W}/x")
    paths = known(f"{W}/x")
    made = triple("file.read", {"session": {"labels": ["secret", "personal"]}})
    assert said(made, judged, view(session=Label.SECRET)) == "sep"
    assert said(made, judged, view(session=Label.UNTRUSTED)) == "---"
    made = triple("file.read", {"flow": {"labels": "written"}})
    assert said(made, judged, view(flow=Label.WRITTEN)) == "sep"
    assert said(made, judged, view()) == "---"
    made = triple("file.read", {"target": {"labels": "written"}})
    scene = view(paths=paths, labels={f"{W}/X": Label.WRITTEN})
    assert said(made, judged, scene) == "sep"
    assert said(made, judged, view(paths=paths)) == "---"
    other = triple("file.write", {"target": {"labels": "written"}})
    assert said(other, effect("file.write", path=f"{W}/x"), scene) == "sep"
    script = triple("process.exec", {"target": {"labels": "written"}})
    run = effect("process.exec", program="sh", script=f"{W}/x")
    assert said(script, run, scene) == "sep"


def test_who_asks_for_what_by_which_tool() -> None:
    judged = effect("file.read", path=f"{W}/x")
    for condition, expected in (
        ({"purpose": "work"}, "sep"),
        ({"principal": "agent"}, "sep"),
        ({"tool": ["exec", "read"]}, "sep"),
        ({"tool": "write"}, "---"),
        ({"tier": {"at_least": 3}}, "sep"),
        ({"tier": {"above": 3}}, "---"),
        ({"sandbox": True}, "---"),
        ({"sandbox": False}, "sep"),
    ):
        assert said(triple("file.read", condition), judged, view()) == expected


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["x", "work", "in"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["path", "what", "recursive", "in", "any", "all", "not", "fact", "kind"]
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=8,
)


@given(JSON)
def test_a_condition_is_understood_or_refused(condition: Any) -> None:
    # What cannot be read must not turn into a test that is never true.
    reader = Reader(Source("x.yaml", {}), ("file.read",), NAMES)
    try:
        made = reader.read(condition, ())
    except PolicyError as error:
        assert error.file == "x.yaml"  # noqa: PT017  # any other error fails the test
        return
    judged = effect("file.read", path=f"{W}/x")
    for scene in (view(), view(paths=known(f"{W}/x"))):
        assert "".join(said(made, judged, scene)) in {"---", "--p", "-ep", "sep"}


@given(st.sampled_from(["sep", "---", "--p", "-ep"]))
def test_sure_is_evident_and_evident_is_possible(state: str) -> None:
    # The order that rules rely on holds for `not` as well.
    fields = {"sep": "GET", "---": "POST", "--p": UNKNOWN, "-ep": UNKNOWN}
    judged = effect("net.request", host="h", method=fields[state])
    for condition in ({"method": "GET"}, {"not": {"method": "GET"}}):
        held = said(triple("net.request", condition), judged, view())
        assert held in {"sep", "---", "--p", "-ep"}
