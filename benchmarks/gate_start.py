"""How long a gate needs until it stands as its log says, with a snapshot and without.

    python benchmarks/gate_start.py [--entries 100000] [--rest 10000] [FOLDER]

A gate in process decides a mix of file and shell actions and takes their outcomes until
its log has as many entries as asked for; the log is a real one in FOLDER (default: a
temporary folder here). Then it is started again: by a replay of everything, from the
snapshot of its stop, and from one that is `--rest` entries old, as after a kill. Each
start is a process of its own; the time includes opening the log. Memory must be the
same after each.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from hashlib import sha256
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from clawlaw.core.policy import Policy
from clawlaw.evidence.log import Log
from clawlaw.evidence.note import Signer
from clawlaw.gate.boundary import Boundary
from clawlaw.gate.deciding import Hooks
from clawlaw.gate.evaluator import Evaluator
from clawlaw.gate.keeper import Keeper
from clawlaw.gate.ledger import GateClock, Ledger
from clawlaw.gate.peers import Peer
from clawlaw.gate.protection import Protection
from clawlaw.gate.snapshot import NAME, Snapshots
from clawlaw.gate.standard import standard_tree
from clawlaw.gate.standing import standing
from clawlaw.gate.state import GateState, Settings
from clawlaw.policy.builtin import builtin
from clawlaw.policy.compile import load
from clawlaw.private import create_private, replace_private

ORIGIN = "bench.example/gate"
SIGNER = Signer(ORIGIN, Ed25519PrivateKey.from_private_bytes(b"k" * 32))
AGENT = Peer("developer", frozenset({"propose", "outcome", "executor"}))
SESSIONS = 6
GROUP = 32  # requests of one sync
MIX = (
    ("read", "path", "src/m{n}.py"),
    ("write", "path", "src/n{n}.py"),
    ("exec", "command", "grep -n def src/m{n}.py"),
    ("fetch", "url", "https://docs.python.org/3/library/l{n}.html"),
    ("exec", "command", "pytest -q tests/test_{n}.py"),
)


class Room:
    """One gate on the log of a folder."""

    def __init__(self, folder: Path, policy: Policy, *, every: int = 1) -> None:
        """Open the log; nothing is rebuilt yet."""
        self.log = Log.open(folder / "log", ORIGIN, SIGNER)
        clock = GateClock()
        ledger = Ledger(self.log, clock, "bench")
        self.state = GateState(Settings(sandbox=True), Evaluator(policy), ledger)
        (folder / "state").mkdir(exist_ok=True)
        alone = Protection(
            SIGNER.verifier, (), needed=1, limit=1, file="", folder=str(folder)
        )
        self.snapshots = Snapshots(folder / "state", SIGNER, every)
        self.keeper = Keeper(self.snapshots, self.log, self.state, alone)
        tree = standard_tree("/workspace", "/home/agent")
        self.gate = Boundary(self.state, lambda _principal: tree, Hooks())

    def live(self, entries: int) -> None:
        """Decide and take outcomes until the log has so many entries."""
        number = self.log.size
        while self.log.size < entries:
            for _ in range(GROUP):
                number += 1
                self._act(number)
            self.gate.flush()
            if not number % (GROUP * 200):
                sys.stderr.write(f"\r{self.log.size} entries ")
        sys.stderr.write("\n")

    def _act(self, number: int) -> None:
        tool, name, text = MIX[number % len(MIX)]
        arguments = {name: text.format(n=number)}
        if tool == "write":
            arguments["content"] = "x = 1\n"
        call = {
            "session": f"s{number % SESSIONS}",
            "tool": tool,
            "arguments": arguments,
            "cwd": "/workspace",
            "mediated": tool == "exec",
        }
        reply = self.gate.propose(AGENT, json.dumps(call).encode())
        said = json.loads(reply.body)
        if said["verdict"] == "allow":
            done = {"id": said["id"], "exit": 0, "text": f"ok {number}"}
            self.gate.outcome(AGENT, json.dumps(done).encode())


def start(folder: Path) -> None:
    """Start once, and print what it took as JSON."""
    policy = load(builtin("forge"))
    begin = time.perf_counter()
    room = Room(folder, policy)
    told = room.keeper.rebuild()
    took = time.perf_counter() - begin
    stood = msgspec.json.encode(standing(room.state), order="sorted")
    found = {
        "seconds": round(took, 3),
        "entries": told.entries,
        "read": told.entries - told.known,
        "memory": sha256(stood).hexdigest(),
    }
    print(json.dumps(found))


def started(folder: Path) -> dict[str, float | str]:
    """Start in a process of its own."""
    command = [sys.executable, __file__, "--start", str(folder)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE)  # this file
    found: dict[str, float | str] = json.loads(done.stdout)
    return found


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=Path())
    parser.add_argument("--entries", type=int, default=100_000)
    parser.add_argument("--rest", type=int, default=10_000)
    parser.add_argument("--start", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.start:
        start(asked.folder)
        return
    with tempfile.TemporaryDirectory(dir=asked.folder) as made:
        measure(Path(made), asked.entries, asked.rest)


def measure(folder: Path, entries: int, rest: int) -> None:
    """Make a log, then start from it in three ways."""
    room = Room(folder, load(builtin("forge")))
    room.live(entries - rest)
    begin = time.perf_counter()
    data = room.keeper.take(clean=False)
    taking = time.perf_counter() - begin
    begin = time.perf_counter()
    room.snapshots.write(data)
    writing = time.perf_counter() - begin
    path = folder / "state" / NAME
    older = path.read_bytes()
    room.live(entries)
    room.keeper.stop()
    newest = path.read_bytes()
    room.log.close()
    rows = {}
    path.unlink()
    rows["replay of everything"] = started(folder)
    create_private(path, newest)
    rows["snapshot of the stop"] = started(folder)
    replace_private(path, older)
    rows["older snapshot"] = started(folder)
    size = sum(f.stat().st_size for f in (folder / "log").glob("*.seg")) >> 20
    print(f"log {size} MiB, snapshot {len(newest) >> 10} KiB")
    print(f"taking one {taking * 1e3:.1f} ms, writing it {writing * 1e3:.1f} ms")
    print(f"{'start':<24}{'entries read':>14}{'seconds':>10}")
    for name, row in rows.items():
        print(f"{name:<24}{row['read']:>14}{row['seconds']:>10}")
    if len({row["memory"] for row in rows.values()}) != 1:
        sys.exit("the starts do not remember the same")


if __name__ == "__main__":
    main()
