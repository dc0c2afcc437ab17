"""Tools of clients in the gate's words: nothing that a call does is lost."""

from typing import Any

import pytest

from clawlaw.adapters.aliases import ALIASES, in_known_words
from clawlaw.adapters.patch import read_patch
from clawlaw.adapters.readings import READINGS
from clawlaw.core.actions import (
    FileDelete,
    FileMove,
    FileRead,
    FileWrite,
    Proposal,
)
from clawlaw.core.analyse import analyse
from clawlaw.core.spelling import snake
from clawlaw.core.tools import TOOLS
from clawlaw.policy.builtin import builtin
from clawlaw.policy.compile import load


def proposal(tool: str, **arguments: Any) -> Proposal:
    return Proposal("developer", "s", tool, arguments, "/workspace")


def read_as(tool: str, **arguments: Any) -> tuple[str, dict[str, Any]]:
    found = in_known_words(proposal(tool, **arguments))
    return found.tool, found.arguments


def test_every_alias_is_a_tool_that_the_gate_knows() -> None:
    assert {alias.tool for alias in ALIASES.values()} <= TOOLS.keys()
    assert not (ALIASES.keys() | READINGS.keys()) & TOOLS.keys()


@pytest.mark.parametrize(
    "tool",
    ["frobnicate", "bash ", "BASH", "Read\n", "", "EXEC", "read__file", "B\u0430sh"],
)
def test_a_name_that_only_looks_like_another_stays(tool: str) -> None:
    same = proposal(tool, command="ls")
    assert in_known_words(same) is same


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("readFile", "read_file"),
        ("ReadFile", "read_file"),
        ("read-file", "read_file"),
        ("TargetFile", "target_file"),
        ("AbsolutePath", "absolute_path"),
        ("readHTMLFile", "read_html_file"),
        ("LS", "LS"),
        ("-A", "-A"),
        ("a b", "a b"),
        ("", ""),
    ],
)
def test_styles_of_a_name(name: str, expected: str) -> None:
    assert snake(name) == expected


def test_every_name_is_in_the_form_that_calls_are_brought_to() -> None:
    assert [n for n in (*ALIASES, *READINGS) if snake(n) != n] == []
    assert not ALIASES.keys() & READINGS.keys()


@pytest.mark.parametrize(
    ("tool", "arguments", "expected"),
    [
        ("ReadFile", {"path": "a"}, ("read", {"path": "a"})),
        ("readFile", {"filePath": "a"}, ("read", {"file_path": "a"})),
        ("view_file", {"AbsolutePath": "/a"}, ("read", {"path": "/a"})),
        ("Exec", {"command": "ls"}, ("exec", {"command": "ls"})),
        (
            "fs_read",
            {"operations": [{"mode": "Line", "path": "a"}]},
            ("read", {"paths": ["a"]}),
        ),
        (
            "fs_write",
            {"command": "append", "path": "a", "new_str": "x", "summary": "s"},
            ("edit", {"path": "a", "new_str": "x"}),
        ),
        (
            "local_shell",
            {"action": {"type": "exec", "command": ["ls"], "env": {}}},
            ("exec", {"command": ["ls"]}),
        ),
        ("fetch_webpage", {"urls": ["https://a.b"]}, ("fetch", {"url": "https://a.b"})),
        ("move_file", {"source": "a", "destination": "b"}, ("read", {"path": "a"})),
        ("Bash", {"command": "ls"}, ("exec", {"command": "ls"})),
        (
            "run_command",
            {"CommandLine": "ls", "Cwd": "/x"},
            ("exec", {"command": "ls", "cwd": "/x"}),
        ),
        ("bash", {"command": "ls", "restart": False}, ("exec", {"command": "ls"})),
        ("read_file", {"absolute_path": "/a"}, ("read", {"path": "/a"})),
        (
            "Edit",
            {"file_path": "a", "old_string": "x", "new_string": "y"},
            ("edit", {"file_path": "a", "old_string": "x", "new_string": "y"}),
        ),
        ("Glob", {"pattern": "src/**/*.py"}, ("search", {"path": "/workspace/src"})),
        ("Glob", {"pattern": "/etc/*"}, ("search", {"path": "/etc"})),
        ("Glob", {"pattern": "*", "path": "/home"}, ("search", {"path": "/home"})),
        (
            "str_replace_editor",
            {"command": "view", "path": "/a"},
            ("read", {"path": "/a"}),
        ),
        (
            "str_replace_editor",
            {"command": "insert", "path": "/a", "insert_line": 1, "insert_text": "x"},
            ("edit", {"path": "/a", "insert_line": 1, "new": "x"}),
        ),
    ],
)
def test_arguments_are_renamed(
    tool: str, arguments: dict[str, Any], expected: tuple[str, dict[str, Any]]
) -> None:
    assert read_as(tool, **arguments) == expected


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("read_file", {"path": "a", "absolute_path": "/etc/shadow"}),
        ("run_command", {"command": "ls", "CommandLine": "id"}),
        ("str_replace_editor", {"command": "view", "path": "a", "also": "b"}),
        ("str_replace_editor", {"command": "undo_edit", "path": "a"}),
        (
            "str_replace_editor",
            {"command": "insert", "path": "a", "insert_text": "x", "new_str": "y"},
        ),
        ("Glob", {"pattern": "src/*/../../../etc/*"}),
        ("Glob", {"pattern": 3}),
        ("read_many_files", {"paths": []}),
        ("read_many_files", {"paths": ["a", 3]}),
        ("apply_patch", {"input": "rm -rf /"}),
        (
            "apply_patch",
            {"input": "*** Begin Patch\n*** Delete File: ~/a\n*** End Patch"},
        ),
        ("Bash", {"command": "ls", "dangerouslyDisableSandbox": True}),
        ("fs_read", {"operations": [{"mode": "Run", "path": "a"}]}),
        ("fs_read", {"operations": []}),
        ("local_shell", {"action": {"type": "spawn", "command": ["ls"]}}),
        ("fetch_webpage", {"urls": ["https://a.b", "https://c.d"]}),
        ("move_file", {"source": "a", "destination": "b", "to": "c"}),
        ("move_file", {"source": "a", "destination": "~/.bashrc"}),
        ("copy_file", {"source": "a"}),
        ("create_directory", {"path": "~/.ssh"}),
        ("create_directory", {"path": "a", "mode": "0777"}),
        ("Glob", {"pattern": "*", "command": "id"}),
        ("Glob", {"pattern": "~/.ssh/*"}),
        ("Glob", {"pattern": "*", "path": "~/.ssh"}),
        ("read_many_files", {"paths": ["a", "~/.ssh/id_rsa"]}),
    ],
)
def test_what_is_not_clear_stays_unknown(tool: str, arguments: dict[str, Any]) -> None:
    same = proposal(tool, **arguments)
    assert in_known_words(same) is same


