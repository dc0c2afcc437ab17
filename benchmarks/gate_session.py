"""A session of eight hours at speed: does anything grow that should not?

Replays a mix of ordinary actions of one session on the real daemon, 100,000 and more,
and samples its latency, its memory and what it holds: permits, descriptors, bytes of
the log. The policy is the Forge's; only its budgets of actions are raised, since a
session of this length would spend them. The floor (`gate_floor.py`) is asked in every
sample too, so that what the machine does beside is told from what the gate does. The
plot is an SVG.

    python benchmarks/gate_session.py [--actions 100000] [--plot FILE.svg]
"""

import argparse
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles

from gate import (
    HERE,
    Place,
    call,
    configure,
    connect,
    free_port,
    request,
    running,
    scraper,
    sequential,
)

from clawlaw.policy.builtin import builtin

SAMPLES = 50
PROBES = 200  # of each sample, one by one; the rest of it is sent in groups
RECORD, ANSWER = 2300, 350  # bytes that the floor writes and answers, as the gate does
TOGETHER = 12
FILES = 400
WINDOWS = 5  # compared: the second and the last of them; in the first, tables fill
MAX_GROWTH = 1.5  # of the median latency, as a multiple of the floor's
MAX_MEMORY = 16 << 10  # KiB that the daemon may gain
MIX = (
    ("read", "path", "src/m{n}.py"),
    ("read", "path", "docs/p{n}.md"),
    ("write", "path", "src/m{n}.py"),
    ("exec", "command", "ls src"),
    ("read", "path", "tests/t{n}.py"),
    ("exec", "command", "git status"),
    ("write", "path", "tests/t{n}.py"),
    ("exec", "command", "grep -n def src/m{n}.py"),
    ("edit", "path", "src/m{n}.py"),
    ("exec", "command", "pytest -q tests/t{n}.py"),
)


@dataclass
class Samples:
    """What was seen, one value a sample.

    Attributes:
        middle: p50 of the probes, milliseconds.
        late: p99 of the probes, milliseconds.
        floor: p50 of the floor then, milliseconds.
        memory: Of the daemon, KiB.
        permits: Not redeemed.
        descriptors: Open ones of the daemon.
        verdicts: Counts of all actions.
    """

    middle: list[float] = field(default_factory=list)
    late: list[float] = field(default_factory=list)
    floor: list[float] = field(default_factory=list)
    memory: list[int] = field(default_factory=list)
    permits: list[float] = field(default_factory=list)
    descriptors: list[int] = field(default_factory=list)
    verdicts: dict[str, int] = field(default_factory=dict)

    def count(self, bodies: list[bytes]) -> None:
        """Count what was answered."""
        for answer in bodies:
            verdict = json.loads(answer)["verdict"]
            self.verdicts[verdict] = self.verdicts.get(verdict, 0) + 1


def fill(place: Place) -> None:
    """Make the files that the mix is about."""
    for folder, name in (("src", "m{}.py"), ("docs", "p{}.md"), ("tests", "t{}.py")):
        (place.workspace / folder).mkdir(exist_ok=True)
        for number in range(FILES):
            (place.workspace / folder / name.format(number)).write_text("x = 1\n")


def generous(place: Place, config: Path) -> None:
    """Let the gate judge by the Forge's policy with budgets for any length."""
    folder = place.folder / "policy"
    shutil.copytree(builtin("forge"), folder)
    file = folder / "policy.yaml"
    text = re.sub(r"actions: [0-9_]+", "actions: 100_000_000", file.read_text())
    file.write_text(text)
    said = json.loads(config.read_text())
    said["policy"]["folder"] = str(folder)
    config.write_text(json.dumps(said))


