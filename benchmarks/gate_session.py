"""A session of eight hours at speed: does anything grow that should not?

Proposes a mix of ordinary actions to the real daemon, 100,000 and more, and samples
its latency, its memory and the size of its state; the plot is an SVG made here.

    python benchmarks/gate_session.py [--actions 100000] [--plot FILE.svg]
"""

import argparse
import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median, quantiles

from gate import Place, call, configure, connect, free_port, request

SAMPLES = 50
PROBES = 100  # of each sample, one by one; the rest of it is sent in groups
TOGETHER = 12
WINDOWS = 5  # compared: the first and the last of them
MAX_GROWTH = 1.5  # of the median latency, last fifth to first
MAX_MEMORY = 64 << 10  # KiB that the daemon may gain after the first fifth
MIX = (
    ("read", "path", "src/m{n}.py"),
    ("read", "path", "docs/p{n}.md"),
    ("write", "path", "src/m{n}.py"),
    ("exec", "command", "ls src"),
    ("read", "path", "tests/t{n}.py"),
    ("exec", "command", "git status"),
    ("write", "path", "tests/t{n}.py"),
    ("exec", "command", "grep -n def src/m{n}.py"),
)


def body(place: Place, number: int) -> bytes:
    """One action of the mix, on one of 400 files."""
    tool, name, value = MIX[number % len(MIX)]
    arguments: dict[str, object] = {name: value.format(n=number // len(MIX) % 400)}
    if tool == "write":
        arguments["content"] = f"x = {number}\n"
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


def count(verdicts: dict[str, int], bodies: list[bytes]) -> None:
    """Count what was answered."""
    for answer in bodies:
        verdict = json.loads(answer)["verdict"]
        verdicts[verdict] = verdicts.get(verdict, 0) + 1


def run(place: Place, actions: int) -> tuple[list[float], list[int], dict[str, int]]:
    """(median ms by sample, KiB by sample, verdicts)."""
    config = configure(place, free_port())
    command = [sys.executable, "-m", "clawlaw", "gate", "--config", str(config)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as gate:
        path = place.folder / "g.sock"
        while not path.exists():
            if gate.poll() is not None:
                raise SystemExit("the gate did not start")
            time.sleep(0.05)
        time.sleep(0.2)
        latency: list[float] = []
        held: list[int] = []
        verdicts: dict[str, int] = {}
        step = max(actions // SAMPLES, 1)
        with contextlib.closing(connect(path)) as own:
            for start in range(0, actions, step):
                mix = [request(body(place, n)) for n in range(start, start + step)]
                found = []
                for asked in mix[:PROBES]:
                    begin = time.perf_counter()
                    own.sendall(asked)
                    count(verdicts, read_answers(own, 1))
                    found.append((time.perf_counter() - begin) * 1000)
                for at in range(PROBES, step, TOGETHER):
                    some = mix[at : at + TOGETHER]
                    own.sendall(b"".join(some))
                    count(verdicts, read_answers(own, len(some)))
                latency.append(median(found))
                held.append(memory(gate.pid))
        gate.terminate()
    return latency, held, verdicts


def line(values: Sequence[float], top: float, width: int, height: int) -> str:
    """Points of a polyline."""
    wide = width / max(len(values) - 1, 1)
    return " ".join(
        f"{i * wide + 60:.1f},{height - v / top * (height - 40) + 20:.1f}"
        for i, v in enumerate(values)
    )


def plot(latency: list[float], held: list[int], actions: int) -> str:
    """An SVG of both curves."""
    width, height = 720, 300
    ms, mib = max(latency) * 1.2, max(held) / 1024 * 1.2
    memory_line = line([k / 1024 for k in held], mib, width, height)
    latency_line = line(latency, ms, width, height)
    box = f"0 0 {width + 120} {height + 60}"
    font = 'font-family="sans-serif" font-size="12"'
    curve = '<polyline fill="none" stroke-width="2"'
    return f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="{box}" {font}>
<rect width="100%" height="100%" fill="white"/>
{curve} stroke="#1f6feb" points="{latency_line}"/>
{curve} stroke="#d1242f" points="{memory_line}"/>
<text x="60" y="16" fill="#1f6feb">median latency, ms (top {ms:.2f})</text>
<text x="380" y="16" fill="#d1242f">memory of the daemon, MiB (top {mib:.0f})</text>
<text x="60" y="{height + 45}">0</text>
<text x="{width - 10}" y="{height + 45}">{actions:,} actions of one session</text>
<line x1="60" y1="{height + 20}" x2="{width + 60}" y2="{height + 20}" stroke="#888"/>
</svg>
"""


def main() -> int:
    """Run, print, plot; 1 where something grew."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--actions", type=int, default=100_000)
    parser.add_argument("--plot", type=Path)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="clawlaw-session-"))
    try:
        place = Place(folder)
        place.make()
        latency, held, verdicts = run(place, options.actions)
        log = sum(f.stat().st_size for f in (folder / "log").glob("*") if f.is_file())
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    fifth = max(len(latency) // WINDOWS, 1)
    first, last = median(latency[:fifth]), median(latency[-fifth:])
    gained = held[-1] - held[fifth - 1]
    print(f"{options.actions} actions: {verdicts}, log {log >> 20} MiB")
    print(f"median ms: first fifth {first:.3f}, last fifth {last:.3f}")
    print(f"p99 of the samples' medians: {quantiles(latency, n=100)[98]:.3f} ms")
    early, late = held[fifth - 1] >> 10, held[-1] >> 10
    print(f"memory: {early} MiB after a fifth, {late} MiB at the end")
    if options.plot:
        options.plot.write_text(plot(latency, held, options.actions))
        print(f"plot: {options.plot}")
    grew = last > first * MAX_GROWTH or gained > MAX_MEMORY
    if grew:
        print("GREW: latency or memory")
    return int(grew)


if __name__ == "__main__":
    os.chdir(Path(__file__).parent)
    sys.exit(main())
