"""A small world to escape into: a workspace, what lies outside of it, and a gate."""

import contextlib
import ctypes
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from clawlaw.executor import process, sandbox, tree
from clawlaw.executor.bounds import Bounds, Limits
from clawlaw.executor.host import system_secrets
from clawlaw.executor.process import Account, Ended, Job

SECRET = "kept-by-the-gate"  # noqa: S105  # of this lab
PYTHON = "/usr/bin/python3"  # one that every account may run
ORDINARY = 60_123  # a user id that nobody has
SMALL = Limits(
    seconds=30,
    processes=64,
    file_bytes=4 << 20,
    disk_bytes=48 << 20,
    scratch_bytes=4 << 20,
    output_bytes=64 << 10,
)
_libc = ctypes.CDLL(None)
GIT_CONFIG = "[core]\n\tbare = false\n"
GATE = """
import os, socket, sys, time
held = open(sys.argv[1])
os.chdir(os.path.dirname(sys.argv[1]))
print("ready", flush=True)
time.sleep(600)
"""


@dataclass
class Lab:
    """One account's world; everything in it belongs to that account."""

    uid: int
    root: Path = field(init=False)
    gate: "subprocess.Popen[str]" = field(init=False)
    victim: "subprocess.Popen[bytes]" = field(init=False)
    heard: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Make the folders and start what listens."""
        self.root = Path(tempfile.mkdtemp(prefix="clawlaw-lab-", dir="/tmp")).resolve()
        self.root.chmod(0o755)
        for name in (
            "workspace/.git/hooks",
            "workspace/.git/objects",
            "workspace/.git/refs",
            "workspace/sub",
            "outside",
            "home/.ssh",
        ):
            (self.root / name).mkdir(parents=True)
        for name in ("workspace/.env", "workspace/sub/.env", "home/.ssh/id_ed25519",
                     "outside/held"):  # fmt: skip
            (self.root / name).write_text(f"{SECRET}\n")
        for name in ("workspace/file", "outside/victim"):
            (self.root / name).write_text("as it was\n")
        (self.workspace / ".git/HEAD").write_text("ref: refs/heads/main\n")
        (self.workspace / ".git/config").write_text(GIT_CONFIG)
        os.link(self.workspace / ".env", self.workspace / "innocent")
        for folder, folders, files in os.walk(self.root):
            for name in (".", *folders, *files):
                os.chown(Path(folder, name), self.uid, self.uid)
        self._listen()
        self.gate = subprocess.Popen(
            [PYTHON, "-c", GATE, str(self.outside / "held")],
            env={"GATE_SECRET": SECRET},
            stdout=subprocess.PIPE,
            text=True,
            **self._who(),
        )
        assert self.gate.stdout is not None
        assert self.gate.stdout.readline() == "ready\n"
        self.victim = subprocess.Popen(["sleep", "600"], **self._who())

    def _listen(self) -> None:
        self._sockets = []
        self.path_socket = str(self.outside / "gate.sock")
        self.abstract = f"clawlaw-{self.root.name}"
        for address in (self.path_socket, f"\0{self.abstract}"):
            server = socket.socket(socket.AF_UNIX)
            server.bind(address)
            self._serve(server)
        os.chown(self.path_socket, self.uid, self.uid)
        tcp = socket.create_server(("127.0.0.1", 0))
        self.tcp = tcp.getsockname()[1]
        self._serve(tcp)
        self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._udp.bind(("127.0.0.1", 0))
        self.udp = self._udp.getsockname()[1]
        self._sockets.append(self._udp)
        threading.Thread(target=self._hear, daemon=True).start()
        self.shared = 0x0C1A_0000 | os.getpid() & 0xFFFF
        self._memory = _libc.shmget(self.shared, 4096, 0o1644)  # IPC_CREAT

    def _serve(self, server: socket.socket) -> None:
        server.listen()
        self._sockets.append(server)

        def answer() -> None:
            while True:
                try:
                    peer, _ = server.accept()
                except OSError:
                    return
                with peer:
                    peer.sendall(SECRET.encode())

        threading.Thread(target=answer, daemon=True).start()

    def _hear(self) -> None:
        while True:
            try:
                data, sender = self._udp.recvfrom(512)
                if sender is None:  # shut down
                    return
                self.heard.append(data)
                self._udp.sendto(SECRET.encode(), sender)
            except OSError:
                return

    @property
    def workspace(self) -> Path:
        """What the action may write."""
        return self.root / "workspace"

    @property
    def outside(self) -> Path:
        """What it may not."""
        return self.root / "outside"

    @property
    def home(self) -> Path:
        """Home of the account, outside of the sandbox."""
        return self.root / "home"

    def _who(self) -> dict[str, Any]:
        if self.uid == os.geteuid():
            return {}
        return {"user": self.uid, "group": self.uid, "extra_groups": []}

    def fill(self, script: str) -> str:
        """A script with this lab's names in it."""
        names = {
            "WS": self.workspace, "OUT": self.outside, "HOME": self.home,
            "GATE": self.gate.pid, "VICTIM": self.victim.pid, "TCP": self.tcp,
            "UDP": self.udp, "SOCK": self.path_socket, "ABSTRACT": self.abstract,
            "SECRET": SECRET, "ROOT": self.root, "SHARED": f"0x{self.shared:08x}",
        }  # fmt: skip
        for name, value in names.items():
            script = script.replace(f"@{name}@", str(value))
        return script

    def plainly(self, script: str, *, seconds: int = 30) -> str:
        """What a script says without any sandbox, as the same account."""
        done: subprocess.CompletedProcess[bytes] = subprocess.run(
            sandbox.shell(self.fill(script)),
            cwd=self.workspace,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(self.home)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=seconds,
            check=False,
            **self._who(),
        )
        return (done.stdout + done.stderr).decode("utf-8", "replace")

    def bounds(self, **changed: object) -> Bounds:
        """As the executor would make them for a command in the workspace."""
        seen = tree.scan((str(self.workspace),))
        fields: dict[str, object] = {
            "cwd": str(self.workspace),
            "home": str(self.home),
            "write": (str(self.workspace),),
            "hide": (*system_secrets(), *seen.secrets),
            "keep": tuple(seen.kept),
            "limits": SMALL,
        }
        return Bounds(**(fields | changed))  # type: ignore[arg-type]  # tests' own

    def confined(self, script: str, **changed: object) -> Ended:
        """How a script ends in the sandbox."""
        account, command = self.job(script)
        job = Job(self.bounds(**changed), command, {}, account, PYTHON)
        return process.perform(job)

    def job(self, script: str) -> tuple[Account | None, tuple[str, ...]]:
        """Who runs a script, and its command."""
        account = None if self.uid == os.geteuid() else Account(self.uid, self.uid)
        return account, tuple(sandbox.shell(self.fill(script)))

    def __enter__(self) -> Self:
        """Return the lab."""
        return self

    def __exit__(self, *_: object) -> None:
        """End everything that was started, and remove the folders."""
        for child in (self.gate, self.victim):
            child.send_signal(signal.SIGKILL)
            child.wait()
        if self.gate.stdout is not None:
            self.gate.stdout.close()
        _libc.shmctl(self._memory, 0, None)  # IPC_RMID
        for server in self._sockets:
            with_shutdown(server)
        shutil.rmtree(self.root, ignore_errors=True)


def with_shutdown(server: socket.socket) -> None:
    """Close a socket that a thread may be waiting on."""
    with contextlib.suppress(OSError):
        server.shutdown(socket.SHUT_RDWR)
    server.close()


def python(code: str) -> str:
    """A shell command that runs Python code."""
    body = code.strip("\n")
    return f"{PYTHON} -I -S - <<'CODE'\n{body}\nCODE\n"


__all__ = ["ORDINARY", "PYTHON", "SECRET", "SMALL", "Lab", "python"]
