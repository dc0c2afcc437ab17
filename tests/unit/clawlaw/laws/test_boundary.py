"""Law 0: the gate's own files, what cannot be told, and the scope of a session."""

from collections.abc import Callable
from typing import Any

import pytest

from clawlaw.core.actions import (
    AnyEffect,
    FileDelete,
    FileMove,
    FileRead,
    FileWrite,
    NetRequest,
    ProcessExec,
    ProcessSignal,
    SystemChange,
)
from clawlaw.core.decision import Verdict
from clawlaw.core.facts import Facts, PathFact, ProgramFact
from clawlaw.core.kernel import decide
from clawlaw.core.policy import Purpose
from clawlaw.core.state import Scope

type Make = Callable[..., Any]

ESCALATE, DENY = Verdict.ESCALATE, Verdict.DENY
IN = "/workspace/a"
DIGEST = "sha256:" + "a" * 64
WIDE = Scope("develop", ("/",), ("*",))


def says(world: Any, effect: AnyEffect, **facts: Any) -> dict[str, Verdict]:
    return {name: f.verdict for name, f in world.say(effect, **facts).items()}


def wide(gate: Make, **more: Any) -> Any:
    """A session whose scope is everything, so that the boundary alone speaks."""
    return gate(principal={"ceiling": WIDE}, **more)


@pytest.mark.parametrize(
    "path",
    [
        "/etc/clawlaw",
        "/etc/clawlaw/policy.yaml",
        "/ETC/ClawLaw/keys",
        "/workspace/../etc//clawlaw/./x",
        "/home/agent/.clawlaw/state",
        "/home/agent/.config/clawlaw/config.yaml",
        "/srv/gate/evidence/1",
        "/Library/Application Support/ClawLaw/x",
    ],
)
@pytest.mark.parametrize(
    "make", [FileRead, FileWrite, FileDelete, lambda p: FileMove(IN, p)]
)
def test_the_gates_own_files_are_closed(gate: Make, path: str, make: Make) -> None:
    world = wide(gate, own=("/srv/gate",))
    effect = make(path)
    decision = world.decide(effect)
    assert "boundary.own-files" in {f.rule for f in decision.findings}
    yes = world.approval(decision, "boundary.own-files")
    assert world.decide(effect, approvals=(yes,)).verdict is DENY


def test_files_beside_the_gates_own_are_not_its_own(gate: Make) -> None:
    for path in ("/etc/clawlaw-notes", "/etc/clawla", "/srv/clawlaw/x"):
        assert says(wide(gate), FileRead(path)) == {}


def test_a_link_to_the_gates_own_files_is_no_way_in(gate: Make) -> None:
    fact = PathFact("/etc/clawlaw/policy.yaml", "file", linked=True)
    said = says(wide(gate), FileRead(IN), paths={IN: fact})
    assert said == {"boundary.own-files": DENY}


@pytest.mark.parametrize(
    ("effect", "expected"),
    [
        (FileDelete("/etc", recursive=True), {"boundary.own-files": DENY}),
        (FileDelete("/", recursive=True), {"boundary.own-files": DENY}),
        (FileWrite("/etc", recursive=True), {"boundary.own-files": DENY}),
        (FileMove("/etc", "/tmp/e"), {"boundary.own-files": DENY}),  # noqa: S108  # data
        (FileRead("/etc", recursive=True), {"boundary.own-files-beneath": ESCALATE}),
        (FileRead("/etc", recursive=True, what="list"), {}),
        (FileRead("/etc"), {}),
        (FileDelete("/workspace", recursive=True), {}),
    ],
)  # fmt: skip
def test_what_takes_the_gates_own_files_along(
    gate: Make, effect: AnyEffect, expected: dict[str, Verdict]
) -> None:
    assert says(wide(gate), effect) == expected


