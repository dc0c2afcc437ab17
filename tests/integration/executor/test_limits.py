"""What one action may use, and what it may inherit."""

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from tests.integration.executor.lab import PYTHON, SECRET, SMALL, Lab, python

from clawlaw.executor import host, landlock, process, sandbox, tree
from clawlaw.executor.host import SandboxError
from clawlaw.executor.process import Job
from clawlaw.executor.sandbox import GATE_SOCKET, SCRATCH

FORK = python("""
import os, time
made = 0
try:
    for _ in range(200):
        if os.fork() == 0:
            time.sleep(2)
            os._exit(0)
        made += 1
except OSError:
    pass
print("MADE", made)
""")


def made(said: str) -> int:
    """Processes that the script could start."""
    return int(said.split("MADE")[1].split(maxsplit=1)[0])


def test_processes_are_limited(lab: Lab) -> None:
    if lab.uid == 0:
        pytest.skip("the kernel does not count the processes of root")
    assert made(lab.plainly(FORK)) == 200
    assert made(lab.confined(FORK).head.decode()) < SMALL.processes


def test_one_file_is_limited(lab: Lab) -> None:
    script = "head -c 6000000 /dev/zero > big; stat -c %s big"
    assert "6000000" in lab.plainly(script)
    assert f"{SMALL.file_bytes}\n" in lab.confined(script).head.decode()


def test_scratch_is_limited(lab: Lab) -> None:
    script = "for i in 1 2 3; do head -c 3000000 /dev/zero > @TMP@/$i; done; echo $?"
    plain = script.replace("@TMP@", str(lab.workspace))
    assert lab.plainly(plain).strip() == "0"
    for folder in (*SCRATCH, str(lab.home)):
        said = lab.confined(script.replace("@TMP@", folder)).head.decode()
        assert "No space left" in said


def test_a_disk_that_fills_ends_it(lab: Lab) -> None:
    script = (
        "for i in $(seq 60); do head -c 4000000 /dev/urandom > n$i; sleep .02; done"
    )
    ended = lab.confined(script)
    after = sorted(lab.workspace.iterdir())
    assert ended.reason == "disk"
    assert ended.exit == 128 + 9
    time.sleep(0.5)
    assert sorted(lab.workspace.iterdir()) == after  # nothing of it runs on


def test_the_deadline_ends_everything(lab: Lab) -> None:
    script = "setsid sleep 61.25 & sleep 60"
    account, command = lab.job(script)
    job = Job(lab.bounds(), command, {}, account, PYTHON)
    started = time.monotonic()
    ended = process.perform(job, until=started + 1)
    assert (ended.exit, ended.reason) == (process.DEADLINE_EXIT, "deadline")
    assert time.monotonic() - started < 10
    assert not running("61.25")


def test_nothing_outlives_the_command(lab: Lab) -> None:
    script = "setsid nohup sleep 62.25 >/dev/null 2>&1 & disown; exit 3"
    assert lab.confined(script).exit == 3
    assert not running("62.25")


def running(words: str) -> bool:
    """Whether a process with these words in its command line is there."""
    time.sleep(0.3)
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if words.encode() in file.read_bytes():
                return True
        except OSError:
            continue
    return False


def test_output_beyond_the_limit_is_not_shown(lab: Lab) -> None:
    ended = lab.confined("head -c 200000 /dev/zero; touch finished")
    assert (ended.exit, ended.reason, ended.truncated) == (0, "", True)
    assert ended.bytes_out == len(ended.head) == SMALL.output_bytes
    assert (lab.workspace / "finished").exists()


def test_output_without_end_ends_it(lab: Lab) -> None:
    ended = lab.confined("yes")
    assert (ended.exit, ended.reason) == (128 + 9, "output")
    assert ended.bytes_out == SMALL.output_bytes


def test_descriptors_are_not_inherited(lab: Lab) -> None:
    fd = os.open(lab.outside / "held", os.O_RDONLY)
    try:
        os.set_inheritable(fd, True)  # noqa: FBT003  # its only form
        shown = subprocess.run(
            ["cat", f"/dev/fd/{fd}"], close_fds=False, capture_output=True, check=True
        )
        assert SECRET.encode() in shown.stdout
        said = lab.confined(f"cat <&{fd}; ls /proc/self/fd | sort -n").head.decode()
    finally:
        os.close(fd)
    assert SECRET not in said
    assert said.split()[-4:] == ["0", "1", "2", "3"]  # the last is of ls itself


