"""What recording one decision costs, beside the floor: the same bytes, and a sync.

    python benchmarks/evidence.py [FOLDER]

The entries are real decisions of the policy `forge`. The floor writes the same bytes to
a preallocated file of the same size and waits for the same sync, and nothing else; both
take turns, so that what else the machine does meets both. FOLDER is on the disk that
matters; default: here.
"""

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from clawlaw.core.actions import Proposal
from clawlaw.core.facts import Facts
from clawlaw.core.merkle import Frontier
from clawlaw.evidence.frame import ENTRY, FIRST_LINK, Place, encode_frame
from clawlaw.evidence.log import Log
from clawlaw.evidence.note import Signer
from clawlaw.evidence.schema import Decided, Entry, encode_entry
from clawlaw.evidence.segment import segment_paths, write_zeros
from clawlaw.evidence.verify import verify
from clawlaw.gate.evaluator import Evaluator
from clawlaw.policy.builtin import builtin
from clawlaw.policy.compile import load
from clawlaw.record import DecisionRecord

APPENDS = 2_000
ENTRIES = 100_000  # verified
GROUP = 32


def record() -> DecisionRecord:
    """A decision on a shell command, as the gate records it."""
    policy = load(builtin("forge"))
    who, where = next(iter(policy.principals)), policy.workspace[0]
    proposal = Proposal(who, "s", "exec", {"command": "make test"}, where)
    return Evaluator(policy).evaluate(proposal, Facts(now=0)).record()


def entry(number: int, made: DecisionRecord) -> bytes:
    """One entry of the log."""
    body = Decided(f"d-{number:016x}", made, permit="sha256:" + "0" * 64)
    return encode_entry(Entry(1, number, 1_790_000_000_000 + number, "boot", body))


def per_call(call: Callable[[], object], times: int = 5_000) -> float:
    """Microseconds of a call, the best of five runs."""
    best = float("inf")
    for _ in range(5):
        begin = time.perf_counter()
        for _ in range(times):
            call()
        best = min(best, (time.perf_counter() - begin) / times)
    return best * 1e6


def show(name: str, seconds: list[float]) -> float:
    """Print the distribution of a row; its median in microseconds."""
    ordered = sorted(value * 1e6 for value in seconds)
    median = statistics.median(ordered)
    at = [ordered[int(len(ordered) * part)] for part in (0.95, 0.99)]
    print(f"{name:<34}{median:>9.0f}{at[0]:>9.0f}{at[1]:>9.0f}")
    return median


def appends(folder: Path, signer: Signer, made: DecisionRecord, group: int) -> None:
    """Appends and the floor in turns."""
    path = folder / f"floor-{group}"
    payloads = [entry(i, made) for i in range(group)]
    size = sum(len(payload) + 76 for payload in payloads)
    count = APPENDS // (4 if group > 1 else 1)
    fd = write_zeros(path, count * size)
    log_folder = folder / f"log-{group}"
    ours: list[float] = []
    floor: list[float] = []
    data = bytes(size)
    with Log.open(log_folder, "bench", signer) as log:
        for turn in range(count):
            begin = time.perf_counter()
            os.pwrite(fd, data, turn * size)
            os.fdatasync(fd)
            floor.append(time.perf_counter() - begin)
            begin = time.perf_counter()
            log.append([entry(log.size + i, made) for i in range(group)])
            ours.append(time.perf_counter() - begin)
    os.close(fd)
    low = show(f"floor: write + sync, {group} entries", floor)
    high = show(f"encode + append, {group} entries", ours)
    print(f"{'':<34}{high / low:>8.2f}x")


def throughput(folder: Path, signer: Signer, made: DecisionRecord) -> None:
    """Verify a log of many entries."""
    target = folder / "verified"
    with Log.open(target, "bench", signer) as log:
        while log.size < ENTRIES:
            log.append([entry(log.size + i, made) for i in range(500)])
    paths = segment_paths(target)
    size = sum(path.stat().st_size for path in paths)
    begin = time.perf_counter()
    report = verify(paths)
    seconds = time.perf_counter() - begin
    assert report.intact  # noqa: S101  # a benchmark of a broken log says nothing
    rate = report.entries / seconds
    speed = size / seconds / 1e6
    print(f"verify: {report.entries} entries, {speed:.0f} MB/s, {rate:,.0f}/s")


def main() -> None:
    """Print all rows."""
    signer = Signer("bench", Ed25519PrivateKey.generate())
    made = record()
    payload = entry(0, made)
    place = Place(0, 0, 0, 0)
    frontier = Frontier()
    encoded = per_call(lambda: entry(7, made))
    framed = per_call(
        lambda: frontier.append(
            encode_frame(ENTRY, place, FIRST_LINK, payload, last=True)[1]
        )
    )
    print(f"one entry: {len(payload)} bytes")
    print(f"encode {encoded:.1f} us, frame + hash + tree {framed:.1f} us")
    print(f"{'us':<34}{'p50':>9}{'p95':>9}{'p99':>9}")
    base = sys.argv[1] if len(sys.argv) > 1 else "."
    with tempfile.TemporaryDirectory(dir=base, prefix="bench-") as made_folder:
        for group in (1, GROUP):
            appends(Path(made_folder), signer, made, group)
        throughput(Path(made_folder), signer, made)


if __name__ == "__main__":
    main()
