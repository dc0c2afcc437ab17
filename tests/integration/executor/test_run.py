"""`clawlaw run` against a gate's double: redeem, perform, report."""

import hashlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.integration.executor.gate_double import GateDouble

from clawlaw.core.actions import (
    AnyEffect,
    FileDelete,
    FileMove,
    FileRead,
    FileWrite,
    ProcessExec,
)
from clawlaw.executor import account, report, run
from clawlaw.executor.account import Identity
from clawlaw.executor.host import SandboxError
from clawlaw.gate.disk import DiskDirectory
from clawlaw.gate.mounts import MountTable
from clawlaw.gate.resolve import resolve


@pytest.fixture
def gate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[GateDouble]:
    """A gate's double, and an executor that may be any account's."""
    monkeypatch.delenv("CLAWLAW_EXECUTOR", raising=False)
    (tmp_path / "home").mkdir()
    home = str((tmp_path / "home").resolve())
    monkeypatch.setattr(run, "become", lambda _: Identity("agent", os.getuid(), home))
    with GateDouble(tmp_path / "gate.sock") as double:
        yield double


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """An empty workspace."""
    made = tmp_path.resolve() / "workspace"
    made.mkdir()
    return made


def target(path: Path | str) -> dict[str, Any]:
    """A target as the gate sees it now."""
    root = DiskDirectory.root(MountTable())
    try:
        fact = resolve(root, str(path), "local")
    finally:
        root.close()
    return {
        "path": str(path), "resolved": fact.resolved, "device": fact.device,
        "inode": fact.inode, "kind": fact.kind,
    }  # fmt: skip


def grant(
    workspace: Path,
    tool: str,
    arguments: dict[str, Any],
    effects: tuple[AnyEffect, ...] = (),
    **more: Any,
) -> dict[str, Any]:
    """A grant as the gate gives it out."""
    paths = {e.path for e in effects if hasattr(e, "path")}
    paths |= {e.to for e in effects if isinstance(e, FileMove)}
    return {
        "id": "d1", "tool": tool, "arguments": arguments, "cwd": str(workspace),
        "workspace": [str(workspace)], "effects": msgspec.to_builtins(effects),
        "targets": [target(path) for path in sorted(paths)], "programs": {},
        "sandbox": {"write": [str(workspace)], "hide": [], "network": "none"},
        "deadline": 0, **more,
    }  # fmt: skip


def perform(gate: GateDouble, given: dict[str, Any], *words: str) -> int:
    """Run with a permit for `given`."""
    gate.grants["permit"] = given
    more = ["--", *words] if words else []
    return run.main(["--permit=permit", f"--socket={gate.path}", *more])