def test_the_environment_is_not_inherited(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    evil = lab.workspace / "evil.sh"
    evil.write_text("echo ESCAPED\n")
    for name in ("BASH_ENV", "ENV", "LD_PRELOAD", "PYTHONSTARTUP", "GATE_TOKEN"):
        monkeypatch.setenv(name, str(evil))
    shown = subprocess.run(
        sandbox.shell("true"), capture_output=True, check=True, text=True
    )
    assert "ESCAPED" in shown.stdout
    said = lab.confined(
        "env; cat /proc/1/environ 2>/dev/null | tr '\\0' '\\n'"
    ).head.decode()
    assert "ESCAPED" not in said
    assert "evil" not in said
    assert {line.split("=")[0] for line in said.splitlines()} <= {
        "PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "TERM", "TMPDIR",
        "CLAWLAW_SANDBOX", "PWD", "SHLVL", "_", "",
    }  # fmt: skip


def test_the_gates_socket_is_shown_and_cannot_be_replaced(lab: Lab) -> None:
    script = python(f"""
import os, socket
for act in (os.unlink, lambda p: os.rename(p, p + "x"), lambda p: os.chmod(p, 0)):
    try:
        act("{GATE_SOCKET}")
        print("ESCAPED")
    except OSError:
        pass
try:
    socket.socket(socket.AF_UNIX).bind("{GATE_SOCKET}")
    print("ESCAPED")
except OSError:
    pass
s = socket.socket(socket.AF_UNIX)
s.connect("{GATE_SOCKET}")
print(s.recv(99).decode())
""")
    said = lab.confined(script, network="gate", socket=lab.path_socket).head.decode()
    assert said.strip() == SECRET


def test_status_and_both_streams_come_back(lab: Lab) -> None:
    seen: list[tuple[int, bytes]] = []
    account, command = lab.job("echo out; sleep .2; echo err >&2; exit 7")
    job = Job(lab.bounds(), command, {}, account, PYTHON)
    ended = process.perform(job, lambda number, data: seen.append((number, data)))
    assert ended.exit == 7
    assert seen == [(1, b"out\n"), (2, b"err\n")]
    assert ended.head == b"out\nerr\n"


def test_loopback_inside_works_for_tests_of_servers(lab: Lab) -> None:
    script = python("""
import socket
server = socket.create_server(("127.0.0.1", 8765))
peer = socket.create_connection(("127.0.0.1", 8765))
print("inside")
""")
    assert lab.confined(script).head == b"inside\n"
    refused = lab.confined(script, listen=()).head
    assert b"Permission denied" in refused


def test_ordinary_work_is_done(lab: Lab) -> None:
    script = """
    set -e
    mkdir -p build && echo 'print(1 + 1)' > build/a.py && python3 build/a.py
    git status --short | head -1 && sort file | wc -l > out && cp out build/ && rm out
    mktemp >/dev/null && touch ~/.cache-file && printf done
    """
    ended = lab.confined(script)
    assert ended.exit == 0, ended.head
    assert ended.head.decode().endswith("done")


def test_a_secret_that_moves_while_the_sandbox_is_made_stops_it(lab: Lab) -> None:
    account, command = lab.job("touch ran; cat moved/.env")
    job = Job(lab.bounds(), command, {}, account, PYTHON)
    before = set(job.bounds.hide)

    def ready() -> bool:
        (lab.workspace / "sub").rename(lab.workspace / "moved")
        return set(tree.scan(job.bounds.write).secrets) <= before

    with pytest.raises(SandboxError, match="workspace changed"):
        process.perform(job, None, ready)
    assert not (lab.workspace / "ran").exists()


def test_without_bubblewrap_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    with pytest.raises(SandboxError, match="apt-get install bubblewrap"):
        host.bubblewrap()
    host.available.cache_clear()
    try:
        found = host.available()
    finally:
        monkeypatch.undo()
        host.available.cache_clear()
    assert not found.ok
    assert "not installed" in found.problem


def test_without_landlock_nothing_runs(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = Path(landlock.__file__).read_text()
    broken = lab.root / "broken.py"
    broken.write_text(text.replace("version = abi()", "version = 0"))
    monkeypatch.setattr(landlock, "__file__", str(broken))
    ended = lab.confined("echo RAN")
    assert ended.exit == 122
    assert b"Landlock is not in this kernel" in ended.head
    assert b"RAN" not in ended.head
