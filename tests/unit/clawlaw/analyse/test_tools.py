"""The tools that the gate knows, under every name that clients use."""

from collections.abc import Callable
from typing import Any

import pytest

from clawlaw.core.actions import (
    AnyEffect,
    FileDelete,
    FileRead,
    FileWrite,
    MessageSend,
    NetRequest,
    Opaque,
    ProcessExec,
    SystemRead,
)
from clawlaw.core.analyse import Analysis
from clawlaw.core.errors import ProposalError

type Look = Callable[..., Analysis]

W = "/workspace"
CALLS: list[tuple[str, dict[str, Any], list[AnyEffect]]] = [
    ("read", {"path": "a"}, [FileRead(f"{W}/a")]),
    ("read", {"file_path": "/b", "offset": 3, "limit": None}, [FileRead("/b")]),
    ("read", {"paths": ["a", "~/b"]}, [FileRead(f"{W}/a"), FileRead("/home/agent/b")]),
    ("read", {"path": "file:///etc/hosts"}, [FileRead("/etc/hosts")]),
    ("read", {"path": "../x"}, [FileRead(f"{W}/../x")]),
    ("write", {"path": "a.py", "content": "x"}, [FileWrite(f"{W}/a.py")]),
    ("write", {"path": "a.md", "text": "x"}, [FileWrite(f"{W}/a.md", inert=True)]),
    ("write", {"path": "a.md", "content": "#!/bin/sh"}, [FileWrite(f"{W}/a.md")]),
    (
        "write",
        {"filename": "a", "contents": "x", "append": True, "executable": True},
        [FileWrite(f"{W}/a", how="append", executable=True)],
    ),
    (
        "edit",
        {
            "file_path": "a.py",
            "old_string": "x",
            "new_string": "y",
            "replace_all": True,
        },
        [FileRead(f"{W}/a.py"), FileWrite(f"{W}/a.py")],
    ),
    (
        "edit",
        {"path": "a.md", "edits": [{"old_text": "x", "new_text": "y"}]},
        [FileRead(f"{W}/a.md"), FileWrite(f"{W}/a.md", inert=True)],
    ),
    (
        "delete",
        {"path": "d", "recursive": True},
        [FileDelete(f"{W}/d", recursive=True)],
    ),
    (
        "fetch",
        {"url": "https://H.example:8/p?q"},
        [NetRequest("h.example", 8, path="/p?q", bytes_out=4)],
    ),
    (
        "fetch",
        {"url": "https://me:x@h.example/"},
        [NetRequest("h.example", path="/", carries="text", bytes_out=1)],
    ),
    (
        "fetch",
        {"url": "http://h.example", "method": "post", "body": {"k": ["vv", 1, None]}},
        [NetRequest("h.example", 0, "http", "POST", "", "text", 4)],
    ),
    ("fetch", {"url": "file:///etc/hosts"}, [FileRead("/etc/hosts")]),
    (
        "send",
        {"to": "a@x", "cc": ["b@x"], "subject": "s", "body": "é", "channel": "email"},
        [MessageSend("email", ("a@x", "b@x"), 3)],
    ),
    (
        "send",
        {"recipients": ["a"], "attachments": ["f"]},
        [FileRead(f"{W}/f"), MessageSend("message", ("a",), 0)],
    ),
    ("search", {"pattern": "x"}, [FileRead(W, recursive=True)]),
    ("search", {"query": "/api/v1", "-n": True}, [FileRead(W, recursive=True)]),
    (
        "search",
        {"pattern": "~/.ssh/*"},
        [
            FileRead(W, recursive=True),
            FileRead("/home/agent/.ssh", recursive=True, what="list"),
        ],
    ),
    ("search", {"regex": "x", "path": "src"}, [FileRead(f"{W}/src", recursive=True)]),
    (
        "exec",
        {"command": "cat a", "cwd": "src", "timeout": 5, "description": "look"},
        [ProcessExec("cat", ("a",), family="coreutils"), FileRead(f"{W}/src/a")],
    ),
    (
        "exec",
        {"cmd": ["cat", "a b"]},
        [ProcessExec("cat", ("a b",), family="coreutils"), FileRead(f"{W}/a b")],
    ),
    (
        "exec",
        {"command": ["bash", "-lc", "cat a"]},
        [ProcessExec("cat", ("a",), family="coreutils"), FileRead(f"{W}/a")],
    ),
]


@pytest.mark.parametrize(("tool", "arguments", "effects"), CALLS)
def test_a_call_has_the_effects_of_its_arguments(
    look: Look, tool: str, arguments: dict[str, Any], effects: list[AnyEffect]
) -> None:
    assert list(look(tool, arguments).effects) == effects


