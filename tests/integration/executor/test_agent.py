"""A confined client: powerless by itself, and able to do what is permitted."""

import os
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.integration.executor.gate_double import GateDouble
from tests.integration.executor.test_run import grant

from clawlaw.executor import agent, report
from clawlaw.executor.account import Identity

SOURCE = Path(agent.__file__ or "").parents[2]
LIBRARIES = sysconfig.get_path("purelib")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace, a home and the client's state."""
    where = tmp_path.resolve()
    for name in ("workspace", "home", "state"):
        (where / name).mkdir()
    (where / "workspace/notes").write_text("as it was\n")
    (where / "workspace/.env").write_text("A=secret\n")
    who = Identity("agent", os.getuid(), str(where / "home"))
    monkeypatch.setattr(agent, "become", lambda _: who)
    return where


@pytest.fixture
def gate(folder: Path) -> Iterator[GateDouble]:
    """A gate's double."""
    with GateDouble(folder / "gate.sock") as double:
        yield double


def client(folder: Path, script: str, *options: str) -> tuple[int, str]:
    """Run a script as a client; its status and what it wrote to its state."""
    said = folder / "state/said"
    said.unlink(missing_ok=True)
    status = agent.main(
        [
            f"--workspace={folder}/workspace", f"--state={folder}/state",
            f"--socket={folder}/gate.sock", f"--read={sys.base_prefix}",
            f"--read={SOURCE}", f"--read={LIBRARIES}", *options, "--",
            "/bin/bash", "-c", f"exec >{said} 2>&1; {script}",
        ]
    )  # fmt: skip
    return status, said.read_text() if said.exists() else ""


def run(permit: str) -> str:
    """What a hook would put in the place of a command."""
    return (
        f"PYTHONPATH={SOURCE}:{LIBRARIES} {Path(sys.executable).resolve()} "
        f"-m clawlaw.executor.run --permit={permit}"
    )


def test_without_permits_a_client_is_powerless(folder: Path, gate: GateDouble) -> None:
    script = """
    echo x >> notes && echo ESCAPED
    echo x > new && echo ESCAPED
    rm notes && echo ESCAPED
    grep secret .env && echo ESCAPED
    unshare -Ur true && echo ESCAPED
    ( exec 3<>/dev/tcp/127.0.0.1/1 ) && echo ESCAPED
    cat notes; exit 7
    """
    status, said = client(folder, script)
    assert status == 7
    assert "ESCAPED" not in said
    assert said.endswith("as it was\n")
    assert (folder / "workspace/notes").read_text() == "as it was\n"
    assert not gate.outcomes


def test_a_permit_gives_it_exactly_its_action(folder: Path, gate: GateDouble) -> None:
    command = {"command": "echo done; echo oops >&2; echo x > new; exit 3"}
    gate.grants["p1"] = grant(folder / "workspace", "exec", command)
    status, said = client(folder, f"{run('p1')}; echo $?; {run('p1')}; echo $?")
    assert status == 0
    assert said.splitlines()[:3] == ["done", "oops", "3"]
    assert said.splitlines()[-1] == str(report.DENIED)
    assert (folder / "workspace/new").read_text() == "x\n"
    assert [one["exit"] for one in gate.outcomes] == [3]


def test_its_loopback_leads_to_the_gate_and_nowhere_else(
    folder: Path, gate: GateDouble
) -> None:
    gate.answer = {"verdict": "deny", "reason": "asked"}
    script = """python3 - <<'CODE'
import http.client, socket
asked = http.client.HTTPConnection("127.0.0.1", 8377)
asked.request("POST", "/v1/proposals", "{}", {"Content-Length": "2"})
print(asked.getresponse().read().decode())
for port in (1, 8378):
    try:
        socket.create_connection(("127.0.0.1", port))
        print("ESCAPED")
    except PermissionError:
        print("refused")
CODE"""
    status, said = client(folder, script, f"--forward=8377={gate.path}")
    assert status == 0, said
    assert '"reason": "asked"' in said
    assert said.count("refused") == 2
    assert gate.proposals == [{}]


def test_the_gate_and_the_broker_have_no_process_inside(
    folder: Path, gate: GateDouble
) -> None:
    del gate
    status, said = client(folder, f"ls /proc | grep -x {os.getpid()}; ls {folder}")
    assert status == 0
    assert said.split() == ["home", "state", "workspace"]


def test_bad_options_are_said(
    folder: Path, gate: GateDouble, capsys: pytest.CaptureFixture[str]
) -> None:
    del gate
    assert client(folder, "true", "--forward=x=y")[0] == report.DEFECT
    assert "--forward x=y" in capsys.readouterr().err
    assert client(folder, "true", f"--read={folder}/none")[0] == report.NO_SANDBOX
