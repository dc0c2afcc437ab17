"""What a durable decision of the gate costs, beside the floor of the same run.

Starts the real daemon with the Forge's policy, and `gate_floor.py` on the same file
system; asks both over a Unix socket, in turns so that noise falls on both: one agent,
action after action, then 32 agents at once. Then the HTTP hook over TCP, a table of
stages that adds up (`gate_stages.py`), and the share of composition.

    python benchmarks/gate.py [--times 2000] [--rounds 5] [--seconds 4] [--json]
"""

import argparse
import contextlib
import hashlib
import json
import os
import selectors
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import fmean

from gate_report import cuts, report
from gate_stages import Stages, tracer

HERE = Path(__file__).parent
AGENT = 64_101  # an account that nothing belongs to, where root runs this
TOKEN = "benchmark"  # noqa: S105  # of a gate that lives as long as this
AGENTS = 32
WARM = 300
SHELL = ("git status", "ls -la src", "grep -rn TODO src")
type Asked = dict[str, list[bytes]]


@dataclass
class Place:
    """A folder with a workspace."""

    folder: Path

    @property
    def workspace(self) -> Path:
        """Where the agent works."""
        return self.folder / "work"

    def make(self) -> None:
        """Fill it."""
        (self.workspace / "src").mkdir(parents=True)
        (self.folder / "state").mkdir()
        for name in ("app.py", "test_app.py"):
            (self.workspace / "src" / name).write_text("x = 1\n")
        self.folder.chmod(0o755)


def call(place: Place, tool: str, arguments: dict[str, object], session: str) -> bytes:
    """One proposal."""
    said = {
        "session": session,
        "tool": tool,
        "arguments": arguments,
        "cwd": str(place.workspace),
    }
    if tool == "exec":
        said["mediated"] = True
    return json.dumps(said).encode()


def request(body: bytes, *, token: str = "", path: str = "/v1/proposals") -> bytes:
    """A proposal as HTTP."""
    more = f"Authorization: Bearer {token}\r\n" if token else ""
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\n{more}"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


@contextlib.contextmanager
def acting() -> Iterator[None]:
    """Be the agent while connecting, where root runs this."""
    if os.geteuid():
        yield
        return
    groups = os.getgroups()
    os.setgroups([])
    os.setegid(AGENT)
    os.seteuid(AGENT)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(groups)


def connect(path: Path | int) -> socket.socket:
    """A connection as the agent."""
    family = socket.AF_INET if isinstance(path, int) else socket.AF_UNIX
    own = socket.socket(family, socket.SOCK_STREAM)
    own.settimeout(30)
    with acting():
        own.connect(("127.0.0.1", path) if isinstance(path, int) else str(path))
    if isinstance(path, int):
        own.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return own


def read_answer(own: socket.socket) -> bytes:
    """One whole answer."""
    data = own.recv(65_536)
    head, _, body = data.partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
    while len(body) < length:
        body += own.recv(65_536)
    return body


def sequential(own: socket.socket, requests: list[bytes], times: int) -> list[float]:
    """Milliseconds of each of `times` requests, one after another."""
    found = []
    for number in range(times):
        asked = requests[number % len(requests)]
        begin = time.perf_counter()
        own.sendall(asked)
        read_answer(own)
        found.append((time.perf_counter() - begin) * 1000)
    return found