@pytest.mark.parametrize(
    ("fact", "expected"),
    [
        (PathFact("", "unknown"), {"boundary.unknown-path"}),
        (PathFact("", "file"), {"boundary.unknown-path"}),
        (PathFact(IN, "unknown"), {"boundary.unknown-path"}),
        (PathFact(IN, "file", origin="remote"), {"boundary.remote-path"}),
        (PathFact(IN, "file"), set()),
        (PathFact(IN, "absent"), set()),
    ],
)
def test_what_cannot_be_told_is_asked_about(
    gate: Make, fact: PathFact, expected: set[str]
) -> None:
    for effect in (FileRead(IN), FileWrite(IN), FileDelete(IN)):
        assert set(says(gate(), effect, paths={IN: fact})) == expected


def test_what_nobody_looked_at_is_unknown(gate: Make) -> None:
    world = gate()
    for effect, expected in (
        (FileRead(IN), {"boundary.unknown-path": ESCALATE}),
        (ProcessExec("tool", family="x"), {"boundary.unknown-program": ESCALATE}),
        (ProcessExec("echo", family="builtin"), {}),
    ):
        decision = decide(
            world.proposal(), (effect,), Facts(1), world.state, world.policy
        )
        said = {f.rule: f.verdict for f in decision.findings}
        assert said == {"test.allow": Verdict.ALLOW, **expected}


def test_a_pattern_that_was_not_expanded_is_unknown(gate: Make) -> None:
    effect = FileDelete("/workspace/*.o", glob=True)
    assert says(gate(), effect) == {"boundary.unknown-paths": ESCALATE}
    found = {"/workspace/*.o": ("/workspace/a.o",)}
    facts = {"/workspace/a.o": PathFact("/workspace/a.o", "file")}
    assert says(gate(), effect, globs=found, paths=facts) == {}


def test_names_that_can_be_taken_for_others(gate: Make) -> None:
    path = "/workspace/a\u200b"
    assert says(gate(), FileRead(path)) == {"boundary.strange-path": ESCALATE}
    assert says(gate(), FileRead("/workspace/\u00e9t\u00e9")) == {}


def test_a_link_out_of_the_workspace(gate: Make) -> None:
    out = {IN: PathFact("/srv/data", "file", linked=True)}
    for effect, verdict in (
        (FileWrite(IN), DENY),
        (FileDelete(IN, recursive=True), DENY),
        (FileDelete(IN), ESCALATE),
    ):
        assert says(wide(gate), effect, paths=out) == {"boundary.link-out": verdict}
    assert says(wide(gate), FileRead(IN), paths=out) == {}
    there = {IN: PathFact("/workspace/b", "file", linked=True)}
    assert says(gate(), FileWrite(IN), paths=there) == {}


def test_making_a_link_that_leads_out(gate: Make) -> None:
    out = FileWrite(IN, how="link", target="/etc/passwd")
    assert says(wide(gate), out) == {"boundary.link-made-out": ESCALATE}
    inside = FileWrite(IN, how="link", target="/workspace/b")
    assert says(gate(), inside) == {}


def test_a_file_with_several_names(gate: Make) -> None:
    several = {IN: PathFact(IN, "file", links=2)}
    assert says(gate(), FileWrite(IN), paths=several) == {
        "boundary.hard-link": ESCALATE
    }
    assert says(gate(), FileRead(IN), paths=several) == {}
    folder = {IN: PathFact(IN, "directory", links=5)}
    assert says(gate(), FileWrite(IN, how="directory"), paths=folder) == {}
    spared = gate(settings={"boundary.hard_links": 1})
    assert says(spared, FileWrite(IN), paths=several) == {}


@pytest.mark.parametrize(
    ("path", "inside"),
    [
        ("/workspace", True),
        ("/workspace/./a/../f", True),
        ("/workspace-evil/x", False),
        ("/workspace/../etc/passwd", False),
        ("/workspac", False),
        ("/", False),
    ],
)
def test_the_scope_holds_its_directories_and_nothing_beside(
    gate: Make,
    path: str,
    inside: bool,  # noqa: FBT001  # a column of the table
) -> None:
    # What it leads to, as a file system without links would say.
    resolved = {"/workspace/./a/../f": "/workspace/f"}.get(path, path)
    resolved = {"/workspace/../etc/passwd": "/etc/passwd"}.get(path, resolved)
    facts = {path: PathFact(resolved, "file")}
    said = says(gate(), FileWrite(path), paths=facts)
    assert ("boundary.off-scope" in said) is not inside
    read = says(gate(), FileRead(path), paths=facts)
    assert ("context.off-scope" in read) is not inside