def test_an_argument_that_the_gate_does_not_know_is_not_dropped() -> None:
    assert read_as("Bash", command="ls", program="sh")[1]["program"] == "sh"
    assert "restart" in read_as("Bash", command="ls", restart={"a": 1})[1]


def test_every_file_of_many_is_read() -> None:
    found = in_known_words(proposal("read_many_files", paths=["a", "../.ssh/*", "b"]))
    policy = load(builtin("forge"))
    effects = analyse(found, policy).effects
    paths = {e.path for e in effects if isinstance(e, FileRead)}
    assert {"/workspace/a", "/workspace/b", "/workspace/../.ssh/*"} == paths


def test_a_move_and_a_copy_are_effects() -> None:
    policy = load(builtin("forge"))
    moved = in_known_words(proposal("rename_file", old_path="a", new_path="../b"))
    assert FileMove("/workspace/a", "/workspace/../b") in analyse(moved, policy).effects
    copied = in_known_words(proposal("copyFile", src="a", dst="/etc/b"))
    effects = analyse(copied, policy).effects
    assert [e.path for e in effects if isinstance(e, FileWrite)] == ["/etc/b"]
    made = in_known_words(proposal("create_directory", dirPath="/etc/b"))
    effects = analyse(made, policy).effects
    assert FileWrite("/etc/b", how="directory") in effects


PATCH = """*** Begin Patch
*** Update File: src/a.py
*** Move to: /home/agent/.bashrc
@@
-a
+b
*** Add File: new.py
+x = 1
*** Delete File: old.py
*** End Patch
"""


def test_every_file_of_a_patch_is_an_effect() -> None:
    found = in_known_words(proposal("apply_patch", input=PATCH))
    effects = analyse(found, load(builtin("forge"))).effects
    assert [e.path for e in effects if isinstance(e, FileWrite)] == [
        "/workspace/src/a.py",
        "/workspace/new.py",
    ]
    assert FileMove("/workspace/src/a.py", "/home/agent/.bashrc") in effects
    assert FileDelete("/workspace/old.py") in effects


def test_a_patch_that_only_deletes_is_a_deletion() -> None:
    text = "*** Begin Patch\n*** Delete File: a\n*** End Patch"
    assert read_as("apply_patch", patch=text) == ("delete", {"path": "a"})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "*** Begin Patch\n*** End Patch\nmore",
        "*** Begin Patch\n+x\n*** End Patch",
        "*** Begin Patch\n*** Run Command: id\n*** End Patch",
        "*** Begin Patch\n*** Add File: a\n*** Run: id\n*** End Patch",
        "*** Begin Patch\n*** Add File: \n+x\n*** End Patch",
        "*** Add File: a\n+x",
    ],
)
def test_what_is_no_patch_is_none(text: str) -> None:
    assert not read_patch(text)


def test_more_effects_than_a_proposal_has_stay_unknown() -> None:
    many = "\n".join(f"*** Delete File: f{i}" for i in range(70))
    same = proposal("apply_patch", input=f"*** Begin Patch\n{many}\n*** End Patch")
    assert in_known_words(same) is same