def parallel(
    path: Path, requests: list[bytes], seconds: float
) -> tuple[float, list[float]]:
    """(requests a second, milliseconds of each) of 32 agents, each one by one."""
    selector = selectors.DefaultSelector()
    began: dict[socket.socket, float] = {}
    for number in range(AGENTS):
        own = connect(path)
        selector.register(own, selectors.EVENT_READ, requests[number % len(requests)])
    found: list[float] = []
    start = time.perf_counter()
    for key in list(selector.get_map().values()):
        sock = key.fileobj
        assert isinstance(sock, socket.socket)  # noqa: S101  # registered above
        began[sock] = time.perf_counter()
        sock.sendall(key.data)
    while (now := time.perf_counter()) - start < seconds:
        for key, _ in selector.select(1):
            sock = key.fileobj
            assert isinstance(sock, socket.socket)  # noqa: S101  # registered above
            read_answer(sock)
            now = time.perf_counter()
            found.append((now - began[sock]) * 1000)
            began[sock] = now
            sock.sendall(key.data)
    spent = time.perf_counter() - start
    for sock in began:
        sock.close()
    selector.close()
    return len(found) / spent, found


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def configure(place: Place, port: int) -> Path:
    """Write the gate's configuration and make its key."""
    from clawlaw.evidence.keys import make_signer  # noqa: PLC0415  # of an extra

    make_signer(place.folder / "log.pem", "benchmark.example/gate")
    digest = "sha256:" + hashlib.sha256(TOKEN.encode()).hexdigest()
    uid = os.geteuid() or AGENT
    rights = ["propose", "outcome", "executor", "metrics"]
    said = {
        "document": "gate",
        "policy": {
            "folder": "forge",
            "workspace": [str(place.workspace)],
            "home": "/home/agent",
        },
        "evidence": {
            "folder": str(place.folder / "log"),
            "origin": "benchmark.example/gate",
            "key": str(place.folder / "log.pem"),
            "secrets": str(place.folder / "secrets"),
        },
        "agents": [{"principal": "developer", "uid": uid, "tokens": [digest]}],
        "listeners": [
            {"unix": str(place.folder / "g.sock"), "mode": "0666", "rights": rights},
            {"tcp": f"127.0.0.1:{port}", "rights": list(rights)},
        ],
        "executor": {"sandbox": True},
    }
    config = place.folder / "gate.yaml"
    config.write_text(json.dumps(said))
    config.chmod(0o600)
    return config