REFUSED = [
    ("read", {}, "arguments.path"),
    ("read", {"path": 3}, "arguments.path"),
    ("read", {"path": ""}, "arguments.path"),
    ("read", {"path": "a\0b"}, "arguments.path"),
    ("read", {"path": "a\ufffdb"}, "arguments.path"),
    ("read", {"path": "a", "file_path": "b"}, "arguments.file_path"),
    ("read", {"paths": []}, "arguments.paths"),
    ("read", {"path": "a", "offset": {"x": 1}}, "arguments.offset"),
    ("read", {"path": "file:relative"}, ""),
    ("read", {"path": "file://host/x"}, "arguments.path"),
    ("write", {"path": "a"}, "arguments.content"),
    ("write", {"path": "a", "content": ["x"]}, "arguments.content"),
    ("write", {"path": "a", "content": "x", "append": "yes"}, "arguments.append"),
    ("write", {"paths": ["a", "b"], "content": "x"}, "arguments.paths"),
    ("edit", {"path": "a", "edits": "x"}, "arguments.edits"),
    ("edit", {"path": "a", "edits": ["x"]}, "arguments.edits[0]"),
    ("edit", {"path": "a", "edits": [{"run": "x"}]}, "arguments.edits[0].run"),
    ("fetch", {"url": "https://"}, "arguments.url"),
    ("fetch", {"url": "https://a b"}, "arguments.url"),
    ("fetch", {"url": "https://a\nb"}, "arguments.url"),
    ("fetch", {"url": "https://good\\@bad/"}, "arguments.url"),
    ("fetch", {"url": "javascript:alert(1)"}, "arguments.url"),
    ("send", {"body": "x"}, "arguments.to"),
    ("send", {"to": ["a", 1]}, "arguments.to[1]"),
    ("send", {"to": ["a"] * 65}, "arguments.to"),
    ("send", {"to": "a", "channel": ""}, "arguments.channel"),
    ("exec", {}, "arguments.command"),
    ("exec", {"command": ""}, "arguments.command"),
    ("exec", {"command": []}, "arguments.command"),
    ("exec", {"command": ["a", 1]}, "arguments.command"),
    ("exec", {"command": "a\0b"}, "arguments.command"),
    ("exec", {"command": "ls", "timeout": -1}, "arguments.timeout"),
    ("exec", {"command": "ls", "timeout": True}, "arguments.timeout"),
    ("exec", {"command": "ls; " * 4001}, "arguments.command"),
    ("exec", {"command": "".join(f"cat {i};" for i in range(40))}, "arguments.command"),
]  # fmt: skip


@pytest.mark.parametrize(("tool", "arguments", "field"), REFUSED)
def test_a_call_that_is_none_is_refused_with_its_field(
    look: Look, tool: str, arguments: dict[str, Any], field: str
) -> None:
    if not field:
        assert look(tool, arguments).effects == (FileRead(f"{W}/file:relative"),)
        return
    with pytest.raises(ProposalError) as caught:
        look(tool, arguments)
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("read", {"path": "a", "then_run": "x"}),
        ("search", {"pattern": "x", "glob": "../*"}),
        ("search", {"pattern": "x", "glob": "/etc/*"}),
        ("exec", {"command": "ls", "env": {"LD_PRELOAD": "x"}}),
        ("exec", {"command": ["ls", "a\u200bb"]}),
        ("exec", {"command": "ls $(("}),
        ("exec", {"command": "ls", "shell": "/workspace/sh"}),
        ("launch", {"x": 1}),
    ],
)
def test_what_is_not_listed_is_opaque(
    look: Look, tool: str, arguments: dict[str, Any]
) -> None:
    assert any(isinstance(effect, Opaque) for effect in look(tool, arguments).effects)


def test_what_the_client_declares_is_judged_as_well(look: Look) -> None:
    declared = (SystemRead("clock"),)
    found = look("read", {"path": "a"}, effects=declared)
    assert found.effects == (FileRead(f"{W}/a"), *declared)


def test_declared_effects_count_towards_the_most(look: Look) -> None:
    with pytest.raises(ProposalError, match="more than 64"):
        look("read", {"path": "a"}, effects=(SystemRead("clock"),) * 64)


def test_a_command_in_the_background_says_so(look: Look) -> None:
    first = look("exec", {"command": "cat a", "run_in_background": True}).effects[0]
    assert isinstance(first, ProcessExec)
    assert first.background


def test_the_request_names_everything_that_must_be_looked_up(look: Look) -> None:
    text = "cat a *.c && mv b d && ln -s /etc/x y && ./run.sh && rm a"
    request = look("exec", {"command": text}).request
    assert {f"{W}/a", f"{W}/b", "/etc/x", f"{W}/./run.sh"} <= set(request.paths)
    assert request.globs == (f"{W}/*.c",)
    assert request.programs == ("cat", "mv", "ln", "rm")
    assert len(set(request.paths)) == len(request.paths)


def test_builtins_are_not_looked_up(look: Look) -> None:
    request = look("exec", {"command": "cd src && echo a && [ -f x ]"}).request
    assert request.programs == ()


def test_a_path_of_a_package_is_looked_up(look: Look) -> None:
    request = look("exec", {"command": "pip install ./wheel"}).request
    assert any(path.startswith(W) for path in request.paths)