def test_another_directory_of_the_same_folded_name_is_outside(gate: Make) -> None:
    # A case-sensitive file system keeps the two apart.
    path = "/WorkSpace/a"
    assert "boundary.off-scope" in says(gate(), FileWrite(path))


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("example.org", {}),
        ("EXAMPLE.org.", {}),
        ("api.example.net", {}),
        ("example.net", {"boundary.off-scope": ESCALATE}),
        ("example.org.evil.test", {"boundary.off-scope": ESCALATE}),
        ("badexample.net", {"boundary.off-scope": ESCALATE}),
        ("", {"boundary.unknown-host": ESCALATE}),
        ("ex\u0430mple.org", {"boundary.strange-host": ESCALATE}),
    ],
)
def test_hosts_of_the_scope(
    gate: Make, host: str, expected: dict[str, Verdict]
) -> None:
    said = {k: v for k, v in says(gate(), NetRequest(host)).items() if k[:2] != "co"}
    assert said == expected


@pytest.mark.parametrize(
    ("effect", "unknown"),
    [
        (NetRequest("", scheme="git", path="origin"), False),
        (NetRequest("", scheme="git"), False),
        (NetRequest("", scheme="git", path="origin", carries="file"), True),
        (NetRequest("", scheme="git", path="origin", method="PUT"), True),
        (NetRequest("", scheme="git", path="evil.example:x"), True),
        (NetRequest("", scheme="git", path="../other"), True),
        (NetRequest("", scheme="https", path="origin"), True),
    ],
)
def test_a_remote_of_the_project_is_known_to_its_configuration(
    gate: Make,
    effect: NetRequest,
    unknown: bool,  # noqa: FBT001  # of the table
) -> None:
    assert ("boundary.unknown-host" in says(gate(), effect)) is unknown


def test_programs_of_the_scope_and_of_the_purpose(gate: Make) -> None:
    run = ProcessExec("git", ("status",), family="git")
    assert says(gate(), run) == {}
    named = gate(principal={"ceiling": Scope("develop", programs=("ls",))})
    assert "boundary.off-scope" in says(named, run)
    named = gate(principal={"ceiling": Scope("develop", programs=("ls", "git"))})
    assert says(named, run) == {}
    kinds = frozenset({"process.exec"})
    for families, expected in (({"git"}, {}), ({"ls"}, {"boundary.off-scope": DENY})):
        narrow = Purpose("develop", kinds, frozenset(families), off=DENY)
        assert says(gate(purposes={"develop": narrow}), run) == expected


def test_a_program_must_be_known_and_not_the_agents(gate: Make) -> None:
    run = ProcessExec("tool", family="tool")
    assert says(gate(), run) == {}
    mine = {"tool": ProgramFact("/workspace/bin/tool", writable=True)}
    assert says(gate(), run, programs=mine) == {"boundary.writable-program": ESCALATE}
    assert says(gate(), run, programs=mine, sandbox=True) == {}


@pytest.mark.parametrize(
    ("effect", "expected"),
    [
        (ProcessSignal("clawlaw", "name"), {"boundary.own-process": DENY}),
        (ProcessSignal("[c]lawlaw|ClawLaw", "pattern"), {"boundary.own-process": DENY}),
        (ProcessSignal("node", "name"), {}),
        (SystemChange("service", "com.ClawLaw.gate"), {"boundary.own-process": DENY}),
        (SystemChange("service", "nginx"), {}),
        (ProcessSignal("auditd", "name"), {"observation.silenced": DENY}),
        (SystemChange("service", "alloy.service"), {"observation.silenced": DENY}),
        (SystemChange("audit"), {"observation.silenced": DENY}),
    ],
)
def test_the_gates_and_the_witnesses_processes(
    gate: Make, effect: AnyEffect, expected: dict[str, Verdict]
) -> None:
    assert says(gate(), effect) == expected