@contextlib.contextmanager
def running(*command: str, ready: Path) -> Iterator[None]:
    """A process, ended at the end; waits until its socket is there."""
    process = subprocess.Popen(
        [sys.executable, *command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        until = time.monotonic() + 60
        while not ready.exists():
            if process.poll() is not None or time.monotonic() > until:
                raise SystemExit(f"{command} did not start")
            time.sleep(0.05)
        time.sleep(0.2)
        yield
    finally:
        process.terminate()
        process.wait(30)


def entry_size(place: Place) -> int:
    """Bytes of the newest entry, with its frame."""
    from clawlaw.evidence.frame import HEADER_SIZE  # noqa: PLC0415
    from clawlaw.evidence.reader import entries  # noqa: PLC0415

    *_, (_, payload) = entries(place.folder / "log")
    return len(payload) + HEADER_SIZE


def unseen(place: Place, times: int, after: int) -> list[bytes]:
    """Lines of a shell that did not come before, so that no analysis is kept of any."""
    lines = [f"{SHELL[n % 3]} n{n}" for n in range(after, after + times)]
    return [request(call(place, "exec", {"command": c}, "shell")) for c in lines]


def scraper(gate: Path) -> Callable[[], str]:
    """What asks the gate for its metrics."""

    def scrape() -> str:
        with connect(gate) as own:
            own.sendall(b"GET /metrics HTTP/1.1\r\nHost: g\r\n\r\n")
            return read_answer(own).decode()

    return scrape


def warm(place: Place, gate: Path, asked: Asked) -> dict[str, tuple[int, int]]:
    """Bytes of a record and of an answer by name, once the gate is warm."""
    sizes = {}
    with connect(gate) as own:
        for name, requests in asked.items():
            sequential(own, requests, WARM)
            own.sendall(requests[0])
            answer = read_answer(own)
            verdict = json.loads(answer)["verdict"]
            if verdict != "allow":
                raise SystemExit(f"{name}: {verdict}, the benchmark means to allow")
            sizes[name] = entry_size(place), len(answer)
    return sizes


@contextlib.contextmanager
def floors(
    place: Place, sizes: dict[str, tuple[int, int]], asked: Asked
) -> Iterator[dict[str, Path]]:
    """A warm floor for each size of record and answer."""
    found = {}
    with contextlib.ExitStack() as stack:
        for name, (record, length) in sizes.items():
            path = place.folder / f"{name}.sock"
            file = str(place.folder / f"{name}.floor")
            args = (str(path), file, str(record), str(length))
            floor = str(HERE / "gate_floor.py")
            stack.enter_context(running(floor, *args, ready=path))
            found[name] = path
            with connect(path) as other:
                sequential(other, asked[name], WARM)
        yield found


def measure(place: Place, options: argparse.Namespace) -> dict[str, object]:
    """Everything."""
    port = free_port()
    config = configure(place, port)
    gate = place.folder / "g.sock"
    stages = Stages(scraper(gate))
    write = {"path": "src/app.py", "content": "x = 1\n"}
    asked = {
        "file": [
            request(call(place, "read", {"path": "src/app.py"}, "file")),
            request(call(place, "write", write, "file")),
        ],
        "shell": [request(call(place, "exec", {"command": c}, "shell")) for c in SHELL],
    }
    many = [
        request(call(place, "read", {"path": f"src/f{n}.py"}, f"p{n % 6}"))
        for n in range(AGENTS)
    ]
    rows: dict[str, list[float]] = {}
    rates: dict[str, float] = {}
    with running("-m", "clawlaw", "gate", "--config", str(config), ready=gate):
        sizes = warm(place, gate, asked)
        with floors(place, sizes, asked) as at, connect(gate) as own:
            times = max(options.times // options.rounds, 100)
            for _ in range(options.rounds):
                for name, some in asked.items():
                    with connect(at[name]) as other:
                        found = sequential(other, some, times)
                    rows.setdefault(f"{name} floor", []).extend(found)
                    run = partial(sequential, own, some, times)
                    found = stages.during(name, run)
                    rows.setdefault(f"{name} gate", []).extend(found)
                new = unseen(place, times, len(rows.get("shell gate, new", ())))
                found = stages.during(
                    "shell, new", partial(sequential, own, new, times)
                )
                rows.setdefault("shell gate, new", []).extend(found)
            for _ in range(2):
                for name, path in (("floor", at["file"]), ("gate", gate)):
                    run_all = partial(parallel, path, many, options.seconds / 2)
                    rate, found = stages.during(f"32 {name}", run_all)
                    rates[name] = max(rates.get(name, 0.0), rate)
                    rows.setdefault(f"32 agents {name}", []).extend(found)
        with connect(port) as hook:
            some = [
                request(call(place, "exec", {"command": c}, "hook"), token=TOKEN)
                for c in SHELL
            ]
            sequential(hook, some, WARM)
            rows["hook over TCP"] = sequential(hook, some, options.times)
    return {
        "ms": {name: cuts(found) for name, found in rows.items()},
        "per_second": rates,
        "stages_ms": {
            name: stages.means(name, rows[row])
            for name, row in (
                *((name, f"{name} gate") for name in asked),
                ("shell, new", "shell gate, new"),
            )
        },
        "floor_ms": {
            name: fmean(rows[row])
            for name, row in (
                *((name, f"{name} floor") for name in asked),
                ("shell, new", "shell floor"),
            )
        },
        "together": stages.together("32 gate"),
        "tracer_us": tracer(),
        "bytes": sizes,
    }


def main() -> int:
    """Print the table; 1 where a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=6)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="clawlaw-bench-"))
    try:
        place = Place(folder)
        place.make()
        found = measure(place, options)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if options.json:
        print(json.dumps(found))
        return 0
    return report(found)


if __name__ == "__main__":
    sys.exit(main())