def body(place: Place, number: int) -> bytes:
    """One action of the mix, on one of its files."""
    tool, name, value = MIX[number % len(MIX)]
    arguments: dict[str, object] = {name: value.format(n=number // len(MIX) % FILES)}
    if tool == "write":
        arguments["content"] = f"x = {number}\n"
    if tool == "edit":
        arguments |= {"old": "x = 1", "new": "x = 2"}
    return call(place, tool, arguments, "long")


def memory(pid: int) -> int:
    """KiB that a process holds."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    return 0


def read_answers(own: socket.socket, number: int) -> list[bytes]:
    """Bodies of so many answers."""
    data, bodies = b"", []
    while len(bodies) < number:
        head, end, rest = data.partition(b"\r\n\r\n")
        mark = b"Content-Length: "
        length = int(head.partition(mark)[2].split(b"\r\n")[0]) if end else 0
        if not end or len(rest) < length:
            more = own.recv(1 << 18)
            if not more:
                raise SystemExit("the gate closed the connection")
            data += more
            continue
        bodies.append(rest[:length])
        data = rest[length:]
    return bodies


def run(place: Place, actions: int) -> Samples:
    """Replay so many actions."""
    config = configure(place, free_port())
    generous(place, config)
    command = [sys.executable, "-m", "clawlaw", "gate", "--config", str(config)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as gate:
        path = place.folder / "g.sock"
        while not path.exists():
            if gate.poll() is not None:
                raise SystemExit("the gate did not start")
            time.sleep(0.05)
        time.sleep(0.2)
        floor = place.folder / "floor.sock"
        sizes = (str(place.folder / "floor"), str(RECORD), str(ANSWER))
        try:
            with running(str(HERE / "gate_floor.py"), str(floor), *sizes, ready=floor):
                return replay(place, (path, floor), gate.pid, actions)
        finally:
            gate.terminate()


def replay(place: Place, sockets: tuple[Path, Path], pid: int, actions: int) -> Samples:
    """Replay on a running gate, with a floor beside it."""
    found = Samples()
    path, floor = sockets
    scrape = scraper(path)
    step = max(actions // SAMPLES, PROBES)
    with connect(path) as own, connect(floor) as other:
        for start in range(0, actions, step):
            mix = [request(body(place, n)) for n in range(start, start + step)]
            found.floor.append(median(sequential(other, mix[:1], PROBES)))
            waited = []
            for asked in mix[:PROBES]:
                begin = time.perf_counter()
                own.sendall(asked)
                found.count(read_answers(own, 1))
                waited.append((time.perf_counter() - begin) * 1000)
            for at in range(PROBES, step, TOGETHER):
                some = mix[at : at + TOGETHER]
                own.sendall(b"".join(some))
                found.count(read_answers(own, len(some)))
            found.middle.append(median(waited))
            found.late.append(quantiles(waited, n=100)[98])
            found.memory.append(memory(pid))
            held = re.search(r"^clawlaw_permits (\S+)", scrape(), re.MULTILINE)
            found.permits.append(float(held[1]) if held else 0.0)
            found.descriptors.append(len(list(Path(f"/proc/{pid}/fd").iterdir())))
    return found


def plot(found: Samples, actions: int, file: Path) -> None:
    """Write an SVG: latency above, memory and what is held below."""
    import matplotlib as mpl  # noqa: PLC0415  # only where a plot is asked for

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "gate_session"  # the same names in every run
    from matplotlib import pyplot as plt  # noqa: PLC0415  # after `use`

    count = len(found.middle)
    at = [actions * (n + 1) / count / 1000 for n in range(count)]
    figure, (above, below) = plt.subplots(2, 1, figsize=(8, 5.5), sharex=True)
    above.plot(at, found.late, label="gate, p99", color="#8250df", linewidth=0.9)
    above.plot(at, found.middle, label="gate, p50", color="#1f6feb")
    above.plot(at, found.floor, label="floor, p50", color="#6e7781", linewidth=0.9)
    above.set_yscale("log")
    above.set_ylabel("ms to a durable answer")
    above.legend(loc="upper right")
    above.set_title(f"One session, {actions:,} actions")
    mib = [kib / 1024 for kib in found.memory]
    below.plot(at, mib, label="memory, MiB", color="#d1242f")
    below.plot(at, found.descriptors, label="open descriptors", color="#1a7f37")
    below.set_ylim(0, max(mib) * 1.25)
    below.set_ylabel("daemon")
    below.set_xlabel("thousand actions")
    below.legend(loc="lower right")
    for axes in (above, below):
        axes.grid(visible=True, alpha=0.3)
    figure.tight_layout()
    figure.savefig(file, metadata={"Date": None})


def main() -> int:
    """Run, print, plot; 1 where something grew."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--actions", type=int, default=100_000)
    parser.add_argument("--plot", type=Path)
    options = parser.parse_args()
    plotted = options.plot.absolute() if options.plot else None
    os.chdir(Path(__file__).parent)
    folder = Path(tempfile.mkdtemp(prefix="clawlaw-session-"))
    try:
        place = Place(folder)
        place.make()
        fill(place)
        found = run(place, options.actions)
        log = sum(f.stat().st_size for f in (folder / "log").glob("*") if f.is_file())
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if plotted:
        plot(found, options.actions, plotted)
        print(f"plot: {plotted}")
    return report(found, options.actions, log)


def report(found: Samples, actions: int, log: int) -> int:
    """Print for a person; 1 where something grew."""
    part = max(len(found.middle) // WINDOWS, 1)
    times = [m / f for m, f in zip(found.middle, found.floor, strict=True)]
    first, last = median(times[part : 2 * part]), median(times[-part:])
    before, after = found.memory[2 * part - 1], found.memory[-1]
    print(f"{actions} actions: {found.verdicts}, log {log / actions:.0f} bytes each")
    for name, values in (
        ("gate, p50 ms", found.middle),
        ("gate, p99 ms", found.late),
        ("floor, p50 ms", found.floor),
        ("gate's p50 by the floor's", times),
    ):
        early, late = median(values[part : 2 * part]), median(values[-part:])
        print(f"{name}: second fifth {early:.3f}, last fifth {late:.3f}")
    print(f"memory, MiB: {before / 1024:.1f} after two fifths, {after / 1024:.1f} last")
    print(f"permits: at most {max(found.permits):.0f}", end=", ")
    print(f"descriptors: {min(found.descriptors)} to {max(found.descriptors)}")
    grew = last > first * MAX_GROWTH or after - before > MAX_MEMORY
    if grew:
        print("GREW: latency or memory")
    return int(grew)


if __name__ == "__main__":
    sys.exit(main())