def digest(data: bytes) -> str:
    """As an outcome names it."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def test_the_judged_command_is_performed_and_reported(
    gate: GateDouble, workspace: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    (workspace / "old").write_text("x")
    command = "echo hello; echo more > made; rm old; exit 5"
    assert perform(gate, grant(workspace, "exec", {"command": command})) == 5
    assert capfdbinary.readouterr().out == b"hello\n"
    (said,) = gate.outcomes
    assert (said["id"], said["status"], said["exit"]) == ("d1", "done", 5)
    assert said["text"] == "hello\n"
    assert said["bytes_out"] == 6
    assert said["duration"] > 0
    assert said["sandbox"].startswith("bubblewrap+landlock")
    assert said["files"] == [
        {"path": str(workspace / "old"), "digest": ""},
        {"path": str(workspace / "made"), "digest": digest(b"more\n")},
    ]


def test_words_are_not_joined_to_text(
    gate: GateDouble, workspace: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    words = ["printf", "%s|", "a b", "$HOME", "*"]
    assert perform(gate, grant(workspace, "exec", {"command": words})) == 0
    assert capfdbinary.readouterr().out == b"a b|$HOME|*|"


def test_a_permit_is_good_once(
    gate: GateDouble, workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = grant(workspace, "exec", {"command": "echo x >> made"})
    assert perform(gate, given) == 0
    again = run.main(["--permit=permit", f"--socket={gate.path}"])
    assert again == report.DENIED
    assert (workspace / "made").read_text() == "x\n"
    assert "unknown permit" in capsys.readouterr().err


def test_without_a_gate_nothing_is_performed(
    workspace: Path,
    tmp_path: Path,
    gate: GateDouble,
    capsys: pytest.CaptureFixture[str],
) -> None:
    del gate
    status = run.main(["--permit=x", f"--socket={tmp_path}/none.sock"])
    assert status == report.UNAVAILABLE
    assert "does not answer" in capsys.readouterr().err
    assert not list(workspace.iterdir())


def test_another_command_than_the_judged_one_is_a_mismatch(
    gate: GateDouble, workspace: Path
) -> None:
    given = grant(workspace, "exec", {"command": "echo a > made"})
    assert perform(gate, given, "echo b > made") == report.CHANGED
    assert gate.outcomes[0]["status"] == "mismatch"
    assert not (workspace / "made").exists()


def test_the_judged_command_may_be_named(gate: GateDouble, workspace: Path) -> None:
    given = grant(workspace, "exec", {"command": "echo a > made"})
    assert perform(gate, given, "echo a > made") == 0


def test_a_target_that_changed_is_not_used(
    gate: GateDouble, workspace: Path, tmp_path: Path
) -> None:
    (workspace / "notes").write_text("mine")
    (tmp_path / "victim").write_text("as it was")
    effect = FileWrite(str(workspace / "notes"))
    for tool, arguments in (
        ("write", {"path": "notes", "content": "x"}),
        ("exec", {"command": "echo x > notes"}),
    ):
        (workspace / "notes").unlink()
        (workspace / "notes").write_text("mine")
        given = grant(workspace, tool, arguments, (effect,))
        (workspace / "notes").unlink()
        (workspace / "notes").symlink_to(tmp_path / "victim")
        assert perform(gate, given) == report.CHANGED
        assert gate.outcomes[-1]["status"] == "failed"
        assert (tmp_path / "victim").read_text() == "as it was"


def test_a_workspace_that_became_a_link_is_not_used(
    gate: GateDouble, workspace: Path, tmp_path: Path
) -> None:
    given = grant(workspace, "exec", {"command": "echo x > made"})
    workspace.rmdir()
    (tmp_path / "elsewhere").mkdir()
    workspace.symlink_to(tmp_path / "elsewhere")
    assert perform(gate, given) == report.NO_SANDBOX
    assert not list((tmp_path / "elsewhere").iterdir())


def test_a_secret_that_a_steward_approved_can_be_read(
    gate: GateDouble, workspace: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    (workspace / ".env").write_text("A=1\n")
    command = {"command": "cat .env"}
    assert perform(gate, grant(workspace, "exec", command)) == 1
    assert b"A=1" not in capfdbinary.readouterr().out
    effect = FileRead(str(workspace / ".env"))
    assert perform(gate, grant(workspace, "exec", command, (effect,))) == 0
    assert capfdbinary.readouterr().out == b"A=1\n"


def test_a_protected_name_that_was_not_there_is_taken_back(
    gate: GateDouble, workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (workspace / ".git").mkdir()
    command = {"command": "mkdir .git/hooks; echo evil > .git/hooks/pre-commit"}
    assert perform(gate, grant(workspace, "exec", command)) == 0
    assert not (workspace / ".git/hooks").exists()
    assert ".git/hooks: removed" in capsys.readouterr().err
    effect = FileWrite(str(workspace / ".git/hooks"), how="directory")
    assert perform(gate, grant(workspace, "exec", command, (effect,))) == 0
    assert (workspace / ".git/hooks/pre-commit").exists()


def test_an_effect_on_the_whole_workspace_releases_nothing_in_it(
    gate: GateDouble, workspace: Path
) -> None:
    (workspace / ".git/hooks").mkdir(parents=True)
    command = {"command": "echo evil > .git/hooks/pre-commit"}
    effect = FileWrite(str(workspace), recursive=True)
    assert perform(gate, grant(workspace, "exec", command, (effect,))) == 1
    effect = FileWrite(str(workspace / ".git/hooks/pre-commit"))
    assert perform(gate, grant(workspace, "exec", command, (effect,))) == 0
    assert (workspace / ".git/hooks/pre-commit").read_text() == "evil\n"


def test_git_may_write_its_settings_where_nothing_else_runs(
    gate: GateDouble, workspace: Path
) -> None:
    subprocess.run(["git", "init", "-q", str(workspace)], check=True)
    command = {"command": "git config user.name me"}
    only = ProcessExec("git", ("config", "user.name", "me"))
    test = ProcessExec("make", ("test",))
    assert perform(gate, grant(workspace, "exec", command, (only, test))) != 0
    assert perform(gate, grant(workspace, "exec", command, (only,))) == 0
    assert "name = me" in (workspace / ".git/config").read_text()


def test_a_file_outside_that_was_judged_can_be_written(
    gate: GateDouble, workspace: Path, tmp_path: Path
) -> None:
    notes = tmp_path.resolve() / "notes"
    notes.write_text("")
    command = {"command": f"echo x > {notes}"}
    perform(gate, grant(workspace, "exec", command))
    assert notes.read_text() == ""
    given = grant(workspace, "exec", command, (FileWrite(str(notes)),))
    assert perform(gate, given) == 0
    assert notes.read_text() == "x\n"


def test_it_does_not_begin_outside_of_what_is_shown(
    gate: GateDouble, workspace: Path, tmp_path: Path
) -> None:
    given = grant(workspace, "exec", {"command": "true", "cwd": str(tmp_path)})
    assert perform(gate, given) == report.NO_SANDBOX
    assert gate.outcomes[0]["status"] == "failed"


def test_a_file_is_read_written_edited_moved_and_deleted(
    gate: GateDouble, workspace: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    path = str(workspace / "new/deep/a.txt")
    write = grant(
        workspace, "write", {"path": path, "content": "one two"}, (FileWrite(path),)
    )
    assert perform(gate, write) == 0
    assert gate.outcomes[-1]["files"] == [{"path": path, "digest": digest(b"one two")}]
    both = (FileRead(path), FileWrite(path))
    edit = {"path": path, "old": "two", "new": "three"}
    assert perform(gate, grant(workspace, "edit", edit, both)) == 0
    capfdbinary.readouterr()
    assert perform(gate, grant(workspace, "read", {"path": path}, both[:1])) == 0
    assert capfdbinary.readouterr().out == b"one three"
    assert gate.outcomes[-1]["text"] == "one three"
    to = str(workspace / "b.txt")
    move = grant(workspace, "move", {"path": path, "to": to}, (FileMove(path, to),))
    assert perform(gate, move) == 0
    assert Path(to).read_text() == "one three"
    assert not Path(path).exists()
    gone = grant(
        workspace, "delete", {"path": str(workspace / "new"), "recursive": True},
        (FileDelete(str(workspace / "new"), recursive=True),),
    )  # fmt: skip
    assert perform(gate, gone) == 0
    assert [p.name for p in workspace.iterdir()] == ["b.txt"]


@pytest.mark.parametrize(
    ("tool", "arguments", "effects"),
    [
        ("edit", {"path": "a", "old": "x", "new": "y"}, "rw"),
        ("edit", {"path": "a", "old": "absent", "new": "y"}, "rw"),
        ("delete", {"path": "folder"}, "d"),
        ("fetch", {"url": "https://example.com"}, ""),
    ],
)
def test_what_cannot_be_done_changes_nothing(
    gate: GateDouble,
    workspace: Path,
    tool: str,
    arguments: dict[str, Any],
    effects: str,
) -> None:
    (workspace / "a").write_text("x x")
    (workspace / "folder/inner").mkdir(parents=True)
    path = str(workspace / arguments.get("path", "a"))
    kinds = {"r": FileRead, "w": FileWrite, "d": FileDelete}
    made = tuple(kinds[letter](path) for letter in effects)
    assert perform(gate, grant(workspace, tool, arguments, made)) == 1
    assert gate.outcomes[0]["status"] == "failed"
    assert (workspace / "a").read_text() == "x x"
    assert sorted(p.name for p in workspace.iterdir()) == ["a", "folder"]


def test_without_a_permit_the_command_is_proposed(
    gate: GateDouble, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(workspace)
    gate.answer = {"verdict": "allow", "permit": "permit"}
    gate.grants["permit"] = grant(workspace, "exec", {"command": ["touch", "made"]})
    line = [f"--socket={gate.path}", "--session=s1", "--", "touch", "made"]
    assert run.main(line) == 0
    assert (workspace / "made").exists()
    (asked,) = gate.proposals
    assert asked["arguments"] == {"command": ["touch", "made"]}
    assert asked["mediated"] is True


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        ({"verdict": "deny", "reason": "no"}, report.DENIED),
        ({"verdict": "allow"}, report.DENIED),
        (
            {"verdict": "escalate", "reason": "wait", "escalation": {"id": "e1"}},
            report.ESCALATED,
        ),
    ],
)
def test_a_denied_proposal_is_not_performed(
    gate: GateDouble, workspace: Path, answer: dict[str, Any], status: int
) -> None:
    gate.answer = answer
    line = [f"--socket={gate.path}", "--session=s1", "--", "touch", "made"]
    assert run.main(line) == status
    assert not list(workspace.iterdir())


def test_root_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    with pytest.raises(SandboxError, match="not run as root"):
        account.become("")
    with pytest.raises(SandboxError, match="is root"):
        account.become("root")
    with pytest.raises(SandboxError, match="no such account"):
        account.become("nobody-of-this-name")


def test_usage_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert run.main([]) == run.USAGE
    assert "--permit" in capsys.readouterr().err


SECRETS = (
    ".ssh/id_ed25519", ".aws/credentials", ".netrc", ".git-credentials", ".npmrc",
    ".cargo/credentials.toml", ".gitconfig", ".nvm/versions/node/v22/etc/npmrc",
    ".pyenv/secret", "go/secret",
)  # fmt: skip


def test_toolchains_of_the_home_are_seen_and_its_secrets_are_not(
    gate: GateDouble,
    workspace: Path,
    tmp_path: Path,
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    home = tmp_path.resolve() / "home"
    for name in SECRETS:
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text("[user]\n\tname = Ann\n[x]\n\ttoken = hunter2\n")
    tool = home / ".pyenv/versions/3.12/bin/python3.12"
    tool.parent.mkdir(parents=True)
    tool.write_text("#!/bin/sh\necho interpreter runs\n")
    tool.chmod(0o755)
    (home / ".rustup").mkdir()
    (home / ".rustup/toolchains").symlink_to(home / ".ssh")
    (workspace / "venv").symlink_to(tool)
    tries = "; ".join(f"cat {home / name}" for name in SECRETS)
    command = (
        f"./venv; git config --global user.name; git config --global x.token; {tries};"
        f" cat {home}/.rustup/toolchains/id_ed25519; ls -A {home}/.ssh;"
        f" echo spoilt > {tool}; touch {tool.parent}/new; echo x > $GIT_CONFIG_GLOBAL;"
        " echo done"
    )
    assert perform(gate, grant(workspace, "exec", {"command": command})) == 0
    out = capfdbinary.readouterr().out.decode()
    assert out == "interpreter runs\nAnn\ndone\n"
    assert "interpreter" in tool.read_text()
    assert not (tool.parent / "new").exists()
    (said,) = gate.outcomes
    assert "hunter2" not in said["text"]
